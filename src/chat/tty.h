/**
 * tty.h - the terminal as a device: raw keys in, its size, and the signals that concern it, as messages.
 */
#ifndef CHAT_TTY_H
#define CHAT_TTY_H

#include "base/buf.h"
#include "env/env.h"

struct chat_tty;

enum chat_tty_event { CHAT_TTY_KEYS, CHAT_TTY_RESIZED, CHAT_TTY_HANG_UP /* end: SIGTERM, SIGHUP, no more input */ };

struct chat_tty_msg {
	struct env_msg msg; /* fn as given; the receiver frees it by chat_tty_msg_free() */
	void *arg;
	enum chat_tty_event event;
	struct hy_buf bytes;
};
void chat_tty_msg_free(struct chat_tty_msg *m);

/** Raw mode and the other screen. `fn` runs on the inbox's thread. NULL: standard input is no terminal. */
struct chat_tty *chat_tty_open(
	struct env *env, struct env_inbox *inbox, void (*fn)(struct env_msg *msg), void *arg, const char *title);
/** The terminal is as it was before. What reads it stays, and is never freed: it may wait for keys. */
void chat_tty_restore(struct chat_tty *t);
void chat_tty_size(int *ret_rows, int *ret_columns);
void chat_tty_write(const struct hy_buf *out);

#endif
