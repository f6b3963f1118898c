/* cli: see cli.h. */
#include "common/cli.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/io.h"
#include "base/num.h"

static const char *prog = "sim";

void
cli_start(const char *program)
{
	sigset_t none;

	prog = program;
	/* What is closed is opened the wrong way round: using it fails, and no file of ours gets its number. */
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) < 0)
			_exit(ERR_OS);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void
cli_die(const struct err *e)
{
	fprintf(stderr, "%s: %s\n", prog, e->msg);
	exit(e->status ? e->status : ERR_SOFTWARE);
}

void
cli_usage(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", prog);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, " (try %s --help)\n", prog);
	exit(ERR_USAGE);
}

void
cli_usage_hint(void)
{
	exit(ERR_USAGE); /* getopt has said what is wrong, in one line */
}

void
cli_warn(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: warning: ", prog);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void
cli_plain(struct buf *b, size_t from)
{
	for (size_t i = from; i + 1 < b->len; i++) {
		unsigned char c = (unsigned char)b->s[i];

		if (c < 0x20 || c == 0x7f)
			b->s[i] = '?';
		else if (c == 0xc2 && (unsigned char)b->s[i + 1] < 0xa0) /* U+0080 to U+009F: those of eight bits */
			b->s[i] = b->s[i + 1] = '?';
	}
}

void
cli_out(const char *s, size_t n)
{
	struct err e;

	if (io_write_all(1, s, n) < 0) {
		err_sys(&e, ERR_IO, "cannot write to standard output");
		cli_die(&e);
	}
}

int
cli_help(const char *text)
{
	cli_out(text, strlen(text));
	return 0;
}

int
cli_version(void)
{
	char line[100];
	int n = snprintf(line, sizeof line, "%s %s\n", prog, SIM_VERSION);

	cli_out(line, (size_t)n);
	return 0;
}

int
cli_colour(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && !(no && *no) && !(term && !strcmp(term, "dumb"));
}

int
cli_width(int fd)
{
	struct winsize ws;

	if (ioctl(fd, TIOCGWINSZ, &ws) == 0 && ws.ws_col >= 20)
		return ws.ws_col;
	return 80;
}

enum cli_format
cli_format(const char *arg, const char *allowed)
{
	static const char *const names[] = {"table", "ndjson", "json", "csv"};

	for (int i = 0; i < 4; i++)
		if (!strcmp(arg, names[i]) && strstr(allowed, names[i]))
			return (enum cli_format)i;
	cli_usage("--format: \"%s\" is none of %s", arg, allowed);
}

static int bar_shown;

void
cli_progress_bar(int64_t done, int64_t total, double seconds, const char *unit)
{
	double part = total > 0 ? (double)done / (double)total : 0;
	double rate = seconds > 0 ? (double)done / seconds : 0;
	int width = cli_width(2), cells, full;
	char line[400];
	int n = 0;

	cells = width > 100 ? 40 : width > 60 ? width - 58 : 2;
	full = (int)(part * cells);
	line[n++] = '\r';
	for (int i = 0; i < cells && n < 300; i++)
		n += snprintf(line + n, sizeof line - (size_t)n, "%s", i < full ? "█" : "░");
	n += snprintf(line + n, sizeof line - (size_t)n, " %3.0f %%  %.4g of %.4g %s  %.3g/s", 100 * part, (double)done,
	              (double)total, unit, rate);
	if (rate > 0 && done < total)
		n += snprintf(line + n, sizeof line - (size_t)n, "  %.0f s left", (double)(total - done) / rate);
	n += snprintf(line + n, sizeof line - (size_t)n, "\033[K");
	io_write_all(2, line, (size_t)n);
	bar_shown = 1;
}

void
cli_progress_done(void)
{
	if (bar_shown)
		io_write_all(2, "\r\033[K", 4);
	bar_shown = 0;
}

void
cli_reraise(int sig)
{
	signal(sig, SIG_DFL);
	raise(sig);
	exit(128 + sig);
}

void
cli_put_value(struct buf *b, const struct value *v)
{
	char num[NUM_DOUBLE_MAX];

	switch (v->kind) {
	case V_NUM:
		num_format_double(v->u.num, num);
		buf_puts(b, num);
		break;
	case V_BOOL:
		buf_puts(b, v->boolean ? "TRUE" : "FALSE");
		break;
	case V_TEXT:
		buf_printf(b, "\"%s\"", v->u.text->s);
		break;
	case V_ERROR:
		buf_puts(b, xl_error_name((enum xl_error)v->error));
		break;
	case V_ARRAY:
		buf_printf(b, "{%d x %d}", v->u.array->rows, v->u.array->cols);
		break;
	default:
		buf_puts(b, "(empty)");
	}
}
