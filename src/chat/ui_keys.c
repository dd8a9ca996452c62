/* ui_keys.c - what keys do. */
#include <stdio.h>

#include "base/mem.h"
#include "chat/text.h"
#include "chat/ui.h"

/* ---- the line is done -------------------------------------------------------------------------------------------- */

static void wipe(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	hy_free(hy_take(*text));
}

static void end_secret(struct ui *u)
{
	wipe(&u->old_password);
	wipe(&u->new_password);
	explicit_bzero(u->edit->text, sizeof u->edit->text);
	chat_edit_set(u->edit, u->draft ? u->draft : "");
	u->secret = UI_SECRET_NONE;
}

static void next_secret(struct ui *u)
{
	char *typed = hy_strdup(u->edit->text);
	explicit_bzero(u->edit->text, sizeof u->edit->text);
	chat_edit_set(u->edit, "");
	if (u->secret == UI_SECRET_OLD) {
		u->old_password = typed;
		u->secret = UI_SECRET_NEW;
		return;
	}
	if (u->secret == UI_SECRET_NEW) {
		u->new_password = typed;
		u->secret = UI_SECRET_AGAIN;
		if (strlen(typed) >= 8 && strlen(typed) <= 128)
			return;
		ui_notice(u, true, "a password has 8 to 128 characters");
		end_secret(u);
		return;
	}
	if (strcmp(typed, u->new_password) == 0)
		chat_session_change_password(u->session, u->old_password, u->new_password);
	else
		ui_notice(u, true, "the two are not the same; nothing was changed");
	wipe(&typed);
	end_secret(u);
}

static void run_command(struct ui *u, const char *line)
{
	const struct chat_person *p = ui_person(u);
	struct chat_prompt prompt = {.arg = u, .say = ui_say, .to = p ? p->name : NULL};
	struct hy_buf out = {0};
	if (strncmp(line, "/find ", 6) == 0) {
		hy_free(u->finding);
		const char *name = line + 6 + strspn(line + 6, " @");
		u->finding = hy_strdup(name);
		u->finding[strcspn(name, " \n")] = '\0';
	}
	switch (chat_command_run(u->session, &prompt, line)) {
	case CHAT_COMMAND_DONE:
		break;
	case CHAT_COMMAND_QUIT:
		ui_end(u);
		break;
	case CHAT_COMMAND_SECRET:
		u->secret = UI_SECRET_OLD;
		break;
	case CHAT_COMMAND_HELP:
		hy_buf_printf(&out,
			"Keys\n"
			"  Enter                        send; Alt-Enter or Ctrl-J begins a new line\n"
			"  Tab, Shift-Tab               next, previous conversation; Tab completes commands\n"
			"  Ctrl-N, Ctrl-P, Alt-arrows   the same\n"
			"  Up, Down                     lines typed before\n"
			"  PgUp, PgDn, Esc              through the history, and back to its end\n"
			"  Ctrl-A E W U K Y T, Alt-B F  move, cut and paste as in a shell\n"
			"  Ctrl-R, Ctrl-X               send what failed again; drop the last of it\n"
			"  Ctrl-L, Ctrl-C               draw anew; clear the line, or end\n\n"
			"Commands; without a NAME they mean the person shown\n");
		chat_command_help(&out);
		hy_buf_printf(&out, "\nMarks:  · waits   ✓ is on the server   ✗ was refused\n");
		hy_buf_append(&out, "", 1);
		ui_say(u, (const char *)hy_buf_data(&out));
		hy_buf_fini(&out);
		break;
	}
}

static void enter(struct ui *u)
{
	if (u->secret) {
		next_secret(u);
		return;
	}
	if (u->edit->len == 0) {
		if (u->page)
			ui_close_page(u);
		else if (u->in_list && u->selected)
			u->in_list = false;
		return;
	}
	char *line = hy_strdup(u->edit->text);
	bool command = line[0] == '/' && line[1] != '/';
	const struct chat_person *p = ui_person(u);
	if (!command && !p) {
		ui_notice(u, true, "to whom? Tab goes to a conversation, /find NAME and /add NAME to somebody new");
		hy_free(line);
		return;
	}
	if (!command && ui_still_finding(u)) {
		hy_free(line);
		return;
	}
	chat_edit_remember(u->edit, line);
	chat_edit_set(u->edit, "");
	ui_save_draft(u);
	ui_close_page(u);
	if (command) {
		run_command(u, line);
	} else if (line[strspn(line, " \n")]) {
		u->scroll = 0;
		u->in_list = false;
		chat_session_do_to(u->session, CHAT_SEND, p, line[0] == '/' ? line + 1 : line);
	}
	explicit_bzero(line, strlen(line));
	hy_free(line);
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static void complete(struct ui *u)
{
	struct hy_buf rest = {0}, ways = {0};
	unsigned count = chat_command_complete(u->session, u->edit->text, &rest, &ways);
	if (hy_buf_len(&rest) > 0)
		chat_edit_insert(u->edit, (const char *)hy_buf_data(&rest), hy_buf_len(&rest));
	else if (count > 1) {
		hy_buf_append(&ways, "", 1);
		ui_notice(u, false, (const char *)hy_buf_data(&ways));
	}
	hy_buf_fini(&rest);
	hy_buf_fini(&ways);
}

static void tab(struct ui *u)
{
	if (u->edit->text[0] == '/' && u->edit->cursor == u->edit->len)
		complete(u);
	else
		ui_people_step(u, 1);
}

static void escape(struct ui *u)
{
	if (u->secret)
		end_secret(u);
	else if (u->page)
		ui_close_page(u);
	else if (u->finding && chat_session_looks_for(u->session, u->finding))
		hy_free(hy_take(u->finding));
	else if (u->scroll > 0)
		u->scroll = 0;
	else if (!ui_wide(u))
		u->in_list = true;
}

static void page(struct ui *u, int direction)
{
	int step = HY_MAX(1, u->screen.rows - 6);
	if (u->page) {
		u->page_top += direction * step;
		return;
	}
	u->scroll = HY_MAX(0, u->scroll - direction * step);
	if (u->scroll > u->scroll_max && u->row_count == u->row_limit) {
		u->row_limit += UI_ROWS_STEP;
		u->stale_rows = true;
	}
}

static void up_or_down(struct ui *u, const struct chat_key *key)
{
	bool down = key->kind == CHAT_KEY_DOWN;
	if (u->secret)
		return;
	if (u->page)
		u->page_top += down ? 1 : -1;
	else if (key->modified || (!ui_wide(u) && u->in_list && u->edit->len == 0))
		ui_people_step(u, down ? 1 : -1);
	else if (down ? chat_edit_down(u->edit) : chat_edit_up(u->edit))
		return;
	else if (down)
		chat_edit_newer(u->edit);
	else
		chat_edit_older(u->edit);
}

/** The newest text that failed in this conversation; 0: none. */
static int64_t newest_failed(const struct ui *u)
{
	for (unsigned i = u->row_count; i > 0; i--)
		if (u->rows[i - 1].state == CHAT_ROW_FAILED)
			return u->rows[i - 1].n;
	return 0;
}

static void retry(struct ui *u)
{
	for (unsigned i = 0; i < u->row_count; i++)
		if (u->rows[i].state == CHAT_ROW_FAILED)
			chat_session_retry(u->session, u->rows[i].n);
}

static void interrupt(struct ui *u)
{
	if (u->secret)
		end_secret(u);
	else if (u->edit->len > 0)
		chat_edit_set(u->edit, "");
	else
		ui_end(u);
}

static void control(struct ui *u, char letter)
{
	struct chat_edit *e = u->edit;
	static const struct {
		char letter;
		void (*fn)(struct chat_edit *e);
	} edits[] = {{'a', chat_edit_home}, {'e', chat_edit_end}, {'b', chat_edit_left}, {'f', chat_edit_right},
		{'w', chat_edit_kill_word}, {'u', chat_edit_kill_to_home}, {'k', chat_edit_kill_to_end},
		{'y', chat_edit_yank}, {'t', chat_edit_swap}};
	for (size_t i = 0; i < HY_COUNT_OF(edits); i++) {
		if (edits[i].letter == letter) {
			edits[i].fn(e);
			return;
		}
	}
	if (letter == 'c')
		interrupt(u);
	else if (letter == 'd' && e->len == 0)
		ui_end(u);
	else if (letter == 'd')
		chat_edit_delete(e);
	else if (letter == 'j' && !u->secret)
		chat_edit_insert(e, "\n", 1);
	else if (letter == 'n')
		ui_people_step(u, 1);
	else if (letter == 'p')
		ui_people_step(u, -1);
	else if (letter == 'l')
		u->screen.all = true;
	else if (letter == 'r')
		retry(u);
	else if (letter == 'x' && newest_failed(u))
		chat_session_drop(u->session, newest_failed(u));
}

static void alt(struct ui *u, char letter)
{
	if (letter == 'b')
		chat_edit_word_left(u->edit);
	else if (letter == 'f')
		chat_edit_word_right(u->edit);
	else if (letter == 'd')
		chat_edit_kill_word_right(u->edit);
}

/** Single letters are answers where a request is shown and nothing was typed. */
static bool answer(struct ui *u, const struct chat_key *key)
{
	const struct chat_person *p = ui_person(u);
	if (!p || u->edit->len > 0 || u->secret || key->len != 1 || !ui_talk_shown(u) || p->blocked || p->gone)
		return false;
	static const struct {
		enum hongyan_relation relation;
		char letter;
		enum chat_verb verb;
	} answers[] = {{HONGYAN_RELATION_INCOMING, 'a', CHAT_ACCEPT}, {HONGYAN_RELATION_INCOMING, 'd', CHAT_DECLINE},
		{HONGYAN_RELATION_INCOMING, 'b', CHAT_BLOCK}, {HONGYAN_RELATION_NONE, 'a', CHAT_ADD}};
	struct chat_prompt prompt = {.arg = u, .say = ui_say};
	for (size_t i = 0; i < HY_COUNT_OF(answers); i++) {
		bool meant = answers[i].relation == p->relation && answers[i].letter == key->text[0];
		if (!meant || (answers[i].verb == CHAT_ADD && u->row_count > 0))
			continue;
		if (chat_command_may_ask(u->session, &prompt))
			chat_session_do_to(u->session, answers[i].verb, p, "");
		return true;
	}
	return false;
}

static void type(struct ui *u, const struct chat_key *key)
{
	if (answer(u, key))
		return;
	if (!chat_edit_insert(u->edit, key->text, key->len))
		ui_notice(u, true, "a text has at most 8,192 bytes");
}

static void left_or_right(struct ui *u, const struct chat_key *key)
{
	bool right = key->kind == CHAT_KEY_RIGHT;
	if (key->modified)
		(right ? chat_edit_word_right : chat_edit_word_left)(u->edit);
	else if (right && u->in_list && u->edit->len == 0 && u->selected)
		u->in_list = false;
	else
		(right ? chat_edit_right : chat_edit_left)(u->edit);
}

/** Keys that do one thing to what is being written, and nothing else. */
static void edit(struct chat_edit *e, enum chat_key_kind kind)
{
	static const struct {
		enum chat_key_kind kind;
		void (*fn)(struct chat_edit *e);
	} edits[] = {{CHAT_KEY_BACKSPACE, chat_edit_backspace}, {CHAT_KEY_ALT_BACKSPACE, chat_edit_kill_word},
		{CHAT_KEY_DELETE, chat_edit_delete}, {CHAT_KEY_HOME, chat_edit_home}, {CHAT_KEY_END, chat_edit_end}};
	for (size_t i = 0; i < HY_COUNT_OF(edits); i++) {
		if (edits[i].kind == kind)
			edits[i].fn(e);
	}
}

void ui_key(struct ui *u, const struct chat_key *key)
{
	switch (key->kind) {
	case CHAT_KEY_NONE:
		return;
	case CHAT_KEY_FOCUS:
	case CHAT_KEY_NO_FOCUS:
		u->focused = key->kind == CHAT_KEY_FOCUS;
		return;
	case CHAT_KEY_TEXT:
	case CHAT_KEY_PASTE:
		type(u, key);
		break;
	case CHAT_KEY_CTRL:
		control(u, key->letter);
		break;
	case CHAT_KEY_ALT:
		alt(u, key->letter);
		break;
	case CHAT_KEY_ENTER:
		enter(u);
		break;
	case CHAT_KEY_ALT_ENTER:
		if (!u->secret)
			chat_edit_insert(u->edit, "\n", 1);
		break;
	case CHAT_KEY_TAB:
		tab(u);
		break;
	case CHAT_KEY_SHIFT_TAB:
		ui_people_step(u, -1);
		break;
	case CHAT_KEY_ESCAPE:
		escape(u);
		break;
	case CHAT_KEY_BACKSPACE:
	case CHAT_KEY_ALT_BACKSPACE:
	case CHAT_KEY_DELETE:
	case CHAT_KEY_HOME:
	case CHAT_KEY_END:
		edit(u->edit, key->kind);
		break;
	case CHAT_KEY_UP:
	case CHAT_KEY_DOWN:
		up_or_down(u, key);
		break;
	case CHAT_KEY_LEFT:
	case CHAT_KEY_RIGHT:
		left_or_right(u, key);
		break;
	case CHAT_KEY_PAGE_UP:
		page(u, -1);
		break;
	case CHAT_KEY_PAGE_DOWN:
		page(u, 1);
		break;
	}
}
