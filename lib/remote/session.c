/* session: see session.h. */
#include "remote/session.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clk.h"

#define SESSIONS 8
#define MS ((int64_t)1000000)
#define PATIENCE (3000 * MS)

int
session_quit(int quit)
{
	struct pollfd p = {.fd = quit, .events = POLLIN};

	return quit && poll(&p, 1, 0) > 0;
}

/* -1: all are taken; -2: there can be none. */
static int
take_any(const char *control)
{
	int first = (int)(getpid() % SESSIONS);

	for (int i = 0; i < SESSIONS; i++) {
		char path[128];
		int fd;

		if ((size_t)snprintf(path, sizeof path, "%s.%d", control, (first + i) % SESSIONS) >= sizeof path)
			return -2;
		fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return -2;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return fd;
		close(fd);
	}
	return -1;
}

int
session_take(const char *control, int quit, int64_t until)
{
	int64_t end = clk_boot_ns() + PATIENCE;
	int fd = -1;

	while (*control && (fd = take_any(control)) == -1 && clk_boot_ns() < end && clk_boot_ns() < until && !session_quit(quit))
		poll(NULL, 0, 10);
	return fd < 0 ? -1 : fd;
}

static int
lead_path(const char *control, char *out, size_t n)
{
	return (size_t)snprintf(out, n, "%s.lead", control) < n ? 0 : -1;
}

/* Locks of fcntl(2): those of flock(2) would go on in the keepers that sim-run forks. */
void
session_lead(const char *control, int *fd)
{
	struct flock l = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	char path[128];

	if (*fd > 0 || lead_path(control, path, sizeof path) < 0)
		return;
	*fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd >= 0)
		fcntl(*fd, F_SETLK, &l);
}

int
session_is_led(const char *control)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[128];
	int fd = lead_path(control, path, sizeof path) < 0 ? -1 : open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW), led;

	if (fd < 0)
		return 0;
	led = fcntl(fd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK;
	close(fd);
	return led;
}
