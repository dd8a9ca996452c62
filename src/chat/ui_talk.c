/* ui_talk.c - the right pane: who it is, what was said, how it went. */
#include <stdio.h>
#include <time.h>

#include "base/mem.h"
#include "chat/text.h"
#include "chat/ui.h"

#define INDENT 4      /* of texts: under the name, right of the face */
#define PAGE_INDENT 4 /* of what goes on of a long line */
#define GUTTER 8      /* "13:21 ✓" and a space before */

enum kind { BLANK, DAY, NAME, TEXT, WHY, NOTE, PAGE };

/** One line of the pane; the text is borrowed. */
struct line {
	enum kind kind;
	const struct ui_row *row;
	const char *text;
	size_t len;
	bool first; /* of its text: with time and mark */
	enum chat_style style;
};

struct lines {
	struct line *at;
	size_t count, capacity;
};

static void add_row(void *arg, const struct chat_row *row)
{
	struct ui *u = arg;
	if (u->row_count == u->row_capacity) {
		u->row_capacity = HY_MAX(64u, 2 * u->row_capacity);
		u->rows = hy_realloc(u->rows, u->row_capacity * sizeof *u->rows);
	}
	u->rows[u->row_count++] = (struct ui_row){.n = row->n,
		.mine = row->mine,
		.state = row->state,
		.time_ms = row->time_ms,
		.text = hy_strdup(row->text),
		.why = hy_strdup(row->why)};
}

void ui_talk_free(struct ui *u)
{
	for (unsigned i = 0; i < u->row_count; i++) {
		hy_free(u->rows[i].text);
		hy_free(u->rows[i].why);
	}
	u->row_count = 0;
}

void ui_talk_load(struct ui *u)
{
	ui_talk_free(u);
	if (u->selected)
		chat_store_rows(u->store, u->selected, u->row_limit, add_row, u);
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static void push(struct lines *l, struct line line)
{
	if (l->count == l->capacity) {
		l->capacity = HY_MAX((size_t)128, 2 * l->capacity);
		l->at = hy_realloc(l->at, l->capacity * sizeof *l->at);
	}
	l->at[l->count++] = line;
}

static void push_wrapped_line(struct lines *l, struct line line, const char *text, size_t len, int columns)
{
	size_t at = 0, next;
	line.first = true;
	do {
		line.text = text + at;
		line.len = chat_text_wrap(text + at, len - at, HY_MAX(columns, 4), &next);
		push(l, line);
		line.first = false;
		at += next;
	} while (at < len);
}

static void push_wrapped(struct lines *l, struct line line, const char *text, int columns)
{
	push_wrapped_line(l, line, text, strlen(text), columns);
}

static int day_of(uint64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm local;
	localtime_r(&seconds, &local);
	return local.tm_year * 400 + local.tm_yday;
}

static void push_note(struct lines *l, enum chat_style style, const char *text, int columns)
{
	push_wrapped(l, (struct line){.kind = NOTE, .style = style}, text, columns - 2);
}

/** Who somebody is, above what was said, as long as there is little of it or they are no contact. */
static void push_card(struct lines *l, const struct chat_person *p, int columns)
{
	if (p->signature[0])
		push_note(l, CHAT_DIM, p->signature, columns);
	if (p->region[0])
		push_note(l, CHAT_DIM, p->region, columns);
	if (p->relation == HONGYAN_RELATION_INCOMING && p->greeting[0]) {
		push(l, (struct line){.kind = BLANK});
		push_note(l, CHAT_PLAIN, p->greeting, columns);
	}
}

/** `written`: there are messages, so that a letter begins one. */
static const char *what_can_be_done(const struct chat_person *p, bool written)
{
	if (p->gone)
		return "This account was deleted.";
	if (p->blocked)
		return "You have blocked this person. /unblock takes that back.";
	switch (p->relation) {
	case HONGYAN_RELATION_INCOMING:
		return "Asks to become your contact.\na accept   d decline   b block";
	case HONGYAN_RELATION_OUTGOING:
		return "You have asked; there is no answer yet. /delete takes the request back.";
	case HONGYAN_RELATION_ENDED:
		return "This person has declined, or ended the contact. /add asks anew.";
	case HONGYAN_RELATION_NONE:
		return written ? "Not among your contacts. /add asks them to become one."
			       : "Not among your contacts.\na asks them; /add NAME GREETING with some words";
	case HONGYAN_RELATION_CONTACT:
		break;
	}
	return NULL;
}

static void layout(struct ui *u, struct lines *l, int columns)
{
	const struct chat_person *p = ui_person(u);
	const struct ui_row *before = NULL;
	if (p && u->row_count < u->row_limit)
		push_card(l, p, columns);
	for (unsigned i = 0; i < u->row_count; i++) {
		const struct ui_row *row = &u->rows[i];
		bool new_day = !before || day_of(before->time_ms) != day_of(row->time_ms);
		if (new_day)
			push(l, (struct line){.kind = DAY, .row = row});
		if (!new_day && before->mine != row->mine)
			push(l, (struct line){.kind = BLANK});
		if (new_day || before->mine != row->mine)
			push(l, (struct line){.kind = NAME, .row = row});
		push_wrapped(l, (struct line){.kind = TEXT, .row = row}, row->text, columns - INDENT - GUTTER - 1);
		if (row->state == CHAT_ROW_FAILED)
			push_wrapped(l, (struct line){.kind = WHY, .row = row}, row->why, columns - INDENT - 3);
		before = row;
	}
	bool failed = before && before->state == CHAT_ROW_FAILED;
	const char *note = p ? what_can_be_done(p, u->row_count > 0) : NULL;
	if (note) {
		push(l, (struct line){.kind = BLANK});
		push_note(l, CHAT_WARN, note, columns);
	}
	if (failed)
		push_note(l, CHAT_WARN, "Ctrl-R sends what failed again, Ctrl-X drops the last of it.", columns);
	if (p && l->count == 0)
		push_note(l, CHAT_DIM, "Nothing was said yet.", columns);
}

/* ---- painting ---------------------------------------------------------------------------------------------------- */

static void draw_day(struct ui *u, const struct ui_row *row, int columns)
{
	char text[64];
	time_t seconds = (time_t)(row->time_ms / 1000), now = (time_t)(env_wall_ms(u->env) / 1000);
	struct tm local, today;
	localtime_r(&seconds, &local);
	localtime_r(&now, &today);
	if (day_of(row->time_ms) == day_of(env_wall_ms(u->env)))
		snprintf(text, sizeof text, " Today ");
	else
		strftime(
			text, sizeof text, local.tm_year == today.tm_year ? " %A, %-d %B " : " %A, %-d %B %Y ", &local);
	int used = (int)strlen(text), left = (columns - used) / 2;
	chat_screen_line(&u->screen, left);
	chat_screen_puts(&u->screen, CHAT_DIM, text, columns);
	chat_screen_line(&u->screen, columns - used - left - 1);
}

static void draw_name(struct ui *u, const struct ui_row *row, int columns)
{
	const struct chat_person *p = row->mine ? u->me : ui_person(u);
	char title[128];
	if (!p)
		return;
	chat_person_title(p, title, sizeof title);
	const char *face = row->mine && !p->name[0] ? chat_session_name(u->session) : title;
	chat_screen_initial(&u->screen, p->colour, face);
	chat_screen_blank(&u->screen, CHAT_PLAIN, 1);
	chat_screen_puts(&u->screen, CHAT_BOLD, row->mine ? "You" : title, columns - INDENT);
}

static void draw_mark(struct ui *u, const struct ui_row *row, int at_row, int at_column)
{
	char clock[16];
	time_t seconds = (time_t)(row->time_ms / 1000);
	struct tm local;
	localtime_r(&seconds, &local);
	strftime(clock, sizeof clock, "%H:%M", &local);
	chat_screen_at(&u->screen, at_row, at_column);
	chat_screen_puts(&u->screen, CHAT_DIM, clock, 5);
	if (!row->mine)
		return;
	chat_screen_blank(&u->screen, CHAT_PLAIN, 1);
	if (row->state == CHAT_ROW_WAITING)
		chat_screen_puts(&u->screen, CHAT_WARN, "·", 1);
	else if (row->state == CHAT_ROW_FAILED)
		chat_screen_puts(&u->screen, CHAT_BAD, "✗", 1);
	else
		chat_screen_puts(&u->screen, CHAT_GOOD, "✓", 1);
}

static void draw_line(struct ui *u, const struct line *l, int row, int column, int columns)
{
	struct chat_screen *s = &u->screen;
	chat_screen_at(s, row, column);
	switch (l->kind) {
	case BLANK:
		break;
	case DAY:
		draw_day(u, l->row, columns);
		break;
	case NAME:
		draw_name(u, l->row, columns);
		break;
	case TEXT:
		chat_screen_at(s, row, column + INDENT);
		chat_screen_put(s, CHAT_PLAIN, l->text, l->len, columns - INDENT);
		if (l->first)
			draw_mark(u, l->row, row, column + columns - GUTTER);
		break;
	case WHY:
		chat_screen_at(s, row, column + INDENT);
		chat_screen_puts(s, CHAT_BAD, l->first ? "✗ " : "  ", 2);
		chat_screen_put(s, CHAT_BAD, l->text, l->len, columns - INDENT - 2);
		break;
	case PAGE:
		chat_screen_at(s, row, column + 1 + (l->first ? 0 : PAGE_INDENT));
		chat_screen_put(s, CHAT_PLAIN, l->text, l->len, columns - 2);
		break;
	case NOTE:
		chat_screen_at(s, row, column + 1);
		chat_screen_put(s, l->style, l->text, l->len, columns - 2);
		break;
	}
}

void ui_talk_draw(struct ui *u, int top, int rows, int column, int columns)
{
	struct lines l = {0};
	layout(u, &l, columns);
	u->scroll_max = HY_MAX(0, (int)l.count - rows);
	u->scroll = HY_MIN(u->scroll, u->scroll_max);
	int begin = u->scroll_max - u->scroll;
	/* A short conversation stands at the bottom, above the line where it goes on. */
	int above = (int)l.count < rows ? rows - (int)l.count : 0;
	if (u->row_count == 0)
		above = HY_MIN(above, 1);
	for (int i = 0; i < rows - above && begin + i < (int)l.count; i++)
		draw_line(u, &l.at[begin + i], top + above + i, column, columns);
	if (u->scroll > 0) {
		char text[48];
		snprintf(text, sizeof text, " %d more below, Esc ", u->scroll);
		chat_screen_at(&u->screen, top + rows - 1, column);
		chat_screen_puts(&u->screen, CHAT_SELECTED, text, columns);
	}
	hy_free(l.at);
}

void ui_page_draw(struct ui *u, int top, int rows, int column, int columns)
{
	struct lines l = {0};
	for (const char *at = u->page; *at; at += *at == '\n') {
		const char *end = at + strcspn(at, "\n");
		push_wrapped_line(&l, (struct line){.kind = PAGE}, at, (size_t)(end - at), columns - 2 - PAGE_INDENT);
		at = end;
	}
	u->page_max = HY_MAX(0, (int)l.count - rows);
	u->page_top = HY_MAX(0, HY_MIN(u->page_top, u->page_max));
	for (int i = 0; i < rows && u->page_top + i < (int)l.count; i++)
		draw_line(u, &l.at[u->page_top + i], top + i, column, columns);
	hy_free(l.at);
}
