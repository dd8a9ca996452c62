/* ui_people.c - the left pane: requests, conversations, contacts. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "chat/text.h"
#include "chat/ui.h"

enum group { REQUESTS, TALKS, CONTACTS, GROUPS };

static enum group group_of(const struct chat_person *p)
{
	if (p->relation == HONGYAN_RELATION_INCOMING && !p->blocked)
		return REQUESTS;
	return p->last_n ? TALKS : CONTACTS;
}

static int compare(const void *a, const void *b)
{
	const struct chat_person *p = *(struct chat_person *const *)a, *q = *(struct chat_person *const *)b;
	enum group g = group_of(p), h = group_of(q);
	char left[128], right[128];
	if (g != h)
		return g < h ? -1 : 1;
	if (g == TALKS && p->last_n != q->last_n)
		return p->last_n > q->last_n ? -1 : 1;
	if (g == REQUESTS && p->asked_ms != q->asked_ms)
		return p->asked_ms > q->asked_ms ? -1 : 1;
	return strcmp(chat_person_title(p, left, sizeof left), chat_person_title(q, right, sizeof right));
}

static void add(void *arg, struct chat_person *p)
{
	struct ui *u = arg;
	bool worth = p->relation != HONGYAN_RELATION_NONE || p->last_n || p->blocked || p->uin == u->selected;
	if (p->uin == u->me->uin || !worth) {
		chat_person_free(p);
		return;
	}
	if (u->count == u->capacity) {
		u->capacity = HY_MAX(16u, 2 * u->capacity);
		u->people = hy_realloc(u->people, u->capacity * sizeof(struct chat_person *));
	}
	u->people[u->count++] = p;
}

void ui_people_free(struct ui *u)
{
	for (unsigned i = 0; i < u->count; i++)
		chat_person_free(u->people[i]);
	u->count = 0;
	chat_person_free(hy_take(u->me));
}

void ui_people_load(struct ui *u)
{
	ui_people_free(u);
	u->me = chat_store_me(u->store);
	chat_store_people(u->store, add, u);
	if (u->count > 0)
		qsort(u->people, u->count, sizeof(struct chat_person *), compare);
	if (!ui_person(u))
		u->selected = 0;
}

struct chat_person *ui_person(const struct ui *u)
{
	for (unsigned i = 0; i < u->count; i++)
		if (u->people[i]->uin == u->selected)
			return u->people[i];
	return NULL;
}

void ui_people_step(struct ui *u, int step)
{
	int at = -1;
	for (unsigned i = 0; i < u->count; i++)
		if (u->people[i]->uin == u->selected)
			at = (int)i;
	if (u->count == 0)
		return;
	at = at < 0 ? 0 : HY_MAX(0, HY_MIN((int)u->count - 1, at + step));
	ui_select(u, u->people[at]->uin);
}

unsigned ui_people_requests(const struct ui *u)
{
	unsigned n = 0;
	while (n < u->count && group_of(u->people[n]) == REQUESTS)
		n++;
	return n;
}

unsigned ui_people_unread(const struct ui *u)
{
	unsigned n = 0;
	for (unsigned i = 0; i < u->count; i++)
		n += u->people[i]->unread;
	return n;
}

/** "13:21" of today, "Mon" of this week, else the date. */
static void short_time(struct env *env, uint64_t ms, char *text, size_t size)
{
	time_t then = (time_t)(ms / 1000), now = (time_t)(env_wall_ms(env) / 1000);
	struct tm a, b;
	localtime_r(&then, &a);
	localtime_r(&now, &b);
	bool today = a.tm_yday == b.tm_yday && a.tm_year == b.tm_year;
	if (today)
		strftime(text, size, "%H:%M", &a);
	else if (now - then < 6 * 86400)
		strftime(text, size, "%a", &a);
	else
		strftime(text, size, "%Y-%m-%d", &a);
}

static const char *preview(const struct chat_person *p, uint32_t selected)
{
	if (group_of(p) == REQUESTS)
		return p->greeting[0] ? p->greeting : "asks to become your contact";
	if (p->draft[0] && p->last_n && p->uin != selected)
		return p->draft;
	if (p->last_n)
		return p->last_text;
	return p->relation == HONGYAN_RELATION_CONTACT ? p->signature : chat_person_relation(p);
}

static void draw_name(struct ui *u, const struct chat_person *p, int row, int columns)
{
	bool chosen = p->uin == u->selected;
	enum chat_style style = chosen ? CHAT_SELECTED_BOLD : p->unread ? CHAT_BOLD : CHAT_PLAIN;
	char title[128], when[16] = "";
	chat_person_title(p, title, sizeof title);
	if (group_of(p) == TALKS)
		short_time(u->env, p->last_ms, when, sizeof when);
	int right = (int)strlen(when);
	chat_screen_at(&u->screen, row, 0);
	chat_screen_initial(&u->screen, p->colour, title);
	chat_screen_blank(&u->screen, chosen ? CHAT_SELECTED : CHAT_PLAIN, 1);
	int room = columns - 4 - right - 2;
	int used = chat_screen_puts(&u->screen, style, title, room);
	chat_screen_blank(&u->screen, chosen ? CHAT_SELECTED : CHAT_PLAIN, room - used + 1);
	chat_screen_at(&u->screen, row, columns - right - 1);
	chat_screen_puts(&u->screen, chosen ? CHAT_SELECTED : CHAT_DIM, when, right);
	chat_screen_blank(&u->screen, chosen ? CHAT_SELECTED : CHAT_PLAIN, 1);
}

static void draw_preview(struct ui *u, const struct chat_person *p, int row, int columns)
{
	char badge[16] = "";
	bool request = group_of(p) == REQUESTS;
	if (p->unread)
		snprintf(badge, sizeof badge, p->unread > 99 ? "99+" : "%u", p->unread);
	else if (request)
		snprintf(badge, sizeof badge, "new");
	int right = (int)strlen(badge);
	const char *text = preview(p, u->selected);
	chat_screen_at(&u->screen, row, 4);
	int room = columns - 4 - right - 2;
	if (p->draft[0] && p->last_n && !request && p->uin != u->selected)
		room -= chat_screen_puts(&u->screen, CHAT_WARN, "draft ", room);
	else if (group_of(p) == TALKS && p->last_mine && !p->blocked)
		room -= chat_screen_puts(&u->screen, CHAT_DIM, "You: ", room);
	chat_screen_put(&u->screen, p->blocked ? CHAT_BAD : CHAT_DIM, p->blocked ? "blocked" : text,
		p->blocked ? 7 : strcspn(text, "\n"), room);
	chat_screen_at(&u->screen, row, columns - right - 1);
	chat_screen_puts(&u->screen, CHAT_BADGE, badge, right);
}

/** The top of the list moves only as far as the selected one wants to be seen. */
static void follow_selection(struct ui *u, unsigned room)
{
	unsigned at = 0;
	for (unsigned i = 0; i < u->count; i++)
		if (u->people[i]->uin == u->selected)
			at = i;
	if (at < u->list_top)
		u->list_top = at;
	if (at >= u->list_top + room)
		u->list_top = at - room + 1;
	if (u->count <= room)
		u->list_top = 0;
}

void ui_people_draw(struct ui *u, int top, int rows, int columns)
{
	if (u->count == 0 && !chat_session_ready(u->session)) {
		if (!ui_wide(u))
			ui_trouble_draw(u, top, rows, 1, columns - 2);
		return;
	}
	if (u->count == 0) {
		static const char *const hints[] = {
			"Nobody is here yet.", "", "/add NAME asks", "somebody to become", "your contact."};
		for (int i = 0; i < (int)HY_COUNT_OF(hints) && i < rows; i++) {
			chat_screen_at(&u->screen, top + i, 1);
			chat_screen_puts(&u->screen, CHAT_DIM, hints[i], columns - 2);
		}
		return;
	}
	int height = rows >= 12 || rows >= 2 * (int)u->count ? 2 : 1;
	unsigned room = (unsigned)HY_MAX(1, rows / height);
	follow_selection(u, room);
	for (unsigned i = 0; i < room && u->list_top + i < u->count; i++) {
		const struct chat_person *p = u->people[u->list_top + i];
		draw_name(u, p, top + (int)i * height, columns);
		if (height == 2)
			draw_preview(u, p, top + (int)i * height + 1, columns);
	}
}
