/**
 * edit.h - the line that somebody types: UTF-8 with a cursor, in one or more lines, a kill buffer, and own lines of
 * before.
 *
 * Steps are whole clusters (text.h). Threads: one. At most CHAT_EDIT_MAX bytes: more are not taken in.
 */
#ifndef CHAT_EDIT_H
#define CHAT_EDIT_H

#include "base/buf.h"

#define CHAT_EDIT_MAX 8192u
#define CHAT_EDIT_HISTORY_MAX 200u

/** A zeroed one is empty. */
struct chat_edit {
	char text[CHAT_EDIT_MAX + 1]; /* ends with NUL */
	size_t len, cursor;           /* bytes; the cursor stands before the byte of that number */
	char *killed;
	char *history[CHAT_EDIT_HISTORY_MAX]; /* oldest first */
	unsigned history_count, history_at;   /* at: which one is shown; the count: none */
	char *kept;                           /* what was typed before history was looked at */
};

void chat_edit_fini(struct chat_edit *e);
void chat_edit_set(struct chat_edit *e, const char *text); /* cursor at its end */
/** Tells whether all of it had room. Bytes that are no UTF-8, and control characters but line feeds, are made visible.
 */
bool chat_edit_insert(struct chat_edit *e, const char *text, size_t len);

void chat_edit_left(struct chat_edit *e);
void chat_edit_right(struct chat_edit *e);
void chat_edit_word_left(struct chat_edit *e);
void chat_edit_word_right(struct chat_edit *e);
void chat_edit_home(struct chat_edit *e); /* of its line */
void chat_edit_end(struct chat_edit *e);
/** One line up or down within the text; false: there is none. */
bool chat_edit_up(struct chat_edit *e);
bool chat_edit_down(struct chat_edit *e);

void chat_edit_backspace(struct chat_edit *e);
void chat_edit_delete(struct chat_edit *e);
void chat_edit_kill_word(struct chat_edit *e); /* before the cursor, to a space */
void chat_edit_kill_word_right(struct chat_edit *e);
void chat_edit_kill_to_home(struct chat_edit *e);
void chat_edit_kill_to_end(struct chat_edit *e);
void chat_edit_yank(struct chat_edit *e);
void chat_edit_swap(struct chat_edit *e); /* the clusters on both sides of the cursor */

/** Notes a line for later; the same one twice in a row counts once. */
void chat_edit_remember(struct chat_edit *e, const char *line);
void chat_edit_older(struct chat_edit *e);
void chat_edit_newer(struct chat_edit *e);

#endif
