/* ui_draw.c - the page: head, panes, the line that is typed, the status. */
#include <limits.h>
#include <stdio.h>

#include "base/mem.h"
#include "chat/text.h"
#include "chat/ui.h"

#define INPUT_ROWS_MAX 6

static const char bar[] = "\xe2\x94\x82";

bool ui_wide(const struct ui *u)
{
	return u->screen.columns >= UI_NARROW;
}

bool ui_talk_shown(const struct ui *u)
{
	return u->selected && !u->page && (ui_wide(u) || !u->in_list);
}

static int list_columns(const struct ui *u)
{
	return ui_wide(u) ? HY_MAX(26, HY_MIN(36, u->screen.columns / 3)) : u->screen.columns;
}

/* ---- the line that is typed -------------------------------------------------------------------------------------- */

static const char *label(const struct ui *u)
{
	switch (u->secret) {
	case UI_SECRET_OLD:
		return "old password: ";
	case UI_SECRET_NEW:
		return "new password: ";
	case UI_SECRET_AGAIN:
		return "once more: ";
	case UI_SECRET_NONE:
		break;
	}
	return "> ";
}

/** Where lines of the text begin, and which holds the cursor. Returns how many lines there are. */
static int input_lines(const struct ui *u, int columns, size_t *begins, size_t *ends, int most, int *ret_cursor_line)
{
	const struct chat_edit *e = u->edit;
	int count = 0;
	*ret_cursor_line = 0;
	for (size_t at = 0, next; count < most; at += next) {
		begins[count] = at;
		ends[count] = at + chat_text_wrap(e->text + at, e->len - at, columns, &next);
		if (e->cursor >= at)
			*ret_cursor_line = count;
		count++;
		bool line_feed_last = at + next == e->len && e->len > 0 && e->text[e->len - 1] == '\n' && next > 0;
		if (at + next >= e->len && !line_feed_last)
			break;
	}
	return count;
}

enum { LINES_MAX = 1024 };

static int input_rows(const struct ui *u, int columns)
{
	size_t begins[LINES_MAX], ends[LINES_MAX];
	int cursor_line;
	if (u->secret)
		return 1;
	int count = input_lines(u, columns - 3, begins, ends, LINES_MAX, &cursor_line);
	return HY_MIN(count, INPUT_ROWS_MAX);
}

static void draw_secret(struct ui *u, int row, int column, int columns)
{
	char stars[64];
	int typed = chat_text_columns(u->edit->text, u->edit->len);
	int shown = HY_MIN(typed, (int)sizeof stars - 1);
	memset(stars, '*', (size_t)shown);
	int used = chat_screen_puts(&u->screen, CHAT_WARN, label(u), columns);
	chat_screen_put(&u->screen, CHAT_PLAIN, stars, (size_t)shown, columns - used);
	chat_screen_cursor(&u->screen, row, column + used + shown);
}

static void draw_input(struct ui *u, int top, int rows, int column, int columns)
{
	size_t begins[LINES_MAX], ends[LINES_MAX];
	int cursor_line;
	chat_screen_at(&u->screen, top, column);
	if (u->secret) {
		draw_secret(u, top, column, columns);
		return;
	}
	const struct chat_edit *e = u->edit;
	int count = input_lines(u, columns - 3, begins, ends, LINES_MAX, &cursor_line);
	int first = HY_MAX(0, HY_MIN(cursor_line - rows / 2, count - rows));
	for (int i = 0; i < rows && first + i < count; i++) {
		size_t begin = begins[first + i], end = ends[first + i];
		chat_screen_at(&u->screen, top + i, column);
		chat_screen_puts(&u->screen, CHAT_ACCENT, first + i == 0 ? "> " : "  ", 2);
		chat_screen_put(&u->screen, CHAT_PLAIN, e->text + begin, end - begin, columns - 2);
		if (first + i == cursor_line)
			chat_screen_cursor(&u->screen, top + i,
				column + 2 + chat_text_columns(e->text + begin, HY_MIN(e->cursor, end) - begin));
	}
	if (e->len == 0)
		chat_screen_puts(
			&u->screen, CHAT_DIM, u->selected ? "a message, or /help" : "/add NAME, or /help", columns - 3);
}

/* ---- head and status --------------------------------------------------------------------------------------------- */

static void draw_list_head(struct ui *u, int columns)
{
	unsigned requests = ui_people_requests(u);
	char text[32];
	chat_screen_at(&u->screen, 0, 1);
	chat_screen_puts(&u->screen, CHAT_BOLD, "鸿雁 Hongyan", columns - 2);
	if (requests == 0)
		return;
	int len = snprintf(text, sizeof text, requests == 1 ? "1 request" : "%u requests", requests);
	chat_screen_at(&u->screen, 0, columns - len - 1);
	chat_screen_puts(&u->screen, CHAT_BADGE, text, len);
}

static void draw_talk_head(struct ui *u, int column, int columns)
{
	const struct chat_person *p = ui_person(u);
	char title[128], about[256];
	chat_screen_at(&u->screen, 0, column);
	if (!p)
		return;
	chat_person_title(p, title, sizeof title);
	chat_screen_initial(&u->screen, p->colour, title);
	chat_screen_blank(&u->screen, CHAT_PLAIN, 1);
	int used = 4 + chat_screen_puts(&u->screen, CHAT_BOLD, title, columns - 4);
	snprintf(about, sizeof about, "  @%s%s%s%s%s", p->name,
		p->relation == HONGYAN_RELATION_CONTACT && !p->blocked && !p->gone ? "" : " · ",
		p->relation == HONGYAN_RELATION_CONTACT && !p->blocked && !p->gone ? "" : chat_person_relation(p),
		p->signature[0] ? " · " : "", p->signature);
	chat_screen_puts(&u->screen, CHAT_DIM, about, columns - used);
}

/** As much of it as there is room for. */
static void trouble_text(const struct ui *u, char *text, size_t size, int columns)
{
	static const char *const ways[] = {"; trying again", "; again", ""};
	uint64_t seconds;
	const char *trouble = chat_session_trouble(u->session, &seconds);
	for (size_t i = 0; i < HY_COUNT_OF(ways); i++) {
		char when[32] = "";
		if (seconds > 0 && ways[i][0])
			snprintf(when, sizeof when, " in %llu s", (unsigned long long)seconds);
		snprintf(text, size, "%s%s%s", trouble, ways[i], when);
		if (chat_text_columns(text, strlen(text)) <= columns)
			return;
	}
}

static void connection_text(const struct ui *u, char *text, size_t size, int columns, enum chat_style *ret_style)
{
	uint64_t seconds = (env_mono_us(u->env) - chat_session_state_since(u->session)) / 1000000;
	*ret_style = CHAT_WARN;
	if (chat_session_trouble(u->session, NULL)) {
		char trouble[400];
		bool online = chat_session_state(u->session) == HONGYAN_ONLINE;
		trouble_text(u, trouble, sizeof trouble, columns - 2);
		snprintf(text, size, "%s %s", online ? "●" : "○", trouble);
	} else if (chat_session_state(u->session) == HONGYAN_ONLINE) {
		*ret_style = CHAT_GOOD;
		snprintf(text, size, "● online");
	} else if (chat_session_state(u->session) == HONGYAN_OFFLINE) {
		snprintf(text, size, "○ signing in");
	} else if (chat_session_short_link(u->session)) {
		snprintf(text, size, "◐ short link only");
	} else if (seconds < 3) {
		snprintf(text, size, "○ connecting");
	} else {
		snprintf(text, size, "○ connecting, for %llu s", (unsigned long long)seconds);
	}
}

void ui_trouble_draw(struct ui *u, int top, int rows, int column, int columns)
{
	char text[400];
	if (!chat_session_trouble(u->session, NULL))
		return;
	trouble_text(u, text, sizeof text, INT_MAX);
	size_t at = 0, next, len = strlen(text);
	for (int i = 0; i < rows && at < len; i++, at += next) {
		size_t end = chat_text_wrap(text + at, len - at, columns, &next);
		chat_screen_at(&u->screen, top + i, column);
		chat_screen_put(&u->screen, CHAT_WARN, text + at, end, columns);
	}
}

static const char *hints(const struct ui *u)
{
	if (u->page)
		return "Esc back   PgUp PgDn";
	if (u->secret)
		return "Enter on   Esc cancel";
	if (!ui_wide(u))
		return u->in_list ? "Enter open   /help" : "Esc list   /help";
	return "Tab next   PgUp history   /help";
}

static void draw_status(struct ui *u, int row)
{
	struct chat_screen *s = &u->screen;
	char connection[420], waiting[32] = "";
	enum chat_style style;
	if (u->notice) {
		chat_screen_at(s, row, 1);
		chat_screen_puts(s, u->notice_bad ? CHAT_BAD : CHAT_BOLD, u->notice, s->columns - 2);
		return;
	}
	chat_screen_at(s, row, 1);
	const char *name = chat_session_name(u->session);
	chat_screen_puts(s, CHAT_BOLD, name, 20);
	unsigned count = chat_session_waiting(u->session);
	if (count > 0)
		snprintf(waiting, sizeof waiting, "  %u to send", count);
	chat_screen_puts(s, CHAT_WARN, waiting, 20);
	chat_screen_puts(s, CHAT_PLAIN, "  ", 2);
	connection_text(u, connection, sizeof connection, s->columns - s->column - 1, &style);
	chat_screen_puts(s, style, connection, s->columns - s->column - 1);
	unsigned unread = ui_wide(u) || u->in_list ? 0 : ui_people_unread(u);
	if (unread > 0)
		snprintf(waiting, sizeof waiting, "   %u unread", unread);
	chat_screen_puts(s, CHAT_BADGE, unread > 0 ? waiting : "", 20);
	const char *keys = hints(u);
	int len = chat_text_columns(keys, strlen(keys));
	if (s->columns - len - 1 <= s->column + 1)
		return;
	chat_screen_at(s, row, s->columns - len - 1);
	chat_screen_puts(s, CHAT_DIM, keys, len);
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

static void draw_bar(struct ui *u, int column, int rows)
{
	for (int i = 0; i < rows; i++) {
		chat_screen_at(&u->screen, i, column);
		chat_screen_puts(&u->screen, CHAT_DIM, bar, 1);
	}
}

static void draw_right(struct ui *u, int column, int columns, int body)
{
	if (u->page)
		ui_page_draw(u, 0, body + 1, column, columns);
	else
		draw_talk_head(u, column, columns);
	if (!u->page && u->selected) {
		chat_screen_at(&u->screen, 1, column);
		chat_screen_line(&u->screen, columns - 1);
		ui_talk_draw(u, 2, body - 1, column, columns);
	} else if (!u->page) {
		chat_screen_at(&u->screen, 2, column + 1);
		if (u->count > 0 || chat_session_ready(u->session))
			chat_screen_puts(&u->screen, CHAT_DIM,
				"Tab goes to a conversation, /help tells what can be done.", columns - 2);
		ui_trouble_draw(u, 4, body - 3, column + 1, columns - 2);
	}
}

void ui_draw(struct ui *u)
{
	struct hy_buf out = {0};
	int rows, columns;
	chat_tty_size(&rows, &columns);
	rows = HY_MAX(rows, 5);
	columns = HY_MAX(columns, 16);
	chat_screen_begin(&u->screen, rows, columns);
	bool wide = ui_wide(u) && !u->page, list = wide || (u->in_list && !u->page);
	int left = list_columns(u), column = wide ? left + 2 : 0, width = columns - column;
	int input = HY_MIN(input_rows(u, width), HY_MAX(1, rows / 3));
	int body = rows - 2 - input - 1; /* rows above the rule over the input, without the first */
	if (list) {
		draw_list_head(u, left);
		ui_people_draw(u, 2, (wide ? rows - 1 : body + 1) - 2, left);
		chat_screen_at(&u->screen, 1, 0);
		chat_screen_line(&u->screen, left);
	}
	if (wide)
		draw_bar(u, left, rows - 1);
	if (wide || !list)
		draw_right(u, column, width, body);
	chat_screen_at(&u->screen, rows - 2 - input, column);
	chat_screen_line(&u->screen, width - (wide ? 1 : 0));
	draw_input(u, rows - 1 - input, input, column, width);
	draw_status(u, rows - 1);
	chat_screen_end(&u->screen, &out);
	chat_tty_write(&out);
	hy_buf_fini(&out);
}
