/*
 * hosts: where jobs may run besides here: sim-hosts(5), and what `--on` says.
 *
 *   --on NAME[:PART]        a section of the file; PART: a partition (slurm) or a group (pueue)
 *   --on slurm[:PARTITION]  without such a section: Slurm's commands on this machine
 *   --on ssh:HOST           a section HOST of kind ssh, else an ssh destination
 *   --on pueue[:HOST[/GROUP]]   a section HOST of kind pueue, else an ssh destination; none: this machine
 *
 * The file is the first of $SIM_HOSTS (which must be there), $XDG_CONFIG_HOME/simspool/hosts (~/.config/…) and /etc/simspool/hosts.
 * Whatever is wrong with it is one message, "FILE:LINE: …" (65), and nothing of it is used.
 */
#ifndef REMOTE_HOSTS_H
#define REMOTE_HOSTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

enum host_kind { HOST_SLURM, HOST_SSH, HOST_PUEUE };
#define HOST_NKINDS 3

struct host {
	struct arena arena;    /* owns all strings */
	char *on;              /* what it was asked for as: "slurm:debug" */
	char *name;            /* of its section, or what stands for one */
	enum host_kind kind;
	char *host;            /* ssh destination; NULL: this machine */
	char *folder;          /* on the other side; a relative one begins in the home directory there */
	char *shared;          /* the same folder as seen from here, absolute; NULL: files are copied */
	char *partition, *account, *constraint, *group;   /* NULL: the scheduler's own choice */
	char **options;        /* further words for sbatch or pueue add, NULL at the end */
	char **ssh_options;    /* further words for ssh, before its destination, NULL at the end */
	int apart;             /* work = own: commands work in a folder of their own (bring.h) */
	char *programs;        /* folder of our programs there, absolute; NULL: found or sent */
	int64_t poll_ns;       /* between two looks */
	int64_t cpus, gpus;    /* to be shared out there; -1: not said */
	int64_t margin_ns;     /* a scheduler's limit is later than the job's own by this */
};

#define HOST_FOLDER_DEFAULT ".local/state/simspool-remote"

const char *host_kind_name(enum host_kind k);

/* Fills *h from what `on` says and the file. host_free() it. 0; -1: 64 `on` is none of the above, 65 the file is wrong, 66 $SIM_HOSTS is not there. */
int host_find(struct host *h, const char *on, struct err *e);
/* The same with the file named (NULL: no file). */
int host_find_in(struct host *h, const char *on, const char *file, struct err *e);
void host_free(struct host *h);

#endif
