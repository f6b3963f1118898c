/* clean: see clean.h. */
#include "remote/clean.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/sha256.h"
#include "spool/spool.h"

#define DAY 86400

static int
older(const char *path, time_t age)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_mtime + age < time(NULL);
}

/* What we gave a name: SHA256, SHA256.EXT, SHA256.EXT.part. What else lies there is somebody's own. */
static int
is_ours(const char *name)
{
	char sha[SHA256_TEXT];

	snprintf(sha, sizeof sha, "%.64s", name);
	return sha256_is_text(sha) && (!name[64] || name[64] == '.');
}

/* The entries of a folder whose `mark` (NULL: themselves) was not touched for a month; of what never arrived whole, for two days. */
static void
clean_folder(const char *folder, const char *mark)
{
	DIR *d = opendir(folder);
	struct dirent *x;

	while (d && (x = readdir(d))) {
		char path[PATH_MAX], look[PATH_MAX];
		size_t n = strlen(x->d_name);
		int part = n > 5 && !strcmp(x->d_name + n - 5, ".part");

		if (!is_ours(x->d_name) || (size_t)snprintf(path, sizeof path, "%s/%s", folder, x->d_name) >= sizeof path ||
		    (size_t)snprintf(look, sizeof look, "%s%s%s", path, mark ? "/" : "", mark ? mark : "") >= sizeof look)
			continue;
		if (access(look, F_OK) == 0 ? older(look, part ? 2 * DAY : 30 * DAY) : older(path, 2 * DAY))
			spool_remove_tree(path, NULL);
	}
	if (d)
		closedir(d);
}

/* Nothing of it was touched for a month: a content that is used is, under all its names. */
static int
unused(const char *path, int depth)
{
	DIR *d = older(path, 30 * DAY) ? opendir(path) : NULL;
	struct dirent *x;
	int yes = d || (older(path, 30 * DAY) && errno == ENOTDIR);

	while (d && yes && (x = readdir(d))) {
		char below[PATH_MAX];

		if (!strcmp(x->d_name, ".") || !strcmp(x->d_name, ".."))
			continue;
		yes = depth < 32 && (size_t)snprintf(below, sizeof below, "%s/%s", path, x->d_name) < sizeof below && unused(below, depth + 1);
	}
	if (d)
		closedir(d);
	return yes;
}

/* Of jobs that have no attempt here: what their children had in common, and checkpoints nobody came back to. */
static void
clean_jobs(const char *folder)
{
	char jobs[PATH_MAX], path[PATH_MAX], attempts[PATH_MAX];
	DIR *d;
	struct dirent *x;

	if ((size_t)snprintf(jobs, sizeof jobs, "%s/jobs", folder) >= sizeof jobs || !(d = opendir(jobs)))
		return;
	while ((x = readdir(d)))
		if (x->d_name[0] != '.' && (size_t)snprintf(path, sizeof path, "%s/%s", jobs, x->d_name) < sizeof path &&
		    (size_t)snprintf(attempts, sizeof attempts, "%s/attempts", path) < sizeof attempts && access(attempts, F_OK) < 0 && errno == ENOENT &&
		    unused(path, 0))
			spool_remove_tree(path, NULL);
	closedir(d);
}

static void
clean_spools(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *x;
	char path[PATH_MAX];

	while (d && (x = readdir(d)))
		if (!strncmp(x->d_name, "sim-", 4) && strlen(x->d_name) == 36 && (size_t)snprintf(path, sizeof path, "%s/%s", folder, x->d_name) < sizeof path)
			clean_jobs(path);
	if (d)
		closedir(d);
}

void
clean_there(const char *folder, const char *self)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	/* used today */
	if ((size_t)snprintf(path, sizeof path, "%.*s/complete", (int)(strrchr(self, '/') ? strrchr(self, '/') - self : 0), self) < sizeof path)
		utimensat(AT_FDCWD, path, NULL, 0);
	if ((size_t)snprintf(path, sizeof path, "%s/cleaned", folder) >= sizeof path || (stat(path, &st) == 0 && !older(path, DAY)))
		return;
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || futimens(fd, NULL) < 0)
		return;
	close(fd);
	if ((size_t)snprintf(path, sizeof path, "%s/content", folder) < sizeof path)
		clean_folder(path, NULL);
	if ((size_t)snprintf(path, sizeof path, "%s/programs", folder) < sizeof path)
		clean_folder(path, "complete");
	clean_spools(folder);
}
