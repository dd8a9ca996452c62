/**
 * screen.h - a page of rows that is drawn anew each time, and of which only rows that changed are written.
 *
 * Plain ECMA-48 sequences, which every terminal of today takes, and no terminal library: a row is one text that a test
 * can read, and each part of a row is put at its own column, so that a terminal that disagrees on the width of some
 * character cannot shift what stands behind it. Colours are the terminal's own sixteen, which its owner has chosen for
 * a dark or a light ground; only faces of people have colours of their own, on a ground of that colour.
 */
#ifndef CHAT_SCREEN_H
#define CHAT_SCREEN_H

#include "base/buf.h"

enum chat_style {
	CHAT_PLAIN,
	CHAT_DIM,
	CHAT_BOLD,
	CHAT_GOOD,
	CHAT_WARN,
	CHAT_BAD,
	CHAT_ACCENT,
	CHAT_SELECTED,      /* reversed */
	CHAT_SELECTED_BOLD, /* the same, for a name */
	CHAT_BADGE,         /* a count that wants to be seen */
	CHAT_STYLES
};

struct chat_screen {
	int rows, columns;
	bool colour, true_colour;
	struct hy_buf *next, *shown; /* one for each row */
	bool all;                    /* nothing that is shown is known */
	int row, column;             /* where the next text goes, from 0 */
	int cursor_row, cursor_column;
};

void chat_screen_init(struct chat_screen *s, bool colour, bool true_colour);
void chat_screen_fini(struct chat_screen *s);
/** Begins a page of this size. */
void chat_screen_begin(struct chat_screen *s, int rows, int columns);
/** Rows are filled from left to right. Outside of the page nothing is drawn. */
void chat_screen_at(struct chat_screen *s, int row, int column);
/** Text of at most `columns`, cut with an ellipsis. Returns the columns used. */
int chat_screen_put(struct chat_screen *s, enum chat_style style, const char *text, size_t len, int columns);
int chat_screen_puts(struct chat_screen *s, enum chat_style style, const char *text, int columns);
void chat_screen_blank(struct chat_screen *s, enum chat_style style, int columns);
void chat_screen_line(struct chat_screen *s, int columns); /* a rule */
/** " B " on somebody's colour: three columns. */
void chat_screen_initial(struct chat_screen *s, uint32_t rgb, const char *name);
void chat_screen_cursor(struct chat_screen *s, int row, int column);
/** Appends what brings the terminal there. */
void chat_screen_end(struct chat_screen *s, struct hy_buf *out);

#endif
