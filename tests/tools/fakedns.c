/*
 * fakedns: preloaded, it stands in for a name server. Names under dead.test never get an answer (a minute's silence); names
 * under private.test are 127.0.0.1; names under gone.test do not exist. $FAKEDNS_LOG gets a byte for each look-up.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res);

static int
ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n >= k && !strcmp(s + n - k, end);
}

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	const char *log = getenv("FAKEDNS_LOG");
	int fd = log ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (fd >= 0) {
		if (write(fd, ".", 1) != 1)
			abort();
		close(fd);
	}
	if (node && ends_in(node, "dead.test")) {
		sleep(60);
		return EAI_AGAIN;
	}
	if (node && ends_in(node, "gone.test"))
		return EAI_NONAME;
	if (node && ends_in(node, "private.test")) {
		usleep(50000);
		return real("127.0.0.1", service, hints, res);
	}
	return real(node, service, hints, res);
}
