/**
 * ui.h - the full screen's state, which its files share: ui.c (what happens), ui_keys.c (keys), ui_people.c and
 * ui_talk.c (the two panes), ui_draw.c (the page).
 */
#ifndef CHAT_UI_H
#define CHAT_UI_H

#include "chat/command.h"
#include "chat/edit.h"
#include "chat/key.h"
#include "chat/screen.h"
#include "chat/tty.h"

#define UI_NARROW 70 /* columns below which there is room for one pane only */
#define UI_ROWS_STEP 200

/** A message of the conversation shown. */
struct ui_row {
	int64_t n;
	bool mine;
	enum chat_row_state state;
	uint64_t time_ms;
	char *text, *why;
};

/** Passwords are asked for one after the other. */
enum ui_secret { UI_SECRET_NONE, UI_SECRET_OLD, UI_SECRET_NEW, UI_SECRET_AGAIN };

struct ui {
	struct chat_session *session;
	struct chat_store *store;
	struct env *env;
	struct chat_screen screen;
	struct chat_tty *tty;
	struct chat_keys keys;
	struct chat_edit *edit;
	bool notify, focused, hurry; /* hurry: an ESC waits for what may follow it */

	/* people */
	struct chat_person **people; /* in the order shown */
	unsigned count, capacity;
	struct chat_person *me;
	uint32_t selected; /* 0: nobody */
	unsigned list_top;
	bool in_list; /* narrow: the list is shown; wide: the arrows move in it */

	/* the conversation */
	struct ui_row *rows;
	unsigned row_count, row_capacity, row_limit;
	int scroll, scroll_max; /* lines up from its end */
	bool stale_people, stale_rows;

	/* a page of text before it; and a line that tells something for a while */
	char *page;
	int page_top, page_max;
	char *notice;
	bool notice_bad;
	uint64_t notice_until_us;

	char *draft; /* as it is in the store */
	uint64_t draft_due_us;

	char *finding;   /* who was asked for with /find; NULL: nobody, or no longer */
	bool signed_out; /* by /signout */

	enum ui_secret secret;
	char *old_password, *new_password;

	unsigned news; /* messages since the last turn that want a bell */
	char *news_text;
	unsigned title_unread;
};

/* ui.c */
void ui_say(void *ui, const char *text); /* a line, or a page if it has several */
void ui_notice(struct ui *u, bool bad, const char *text);
void ui_close_page(struct ui *u);
void ui_select(struct ui *u, uint32_t uin);
/** A text that is typed now may be meant for who is looked for: it was said. */
bool ui_still_finding(struct ui *u);
void ui_save_draft(struct ui *u);
void ui_end(struct ui *u);

/* ui_keys.c */
void ui_key(struct ui *u, const struct chat_key *key);

/* ui_people.c */
void ui_people_load(struct ui *u);
void ui_people_free(struct ui *u);
struct chat_person *ui_person(const struct ui *u); /* who is selected; NULL: nobody */
/** The one that stands `step` further down; stays at the ends. */
void ui_people_step(struct ui *u, int step);
unsigned ui_people_requests(const struct ui *u);
unsigned ui_people_unread(const struct ui *u);
void ui_people_draw(struct ui *u, int top, int rows, int columns);

/* ui_talk.c */
void ui_talk_load(struct ui *u);
void ui_talk_free(struct ui *u);
void ui_talk_draw(struct ui *u, int top, int rows, int column, int columns);
void ui_page_draw(struct ui *u, int top, int rows, int column, int columns);

/* ui_draw.c */
bool ui_wide(const struct ui *u);
bool ui_talk_shown(const struct ui *u);
void ui_draw(struct ui *u);
/** Why the server does not answer, if it does not. */
void ui_trouble_draw(struct ui *u, int top, int rows, int column, int columns);

#endif
