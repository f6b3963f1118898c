/* Hosts: every mistake in the file is one message with its line; what --on says. SHA-256: known answers. Words quoted and answers taken apart are
 * shown by ssh.bats, where there are a shell and an sshd. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/sha256.h"
#include "remote/hosts.h"
#include "tests/unit/tap.h"

static char path[] = "/tmp/test_remote-XXXXXX";

static void
write_hosts(const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	fwrite(text, 1, n, f);
	fclose(f);
}

static void
bad(const char *text, const char *line, const char *says)
{
	char want[200];
	struct err e = {0};
	struct host h;
	int rc;

	write_hosts(text, strlen(text));
	rc = host_find_in(&h, "slurm", path, &e);
	snprintf(want, sizeof want, "%s:%s: ", path, line);
	ok(rc == -1 && e.status == ERR_DATA && !strncmp(e.msg, want, strlen(want)) && strstr(e.msg, says), "%s", e.msg);
	if (rc == 0)
		host_free(&h);
}

static void
on(const char *asked, const char *shown)
{
	char got[400];
	struct err e = {0};
	struct host h;

	if (host_find_in(&h, asked, path, &e) < 0) {
		snprintf(got, sizeof got, "%d", e.status);
		is_text(got, shown, asked);
		return;
	}
	snprintf(got, sizeof got, "%s %s host=%s part=%s", host_kind_name(h.kind), h.name, h.host ? h.host : "-",
	         h.partition ? h.partition : h.group ? h.group : "-");
	is_text(got, shown, asked);
	is_text(h.on, asked, "on");
	host_free(&h);
}

static void
test_bad(void)
{
	char nul[] = "[a]\nkind = s\0sh\n";
	struct err e = {0};
	struct host h;

	bad("kind = ssh\n", "1", "before the first [NAME]");
	bad("[a]\nkind = ssh\nhost = x\nfolderr = /y\n", "4", "\"folderr\" is no key");
	bad("[a]\nkind = torque\n", "2", "no kind (slurm, ssh, pueue)");
	bad("# c\n\n[a]\nhost = x\n", "3", "has no kind");
	bad("[a]\nkind = ssh\n", "1", "names no host");
	bad("[a]\nkind = ssh\nhost = x\n[b]\nkind = slurm\n[a]\nkind = slurm\n", "6", "there already, in line 1");
	bad("[a]\nkind = slurm\nkind = slurm\n", "3", "said already, in line 2");
	bad("[a]\nkind = ssh\nhost = -oProxyCommand=evil\n", "3", "begins with a hyphen");
	bad("[a]\nkind = ssh\nhost = two words\n", "3", "holds a blank");
	bad("[a]\nkind = ssh\nhost =\n", "3", "is empty");
	bad("[a]\nkind = ssh\nhost = x\npartition = p\n", "4", "means nothing where kind = ssh");
	bad("[a]\nkind = slurm\ngroup = g\n", "3", "means nothing where kind = slurm");
	bad("[a]\nkind = pueue\nmargin = 1min\n", "3", "means nothing where kind = pueue");
	bad("[a]\nkind = slurm\nssh-options = -4\n", "3", "without a host");
	bad("[a]\nkind = slurm\noptions = --x 'open\n", "3", "a ' is not closed");
	bad("[a]\nkind = slurm\noptions = --x \\\n", "3", "nothing follows");
	bad("[a]\nkind = slurm\npoll = soon\n", "3", "no span of time");
	bad("[a]\nkind = slurm\npoll = 1us\n", "3", "not between");
	bad("[a]\nkind = slurm\npoll = 2h\n", "3", "not between");
	bad("[a]\nkind = slurm\nshared = rel/ative\n", "3", "is not absolute");
	bad("[a]\nkind = slurm\nprograms = bin\n", "3", "is not absolute");
	bad("[a b]\nkind = slurm\n", "1", "is no name");
	bad("[]\nkind = slurm\n", "1", "is no name");
	bad("[a] x\n", "1", "alone on its line");
	bad("[a]\nnonsense\n", "2", "neither [NAME] nor KEY = VALUE");
	bad("[a]\nkind = slurm\npartition = \xff\n", "3", "no UTF-8");
	write_hosts(nul, sizeof nul - 1);
	ok(host_find_in(&h, "slurm", path, &e) == -1 && strstr(e.msg, ":2: holds a NUL"), "%s", e.msg);
	ok(host_find_in(&h, "slurm", "/nonexistent/hosts", &e) == -1 && e.status == ERR_NOINPUT, "%s", e.msg);
}

static void
test_good(void)
{
	const char *text = "; comment\r\n"
	                   "[big]\r\n"
	                   "kind = ssh\r\n"
	                   "host=me@big.example\r\n"
	                   "folder = ~/runs/\r\n"
	                   "ssh-options = -F '/etc/my ssh' -p\\ 22 \"a'b\"\r\n"
	                   "poll = 500ms\r\n"
	                   "[cluster]\nkind = slurm\nhost = login\npartition = long\naccount = a\nconstraint = avx512\nmargin = 5min\n"
	                   "options = --qos=low --nice\nshared = /scratch/me\nprograms = /opt/bin\n"
	                   "[slurm]\nkind = slurm\npartition = mine\n"
	                   "[desk]\nkind = pueue\nhost = desk\ngroup = gpu";
	struct err e = {0};
	struct host h;

	write_hosts(text, strlen(text));
	ok(host_find_in(&h, "big", path, &e) == 0, "a section (%s)", e.msg);
	is_text(h.folder, "~/runs", "folder");
	is_text(h.ssh_options[1], "/etc/my ssh", "a quoted word");
	is_text(h.ssh_options[2], "-p 22", "an escaped blank");
	is_text(h.ssh_options[3], "a'b", "an apostrophe in quotes");
	ok(!h.ssh_options[4] && !h.options[0] && h.poll_ns == 500000000 && h.margin_ns == 60000000000, "the rest");
	host_free(&h);
	ok(host_find_in(&h, "cluster", path, &e) == 0 && !strcmp(h.account, "a") && !strcmp(h.constraint, "avx512") &&
	   !strcmp(h.shared, "/scratch/me") && !strcmp(h.programs, "/opt/bin") && h.margin_ns == 300000000000 && !strcmp(h.options[1], "--nice"),
	   "a cluster");
	host_free(&h);
	on("big", "ssh big host=me@big.example part=-");
	on("ssh:big", "ssh big host=me@big.example part=-");
	on("ssh:me@other", "ssh me@other host=me@other part=-");
	on("cluster", "slurm cluster host=login part=long");
	on("cluster:short", "slurm cluster host=login part=short");
	on("slurm", "slurm slurm host=- part=mine");
	on("slurm:debug", "slurm slurm host=- part=debug");
	on("desk", "pueue desk host=desk part=gpu");
	on("desk:cpu", "pueue desk host=desk part=cpu");
	on("pueue:desk", "pueue desk host=desk part=gpu");
	on("pueue:desk/cpu", "pueue desk host=desk part=cpu");
	on("pueue:other/cpu", "pueue other host=other part=cpu");
	on("pueue", "pueue pueue host=- part=-");
	on("pueue:/cpu", "pueue pueue host=- part=cpu");
	on("ssh:cluster", "ssh cluster host=cluster part=-");
	on("big:part", "64");
	on("nowhere", "64");
	on("", "64");
	on("ssh", "64");
	on("ssh:", "64");
	on("ssh:-x", "64");
	on("slurm:", "64");
	on("pueue:a/", "64");
}

static void
test_sha256(void)
{
	static const struct { const char *text, *sum; } known[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	char out[SHA256_TEXT], a[1000];
	struct sha256 s;

	for (size_t i = 0; i < 3; i++) {
		sha256_init(&s);
		sha256_add(&s, known[i].text, strlen(known[i].text));
		sha256_text(&s, out);
		is_text(out, known[i].sum, "SHA-256");
	}
	memset(a, 'a', sizeof a);
	sha256_init(&s);
	for (size_t n = 0, k = 1; n < 1000000; n += k, k = k % 997 + 1) /* in pieces of every length */
		sha256_add(&s, a, k = k > 1000000 - n ? 1000000 - n : k);
	sha256_text(&s, out);
	is_text(out, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", "SHA-256 of a million a's");
}

int
main(void)
{
	int fd = mkstemp(path);

	close(fd);
	test_bad();
	test_good();
	test_sha256();
	unlink(path);
	return done();
}
