/**
 * mon_screen.h - what `hongyan mon` shows of a monitor's file: for people, for scripts, as JSON.
 */
#ifndef MAIN_MON_SCREEN_H
#define MAIN_MON_SCREEN_H

#include "base/buf.h"
#include "monitor/mon_view.h"

/** What was asked for: values whose name, or method, begins so. count 0: all. */
struct mon_filter {
	char *const *names;
	int count;
};

/** "the server runs since ..." or "the server ended, last values of ...": one line, no line's end. */
void mon_say_state(const struct mon_view *v, uint64_t now_ms, struct hy_buf *out);
/** "name value" lines. False: nothing is called so. */
bool mon_list(const struct mon_view *v, const struct mon_filter *filter, struct hy_buf *out);
/** One line. */
void mon_json(const struct mon_view *v, const struct mon_filter *filter, struct hy_buf *out);
/**
 * A table of at most `rows` (at least 3) lines of at most `columns` characters: methods first, by their share of the
 * calls; then what is not 0. When there are more lines, those from *top on, which is moved to where there are some, and
 * below them how to see the others. `before` was taken `us` earlier; NULL: there is none yet, and no rate.
 */
void mon_screen(const struct mon_view *v, const struct mon_view *before, uint64_t us, const struct mon_filter *filter,
	unsigned rows, unsigned columns, unsigned *top, uint64_t now_ms, struct hy_buf *out);

#endif
