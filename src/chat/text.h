/**
 * text.h - text as a terminal shows it: UTF-8 characters, their columns, lines that are broken where people break them.
 *
 * Columns are those of wcwidth(), which follows the process's locale: chat_text_init() first. What must not reach a
 * terminal (control characters, marks that turn the direction of writing) counts, and is shown, as U+FFFD.
 * Threads: any, after chat_text_init(). Nothing here allocates but what takes a hy_buf.
 */
#ifndef CHAT_TEXT_H
#define CHAT_TEXT_H

#include "base/buf.h"

/** Makes the process's character set UTF-8 whatever the surroundings say. */
void chat_text_init(void);

/** The character at `s`; bytes that are no UTF-8 are U+FFFD, one by one. Returns its bytes; 0 only for `len` 0. */
size_t chat_text_next(const char *s, size_t len, uint32_t *ret_char);
/** A character and what belongs to it (accents, joined emoji): what a cursor steps over. */
size_t chat_text_cluster(const char *s, size_t len, int *ret_columns);
/** Where the cluster before offset `at` begins. */
size_t chat_text_cluster_before(const char *s, size_t at);
int chat_text_columns(const char *s, size_t len);
/** How many bytes of `s` have room in `columns`, whole clusters. */
size_t chat_text_fit(const char *s, size_t len, int columns, int *ret_columns);
/**
 * One line of a longer text: how many bytes it shows, and in *ret_next how many to go on after (a line feed or the
 * space at a break are not shown). At least one cluster, so that it ends in the narrowest window.
 */
size_t chat_text_wrap(const char *s, size_t len, int columns, size_t *ret_next);
/** Appends what may be shown. Line feeds and tabs become a space. */
void chat_text_append_visible(struct hy_buf *out, const char *s, size_t len);
/** Valid UTF-8 without NUL; what is none becomes U+FFFD. */
void chat_text_append_valid(struct hy_buf *out, const char *s, size_t len);

#endif
