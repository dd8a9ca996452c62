/* ui.c - the full screen: what the session tells, and what follows for what is shown. See ui.h and faces.h. */
#include "chat/ui.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "chat/faces.h"
#include "chat/text.h"

#define NOTICE_US (4u * 1000 * 1000)
#define DRAFT_US (500u * 1000) /* after the last key, before it is stored */
#define ESCAPE_US (50u * 1000) /* an ESC alone is the key */

/* ---- telling somebody -------------------------------------------------------------------------------------------- */

void ui_notice(struct ui *u, bool bad, const char *text)
{
	hy_free(u->notice);
	u->notice = hy_strdup(text);
	u->notice_bad = bad;
	u->notice_until_us = env_mono_us(u->env) + NOTICE_US;
}

void ui_close_page(struct ui *u)
{
	hy_free(hy_take(u->page));
}

void ui_say(void *arg, const char *text)
{
	struct ui *u = arg;
	if (!strchr(text, '\n')) {
		ui_notice(u, false, text);
		return;
	}
	ui_close_page(u);
	u->page = hy_strdup(text);
	u->page_top = 0;
}

static void say_buf(struct ui *u, struct hy_buf *out, bool bad)
{
	hy_buf_append(out, "", 1);
	if (bad)
		ui_notice(u, true, (const char *)hy_buf_data(out));
	else
		ui_say(u, (const char *)hy_buf_data(out));
	hy_buf_fini(out);
}

/* ---- conversations and drafts ------------------------------------------------------------------------------------ */

static void must(struct ui *u, int status)
{
	if (status != HY_OK)
		ui_notice(u, true, chat_store_why(u->store));
}

void ui_save_draft(struct ui *u)
{
	const char *draft = u->edit->text[0] == '/' ? "" : u->edit->text;
	if (!u->selected || u->secret || (u->draft && strcmp(u->draft, draft) == 0))
		return;
	must(u, chat_store_draft(u->store, u->selected, draft));
	hy_free(u->draft);
	u->draft = hy_strdup(draft);
	u->stale_people = true;
}

void ui_select(struct ui *u, uint32_t uin)
{
	if (uin == u->selected || u->secret)
		return;
	ui_save_draft(u);
	ui_close_page(u);
	u->selected = uin;
	u->scroll = 0;
	u->row_limit = UI_ROWS_STEP;
	ui_people_load(u);
	const struct chat_person *p = ui_person(u);
	hy_free(u->draft);
	u->draft = hy_strdup(p ? p->draft : "");
	if (u->edit->text[0] != '/')
		chat_edit_set(u->edit, u->draft);
	u->stale_rows = true;
}

bool ui_still_finding(struct ui *u)
{
	if (!u->finding || !chat_session_looks_for(u->session, u->finding))
		return false;
	char text[160];
	snprintf(text, sizeof text, "still looking for %.64s; Esc gives that up", u->finding);
	ui_notice(u, true, text);
	return true;
}

/** What is in sight, with its end, is read. */
static void note_read(struct ui *u)
{
	const struct chat_person *p = ui_person(u);
	if (!p || p->unread == 0 || !ui_talk_shown(u) || u->scroll > 0 || !u->focused)
		return;
	must(u, chat_store_read(u->store, p->uin, p->last_n));
	ui_people_load(u);
}

void ui_end(struct ui *u)
{
	ui_save_draft(u);
	chat_session_end_when_sent(u->session, 0);
	ui_notice(u, false, "sending what waits ...");
}

/* ---- what the session tells -------------------------------------------------------------------------------------- */

/** A bell at the end of this turn, and a notice with this name. */
static void tell_outside(struct ui *u, const char *title)
{
	struct hy_buf text = {0};
	chat_text_append_visible(&text, title, strlen(title));
	hy_buf_append(&text, "", 1);
	hy_free(u->news_text);
	u->news_text = (char *)text.mem;
	u->news++;
}

static void on_row(void *arg, const struct chat_row *row, bool fresh)
{
	struct ui *u = arg;
	u->stale_people = true;
	u->stale_rows |= row->peer == u->selected;
	if (!fresh || row->mine || (u->focused && row->peer == u->selected))
		return;
	struct chat_person *p = chat_store_person(u->store, row->peer);
	char title[128];
	if (p)
		tell_outside(u, chat_person_title(p, title, sizeof title));
	chat_person_free(p);
}

static bool asks_already(const struct ui *u, uint32_t uin)
{
	for (unsigned i = 0; i < u->count; i++)
		if (u->people[i]->uin == uin)
			return u->people[i]->relation == HONGYAN_RELATION_INCOMING;
	return false;
}

static void on_person(void *arg, uint32_t uin)
{
	struct ui *u = arg;
	u->stale_people = true;
	u->stale_rows |= uin == 0 || uin == u->selected;
	struct chat_person *p = uin && !asks_already(u, uin) ? chat_store_person(u->store, uin) : NULL;
	if (p && p->relation == HONGYAN_RELATION_INCOMING && !p->blocked) {
		char title[128], text[200];
		snprintf(
			text, sizeof text, "%s asks to become your contact", chat_person_title(p, title, sizeof title));
		ui_notice(u, false, text);
		tell_outside(u, title);
	}
	chat_person_free(p);
}

static void on_accepted(void *arg, const struct chat_person *p)
{
	struct ui *u = arg;
	char title[128], text[200];
	snprintf(text, sizeof text, "%s is your contact now", chat_person_title(p, title, sizeof title));
	ui_notice(u, false, text);
	tell_outside(u, title);
}

static void on_state(void *arg, enum hongyan_state state) {}

static void on_done(void *arg, enum chat_verb verb, const char *name, int status, const char *why)
{
	struct ui *u = arg;
	struct hy_buf out = {0};
	if (verb == CHAT_SEND && status == HONGYAN_OK)
		return;
	chat_say_done(&out, verb, name, status, why);
	say_buf(u, &out, status != HONGYAN_OK);
	if (verb == CHAT_FIND)
		hy_free(hy_take(u->finding));
	u->signed_out |= verb == CHAT_SIGN_OUT && status == HONGYAN_OK && strcmp(name, "this") == 0;
	/* Not under the hands of who has begun to write to somebody else. */
	bool opens = (verb == CHAT_ADD || verb == CHAT_ACCEPT) && status == HONGYAN_OK && u->edit->len == 0;
	struct chat_person *p = opens ? chat_store_person_named(u->store, name) : NULL;
	if (p) {
		ui_select(u, p->uin);
		u->in_list = false;
	}
	chat_person_free(p);
}

static void on_found(void *arg, const struct hongyan_profile *profile)
{
	struct ui *u = arg;
	if (!u->finding || strcmp(u->finding, profile->name) != 0)
		return; /* given up */
	hy_free(hy_take(u->finding));
	char *typed = hy_strdup(u->edit->text[0] == '/' ? "" : u->edit->text); /* since: it goes along */
	if (typed[0])
		chat_edit_set(u->edit, "");
	ui_select(u, profile->uin);
	if (typed[0])
		chat_edit_set(u->edit, typed);
	hy_free(typed);
	u->in_list = false;
}

static void on_devices(void *arg, const struct hongyan_device *devices, size_t count)
{
	struct hy_buf out = {0};
	chat_say_devices(&out, devices, count);
	say_buf(arg, &out, false);
}

static void on_ended(void *arg, int status, const char *why)
{
	struct ui *u = arg;
	ui_notice(u, true, why);
}

static void on_tty(struct env_msg *msg)
{
	struct chat_tty_msg *m = hy_container_of(msg, struct chat_tty_msg, msg);
	struct ui *u = m->arg;
	struct chat_key key;
	if (m->event == CHAT_TTY_KEYS) {
		chat_keys_feed(&u->keys, hy_buf_data(&m->bytes), hy_buf_len(&m->bytes));
		while (chat_keys_next(&u->keys, false, &key))
			ui_key(u, &key);
		u->hurry = chat_keys_pending(&u->keys);
		u->draft_due_us = env_mono_us(u->env) + DRAFT_US;
	} else if (m->event == CHAT_TTY_HANG_UP) {
		ui_save_draft(u);
		chat_session_end(u->session, 0);
	}
	chat_tty_msg_free(m);
}

/* ---- turns ------------------------------------------------------------------------------------------------------- */

/** Bell and notice, once for all that came together, and not from a terminal that is looked at; the window's title. */
static void notify(struct ui *u)
{
	struct hy_buf out = {0};
	unsigned unread = ui_people_unread(u);
	if (u->news > 0 && u->notify)
		hy_buf_printf(&out, "\a\033]9;Hongyan: %s\a\033]777;notify;Hongyan;%s\a", u->news_text, u->news_text);
	if (unread != u->title_unread && u->notify) {
		u->title_unread = unread;
		if (unread > 0)
			hy_buf_printf(&out, "\033]2;(%u) %s - Hongyan\a", unread, chat_session_name(u->session));
		else
			hy_buf_printf(&out, "\033]2;%s - Hongyan\a", chat_session_name(u->session));
	}
	u->news = 0;
	if (hy_buf_len(&out) > 0)
		chat_tty_write(&out);
	hy_buf_fini(&out);
}

/** What time brings: an ESC that stays alone, a draft to store, a notice that was seen long enough. */
static void pass_time(struct ui *u, uint64_t now_us)
{
	struct chat_key key;
	if (u->hurry && now_us + DRAFT_US - ESCAPE_US >= u->draft_due_us) {
		while (chat_keys_next(&u->keys, true, &key))
			ui_key(u, &key);
		u->hurry = false;
	}
	if (u->draft_due_us && now_us >= u->draft_due_us) {
		ui_save_draft(u);
		u->draft_due_us = 0;
	}
	if (u->notice && now_us >= u->notice_until_us)
		hy_free(hy_take(u->notice));
}

static uint64_t turn(void *arg)
{
	struct ui *u = arg;
	uint64_t now_us = env_mono_us(u->env), next_us = UINT64_MAX;
	pass_time(u, now_us);
	if (u->stale_people)
		ui_people_load(u);
	if (u->stale_rows)
		ui_talk_load(u);
	u->stale_people = u->stale_rows = false;
	note_read(u);
	notify(u);
	ui_draw(u);
	if (u->hurry)
		next_us = now_us + ESCAPE_US;
	if (u->draft_due_us)
		next_us = HY_MIN(next_us, u->draft_due_us);
	if (u->notice)
		next_us = HY_MIN(next_us, u->notice_until_us);
	if (chat_session_state(u->session) != HONGYAN_ONLINE || chat_session_trouble(u->session, NULL))
		next_us = HY_MIN(next_us, now_us + 1000000);
	return HY_MIN(next_us, now_us + 60000000); /* days begin, times of yesterday change */
}

static void fini(struct ui *u)
{
	ui_people_free(u);
	ui_talk_free(u);
	hy_free(u->people);
	hy_free(u->rows);
	hy_free(u->page);
	hy_free(u->notice);
	hy_free(u->draft);
	hy_free(u->news_text);
	hy_free(u->finding);
	chat_edit_fini(u->edit);
	hy_free(u->edit);
	chat_keys_fini(&u->keys);
	chat_screen_fini(&u->screen);
}

int chat_face_screen(struct chat_session *s, bool use_notices)
{
	const char *no_colour = getenv("NO_COLOR"), *colours = getenv("COLORTERM"), *term = getenv("TERM");
	struct ui *u = hy_zalloc(sizeof *u);
	*u = (struct ui){.session = s,
		.store = chat_session_store(s),
		.env = chat_session_env(s),
		.notify = use_notices && term && strcmp(term, "linux") != 0,
		.focused = true,
		.in_list = true,
		.row_limit = UI_ROWS_STEP,
		.stale_people = true};
	u->edit = hy_zalloc(sizeof *u->edit);
	chat_screen_init(&u->screen, !(no_colour && no_colour[0]),
		colours && (strcmp(colours, "truecolor") == 0 || strcmp(colours, "24bit") == 0));
	chat_session_set_face(s, &(struct chat_face){.arg = u,
					 .on_row = on_row,
					 .on_person = on_person,
					 .on_accepted = on_accepted,
					 .on_state = on_state,
					 .on_done = on_done,
					 .on_found = on_found,
					 .on_devices = on_devices,
					 .on_ended = on_ended,
					 .turn = turn});
	u->tty = chat_tty_open(u->env, chat_session_inbox(s), on_tty, u, "Hongyan");
	if (!u->tty)
		return 1;
	int status = chat_session_run(s);
	chat_tty_restore(u->tty);
	if (u->signed_out)
		fprintf(stderr,
			"hongyan chat: signed out; the history stays here, and the next start asks for the password\n");
	if (status != 0 && u->notice)
		fprintf(stderr, "hongyan chat: %s\n", u->notice);
	else if (chat_session_waiting(s) > 0)
		fprintf(stderr, "hongyan chat: %u texts wait in the outbox; they are sent at the next start\n",
			chat_session_waiting(s));
	chat_session_set_face(s, &(struct chat_face){0});
	fini(u); /* the struct itself stays: the keys' actor points to it */
	return status;
}
