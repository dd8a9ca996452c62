/* edit.c - see edit.h. */
#include "chat/edit.h"

#include "base/mem.h"
#include "chat/text.h"

void chat_edit_fini(struct chat_edit *e)
{
	for (unsigned i = 0; i < e->history_count; i++)
		hy_free(e->history[i]);
	hy_free(e->killed);
	hy_free(e->kept);
	explicit_bzero(e, sizeof *e);
}

void chat_edit_set(struct chat_edit *e, const char *text)
{
	size_t len = HY_MIN(strlen(text), (size_t)CHAT_EDIT_MAX);
	memmove(e->text, text, len);
	e->text[len] = '\0';
	e->len = e->cursor = len;
	e->history_at = e->history_count;
}

bool chat_edit_insert(struct chat_edit *e, const char *text, size_t len)
{
	struct hy_buf clean = {0};
	for (size_t at = 0; at < len;) {
		size_t line = 0;
		while (at + line < len && text[at + line] != '\n' && text[at + line] != '\r')
			line++;
		chat_text_append_visible(&clean, text + at, line);
		at += line;
		if (at == len)
			break;
		hy_buf_append(&clean, "\n", 1);
		at += text[at] == '\r' && at + 1 < len && text[at + 1] == '\n' ? 2 : 1;
	}
	size_t n = hy_buf_len(&clean);
	bool fits = n <= CHAT_EDIT_MAX - e->len;
	if (fits && n > 0) {
		memmove(e->text + e->cursor + n, e->text + e->cursor, e->len - e->cursor + 1);
		memcpy(e->text + e->cursor, hy_buf_data(&clean), n);
		e->len += n;
		e->cursor += n;
	}
	hy_buf_fini(&clean);
	return fits;
}

static size_t after(const struct chat_edit *e, size_t at)
{
	int columns;
	return at + chat_text_cluster(e->text + at, e->len - at, &columns);
}

void chat_edit_left(struct chat_edit *e)
{
	e->cursor = chat_text_cluster_before(e->text, e->cursor);
}

void chat_edit_right(struct chat_edit *e)
{
	e->cursor = after(e, e->cursor);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\n';
}

static size_t word_left(const struct chat_edit *e)
{
	size_t at = e->cursor;
	while (at > 0 && is_blank(e->text[at - 1]))
		at--;
	while (at > 0 && !is_blank(e->text[at - 1]))
		at--;
	return at;
}

static size_t word_right(const struct chat_edit *e)
{
	size_t at = e->cursor;
	while (at < e->len && is_blank(e->text[at]))
		at++;
	while (at < e->len && !is_blank(e->text[at]))
		at++;
	return at;
}

void chat_edit_word_left(struct chat_edit *e)
{
	e->cursor = word_left(e);
}

void chat_edit_word_right(struct chat_edit *e)
{
	e->cursor = word_right(e);
}

static size_t line_begin(const struct chat_edit *e, size_t at)
{
	while (at > 0 && e->text[at - 1] != '\n')
		at--;
	return at;
}

static size_t line_end(const struct chat_edit *e, size_t at)
{
	while (at < e->len && e->text[at] != '\n')
		at++;
	return at;
}

void chat_edit_home(struct chat_edit *e)
{
	e->cursor = line_begin(e, e->cursor);
}

void chat_edit_end(struct chat_edit *e)
{
	e->cursor = line_end(e, e->cursor);
}

/** To the line that begins at `begin`, the same column if it is that long. */
static void to_line(struct chat_edit *e, size_t begin)
{
	int used, columns = chat_text_columns(e->text + line_begin(e, e->cursor), e->cursor - line_begin(e, e->cursor));
	e->cursor = begin + chat_text_fit(e->text + begin, line_end(e, begin) - begin, columns, &used);
}

bool chat_edit_up(struct chat_edit *e)
{
	size_t begin = line_begin(e, e->cursor);
	if (begin == 0)
		return false;
	to_line(e, line_begin(e, begin - 1));
	return true;
}

bool chat_edit_down(struct chat_edit *e)
{
	size_t end = line_end(e, e->cursor);
	if (end == e->len)
		return false;
	to_line(e, end + 1);
	return true;
}

static void cut(struct chat_edit *e, size_t from, size_t to, bool keep)
{
	if (from == to)
		return;
	if (keep) {
		hy_free(e->killed);
		e->killed = hy_zalloc(to - from + 1);
		memcpy(e->killed, e->text + from, to - from);
	}
	memmove(e->text + from, e->text + to, e->len - to + 1);
	e->len -= to - from;
	e->cursor = from;
}

void chat_edit_backspace(struct chat_edit *e)
{
	cut(e, chat_text_cluster_before(e->text, e->cursor), e->cursor, false);
}

void chat_edit_delete(struct chat_edit *e)
{
	cut(e, e->cursor, after(e, e->cursor), false);
}

void chat_edit_kill_word(struct chat_edit *e)
{
	cut(e, word_left(e), e->cursor, true);
}

void chat_edit_kill_word_right(struct chat_edit *e)
{
	cut(e, e->cursor, word_right(e), true);
}

void chat_edit_kill_to_home(struct chat_edit *e)
{
	cut(e, line_begin(e, e->cursor), e->cursor, true);
}

void chat_edit_kill_to_end(struct chat_edit *e)
{
	size_t end = line_end(e, e->cursor);
	cut(e, e->cursor, end > e->cursor || end == e->len ? end : end + 1, true);
}

void chat_edit_yank(struct chat_edit *e)
{
	if (e->killed)
		chat_edit_insert(e, e->killed, strlen(e->killed));
}

void chat_edit_swap(struct chat_edit *e)
{
	if (e->cursor == e->len)
		chat_edit_left(e);
	size_t middle = e->cursor, begin = chat_text_cluster_before(e->text, middle), end = after(e, middle);
	char first[64];
	if (begin == middle || end == middle || middle - begin > sizeof first)
		return;
	memcpy(first, e->text + begin, middle - begin);
	memmove(e->text + begin, e->text + middle, end - middle);
	memcpy(e->text + begin + (end - middle), first, middle - begin);
	e->cursor = end;
}

void chat_edit_remember(struct chat_edit *e, const char *line)
{
	unsigned n = e->history_count;
	if (line[0] && (n == 0 || strcmp(e->history[n - 1], line) != 0)) {
		if (n == CHAT_EDIT_HISTORY_MAX) {
			hy_free(e->history[0]);
			memmove(e->history, e->history + 1, (n - 1) * sizeof e->history[0]);
			n--;
		}
		e->history[n] = hy_strdup(line);
		e->history_count = n + 1;
	}
	e->history_at = e->history_count;
}

void chat_edit_older(struct chat_edit *e)
{
	if (e->history_at == 0)
		return;
	unsigned at = e->history_at - 1;
	if (e->history_at == e->history_count) {
		hy_free(e->kept);
		e->kept = hy_strdup(e->text);
	}
	chat_edit_set(e, e->history[at]);
	e->history_at = at;
}

void chat_edit_newer(struct chat_edit *e)
{
	if (e->history_at >= e->history_count)
		return;
	unsigned at = e->history_at + 1;
	chat_edit_set(e, at < e->history_count ? e->history[at] : e->kept ? e->kept : "");
	e->history_at = at;
}
