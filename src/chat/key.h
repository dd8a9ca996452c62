/**
 * key.h - what a terminal sends, as keys: ECMA-48 and xterm's sequences, Alt as ESC before, pastes in brackets.
 */
#ifndef CHAT_KEY_H
#define CHAT_KEY_H

#include "base/buf.h"

enum chat_key_kind {
	CHAT_KEY_NONE, /* a sequence that means nothing here */
	CHAT_KEY_TEXT, /* text: what was typed */
	CHAT_KEY_PASTE,
	CHAT_KEY_CTRL, /* letter: 'a' to 'z' and so on */
	CHAT_KEY_ALT,  /* letter: what came with it */
	CHAT_KEY_ENTER,
	CHAT_KEY_ALT_ENTER,
	CHAT_KEY_TAB,
	CHAT_KEY_SHIFT_TAB,
	CHAT_KEY_ESCAPE,
	CHAT_KEY_BACKSPACE,
	CHAT_KEY_ALT_BACKSPACE,
	CHAT_KEY_DELETE,
	CHAT_KEY_UP,
	CHAT_KEY_DOWN,
	CHAT_KEY_LEFT,
	CHAT_KEY_RIGHT,
	CHAT_KEY_HOME,
	CHAT_KEY_END,
	CHAT_KEY_PAGE_UP,
	CHAT_KEY_PAGE_DOWN,
	CHAT_KEY_FOCUS, /* the terminal's window has it */
	CHAT_KEY_NO_FOCUS,
};

struct chat_key {
	enum chat_key_kind kind;
	bool modified; /* cursor keys: with Ctrl or Alt */
	char letter;
	const char *text; /* borrowed until the next call */
	size_t len;
};

/** Bytes that are no whole key yet. A zeroed one is ready. */
struct chat_keys {
	struct hy_buf in;
	size_t used; /* of `in`: the key that was given last */
};

void chat_keys_fini(struct chat_keys *k);
void chat_keys_feed(struct chat_keys *k, const void *bytes, size_t len);
/**
 * The next key. False: no whole one. With `waited` a single ESC counts as the key: nothing followed it for a while.
 */
bool chat_keys_next(struct chat_keys *k, bool waited, struct chat_key *ret_key);
/** Something is there that may become a key. */
bool chat_keys_pending(const struct chat_keys *k);

#endif
