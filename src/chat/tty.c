/* tty.c - see tty.h. */
#include "chat/tty.h"

#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"

struct chat_tty {
	struct env_inbox *inbox;
	void (*fn)(struct env_msg *msg);
	void *arg;
	struct termios before;
	sigset_t signals;
};

void chat_tty_msg_free(struct chat_tty_msg *m)
{
	hy_buf_fini(&m->bytes);
	hy_free(m);
}

static struct chat_tty_msg *message(struct chat_tty *t, enum chat_tty_event event)
{
	struct chat_tty_msg *m = hy_zalloc(sizeof *m);
	*m = (struct chat_tty_msg){.msg.fn = t->fn, .arg = t->arg, .event = event};
	return m;
}

static void read_keys(void *arg)
{
	struct chat_tty *t = arg;
	char bytes[4096];
	ssize_t n;
	while ((n = read(STDIN_FILENO, bytes, sizeof bytes)) > 0) {
		struct chat_tty_msg *m = message(t, CHAT_TTY_KEYS);
		hy_buf_append(&m->bytes, bytes, (size_t)n);
		env_inbox_post(t->inbox, &m->msg);
	}
	env_inbox_post(t->inbox, &message(t, CHAT_TTY_HANG_UP)->msg);
}

static void take_signals(void *arg)
{
	struct chat_tty *t = arg;
	int which = SIGWINCH;
	while (which == SIGWINCH && sigwait(&t->signals, &which) == 0)
		env_inbox_post(t->inbox, &message(t, which == SIGWINCH ? CHAT_TTY_RESIZED : CHAT_TTY_HANG_UP)->msg);
}

struct chat_tty *chat_tty_open(
	struct env *env, struct env_inbox *inbox, void (*fn)(struct env_msg *msg), void *arg, const char *title)
{
	struct chat_tty *t = hy_zalloc(sizeof *t);
	struct env_actor *actor;
	*t = (struct chat_tty){.inbox = inbox, .fn = fn, .arg = arg};
	if (tcgetattr(STDIN_FILENO, &t->before) != 0) {
		hy_free(t);
		return NULL;
	}
	sigemptyset(&t->signals);
	sigaddset(&t->signals, SIGWINCH);
	sigaddset(&t->signals, SIGTERM);
	sigaddset(&t->signals, SIGHUP);
	sigaddset(&t->signals, SIGINT);
	sigprocmask(SIG_BLOCK, &t->signals, NULL); /* threads that are started from now on do as this one */
	struct termios raw = t->before;
	cfmakeraw(&raw);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	/* The title is put aside; other screen, pastes in brackets, focus told. */
	printf("\033[22;0t\033[?1049h\033[?2004h\033[?1004h\033]2;%s\a", title);
	fflush(stdout);
	if (env_actor_start(env, "keys", read_keys, t, &actor) != 0 ||
		env_actor_start(env, "signals", take_signals, t, &actor) != 0)
		env_inbox_post(inbox, &message(t, CHAT_TTY_HANG_UP)->msg);
	return t;
}

void chat_tty_restore(struct chat_tty *t)
{
	printf("\033[m\033[?1004l\033[?2004l\033[?1049l\033[?25h\033[23;0t");
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &t->before);
}

void chat_tty_size(int *ret_rows, int *ret_columns)
{
	struct winsize size = {0};
	*ret_rows = 24;
	*ret_columns = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
		return;
	*ret_rows = size.ws_row;
	*ret_columns = size.ws_col;
}

void chat_tty_write(const struct hy_buf *out)
{
	printf("%.*s", (int)hy_buf_len(out), (const char *)hy_buf_data(out));
	fflush(stdout);
}
