/* command.c - see command.h. */
#include "chat/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/mem.h"
#include "chat/text.h"
#include "chat/words.h"

#define SEARCH_MAX 20
#define WORD_MAX 320

struct context {
	struct chat_session *session;
	const struct chat_prompt *prompt;
	const char *rest; /* what follows the command's name */
};

static void say(struct context *c, const char *fmt, ...) HY_PRINTF(2, 3);
static void say(struct context *c, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	c->prompt->say(c->prompt->arg, text);
}

static void say_buf(struct context *c, struct hy_buf *out)
{
	hy_buf_append(out, "", 1);
	c->prompt->say(c->prompt->arg, (const char *)hy_buf_data(out));
	hy_buf_fini(out);
}

static void say_list(struct context *c, const char *title, struct hy_buf *list)
{
	struct hy_buf out = {0};
	hy_buf_printf(&out, "%s", title);
	hy_buf_append(&out, hy_buf_data(list), hy_buf_len(list));
	hy_buf_fini(list);
	say_buf(c, &out);
}

/** The next word of the line, without an @ before it; "" at the end. */
static void take_word(struct context *c, char *word)
{
	c->rest += strspn(c->rest, " ");
	size_t len = strcspn(c->rest, " \n");
	const char *begin = c->rest + (*c->rest == '@');
	snprintf(word, WORD_MAX, "%.*s", (int)(len - (*c->rest == '@' && len > 0)), begin);
	c->rest += len;
	c->rest += strspn(c->rest, " \n");
}

/** Of the person meant: named, or whom the conversation is with. False, and it was said, if nobody is. */
static bool take_name(struct context *c, char *name)
{
	take_word(c, name);
	if (!name[0] && c->prompt->to)
		snprintf(name, WORD_MAX, "%s", c->prompt->to);
	if (!name[0])
		say(c, "whom? Write the name behind the command");
	return name[0];
}

bool chat_command_may_ask(struct chat_session *s, const struct chat_prompt *prompt)
{
	const char *trouble = chat_session_trouble(s, NULL);
	bool online = chat_session_state(s) == HONGYAN_ONLINE || chat_session_short_link(s);
	char text[400] = "not yet: signing in, and fetching what is new";
	if (trouble && !online)
		snprintf(text, sizeof text, "not while offline: %s", trouble);
	else if (chat_session_ready(s))
		return true;
	prompt->say(prompt->arg, text);
	return false;
}

static bool may_ask(struct context *c)
{
	return chat_command_may_ask(c->session, c->prompt);
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

static enum chat_command run_verb(struct context *c, enum chat_verb verb)
{
	char name[WORD_MAX];
	if (take_name(c, name) && may_ask(c))
		chat_session_do(c->session, verb, name, c->rest);
	return CHAT_COMMAND_DONE;
}

/** Who is known here is found here, whatever becomes of the server. */
static enum chat_command run_find(struct context *c, enum chat_verb verb)
{
	char name[WORD_MAX];
	if (!take_name(c, name))
		return CHAT_COMMAND_DONE;
	struct chat_person *person = chat_store_person_named(chat_session_store(c->session), name);
	if (person || may_ask(c))
		chat_session_do(c->session, verb, name, "");
	chat_person_free(person);
	return CHAT_COMMAND_DONE;
}

struct requests {
	struct hy_buf list;
	unsigned count;
	char name[WORD_MAX]; /* of the last one */
	const char *to;
	bool to_asks;
};

static void add_request(void *arg, struct chat_person *p)
{
	struct requests *r = arg;
	if (p->relation == HONGYAN_RELATION_INCOMING && !p->blocked && !p->gone) {
		r->count++;
		r->to_asks |= r->to && strcmp(r->to, p->name) == 0;
		snprintf(r->name, sizeof r->name, "%s", p->name);
		hy_buf_printf(&r->list, "\n  %s", p->name);
		if (p->greeting[0]) {
			hy_buf_printf(&r->list, ": ");
			chat_text_append_visible(&r->list, p->greeting, strlen(p->greeting));
		}
	}
	chat_person_free(p);
}

/** Without a name: of whom the conversation is with, if they ask; else the only request there is. */
static enum chat_command run_answer(struct context *c, enum chat_verb verb)
{
	struct requests r = {.to = c->prompt->to};
	char name[WORD_MAX];
	take_word(c, name);
	if (!name[0]) {
		chat_store_people(chat_session_store(c->session), add_request, &r);
		if (r.to_asks || r.count == 1)
			snprintf(name, sizeof name, "%s", r.to_asks ? r.to : r.name);
	}
	if (name[0]) {
		if (may_ask(c))
			chat_session_do(c->session, verb, name, "");
		hy_buf_fini(&r.list);
	} else if (r.count == 0) {
		say(c, "nobody asks to become your contact");
	} else {
		hy_buf_printf(&r.list, "\n/%s NAME answers one of them.", chat_verb_name(verb));
		say_list(c, "These ask to become your contact:", &r.list);
	}
	return CHAT_COMMAND_DONE;
}

/** /remark NAME TEXT, or /remark TEXT for whom the conversation is with: a name that is known comes first. */
static enum chat_command run_remark(struct context *c, enum chat_verb verb)
{
	char name[WORD_MAX];
	const char *all = c->rest;
	if (!take_name(c, name))
		return CHAT_COMMAND_DONE;
	struct chat_person *person = chat_store_person_named(chat_session_store(c->session), name);
	bool known = person;
	chat_person_free(person);
	if (!may_ask(c))
		return CHAT_COMMAND_DONE;
	if (!known && c->prompt->to)
		chat_session_do(c->session, verb, c->prompt->to, all);
	else
		chat_session_do(c->session, verb, name, c->rest);
	return CHAT_COMMAND_DONE;
}

static void add_person(void *arg, struct chat_person *p)
{
	struct hy_buf *out = arg;
	char title[128];
	if (p->relation != HONGYAN_RELATION_NONE || p->blocked) {
		hy_buf_printf(out, "\n  %-20s  ", p->name);
		chat_person_title(p, title, sizeof title);
		if (strcmp(title, p->name) != 0) {
			chat_text_append_visible(out, title, strlen(title));
			hy_buf_printf(out, ", ");
		}
		hy_buf_printf(out, "%s", chat_person_relation(p));
		if (p->relation == HONGYAN_RELATION_INCOMING && p->greeting[0]) {
			hy_buf_printf(out, ": ");
			chat_text_append_visible(out, p->greeting, strlen(p->greeting));
		}
	}
	chat_person_free(p);
}

static enum chat_command run_contacts(struct context *c, enum chat_verb verb)
{
	struct hy_buf out = {0};
	hy_buf_printf(&out, "Your contacts and requests:");
	size_t before = hy_buf_len(&out);
	chat_store_people(chat_session_store(c->session), add_person, &out);
	if (hy_buf_len(&out) == before)
		hy_buf_printf(&out, " none yet; /add NAME asks somebody");
	say_buf(c, &out);
	return CHAT_COMMAND_DONE;
}

static void show_profile(struct context *c, const struct chat_person *me)
{
	struct hy_buf out = {0};
	hy_buf_printf(&out, "Your profile:\n  name       %s\n  nickname   ", chat_session_name(c->session));
	chat_text_append_visible(&out, me->nickname, strlen(me->nickname));
	hy_buf_printf(&out, "\n  signature  ");
	chat_text_append_visible(&out, me->signature, strlen(me->signature));
	hy_buf_printf(&out, "\n  region     ");
	chat_text_append_visible(&out, me->region, strlen(me->region));
	hy_buf_printf(&out,
		"\n  colour     #%06x\n/profile nickname TEXT changes one of them; colour takes red, orange, "
		"yellow, green, teal, blue, purple, pink, brown, grey or #RRGGBB.",
		me->colour);
	say_buf(c, &out);
}

static enum chat_command run_profile(struct context *c, enum chat_verb verb)
{
	char field[WORD_MAX];
	struct chat_person *me = chat_store_me(chat_session_store(c->session));
	struct hongyan_profile profile = chat_person_profile(me);
	take_word(c, field);
	bool colour_ok = true, change = true;
	if (strcmp(field, "nickname") == 0)
		profile.nickname = c->rest;
	else if (strcmp(field, "signature") == 0)
		profile.signature = c->rest;
	else if (strcmp(field, "region") == 0)
		profile.region = c->rest;
	else if (strcmp(field, "colour") == 0 || strcmp(field, "color") == 0)
		colour_ok = chat_colour_parse(c->rest, &profile.avatar_colour);
	else
		change = false;
	if (!colour_ok)
		say(c, "'%s' is no colour; /profile alone lists them, or #RRGGBB", c->rest);
	else if (field[0] && !change)
		say(c, "'%s' is nothing of a profile: nickname, signature, region or colour", field);
	else if (change && !may_ask(c))
		; /* it was said */
	else if (change)
		chat_session_update_profile(c->session, &profile);
	else
		show_profile(c, me);
	chat_person_free(me);
	return CHAT_COMMAND_DONE;
}

static enum chat_command run_settings(struct context *c, enum chat_verb verb)
{
	static const char *const write_texts[] = {"contacts (default)", "contacts", "anyone", "nobody"};
	static const char *const ask_texts[] = {"anyone (default)", "contacts", "anyone", "nobody"};
	struct hongyan_settings settings;
	char field[WORD_MAX], word[WORD_MAX];
	chat_store_settings(chat_session_store(c->session), &settings);
	take_word(c, field);
	take_word(c, word);
	bool write = strcmp(field, "write") == 0, ask = strcmp(field, "ask") == 0;
	if (write || ask) {
		if (!chat_who_parse(word, write ? &settings.may_write : &settings.may_ask))
			say(c, "'%s' is not among contacts, anyone, nobody and default", word);
		else if (may_ask(c))
			chat_session_update_settings(c->session, &settings);
		return CHAT_COMMAND_DONE;
	}
	if (field[0]) {
		say(c, "'%s' is no setting: write or ask", field);
		return CHAT_COMMAND_DONE;
	}
	say(c,
		"Your settings:\n  write  who may write to you: %s\n  ask    who may ask to become your contact: %s\n"
		"/settings write contacts|anyone|nobody and /settings ask anyone|nobody change them.",
		write_texts[settings.may_write & 3], ask_texts[settings.may_ask & 3]);
	return CHAT_COMMAND_DONE;
}

static enum chat_command run_devices(struct context *c, enum chat_verb verb)
{
	if (may_ask(c))
		chat_session_list_devices(c->session);
	return CHAT_COMMAND_DONE;
}

static enum chat_command run_signout(struct context *c, enum chat_verb verb)
{
	char device[WORD_MAX];
	take_word(c, device);
	if (!device[0])
		say(c, "which device? /signout this ends this one's; or all, or a DEVICE's name");
	else if (may_ask(c))
		chat_session_sign_out(c->session, device);
	return CHAT_COMMAND_DONE;
}

static enum chat_command run_password(struct context *c, enum chat_verb verb)
{
	return may_ask(c) ? CHAT_COMMAND_SECRET : CHAT_COMMAND_DONE;
}

struct search {
	struct chat_session *session;
	struct hy_buf out;
};

static void add_hit(void *arg, const struct chat_row *row)
{
	struct search *search = arg;
	char when[32], title[128];
	time_t seconds = (time_t)(row->time_ms / 1000);
	struct tm local;
	localtime_r(&seconds, &local);
	strftime(when, sizeof when, "%Y-%m-%d %H:%M", &local);
	struct chat_person *p = chat_store_person(chat_session_store(search->session), row->peer);
	if (p)
		chat_person_title(p, title, sizeof title);
	hy_buf_printf(&search->out, "\n  %s  %s ", when, row->mine ? "to" : "from");
	chat_text_append_visible(&search->out, p ? title : "?", p ? strlen(title) : 1);
	hy_buf_printf(&search->out, ": ");
	chat_text_append_visible(&search->out, row->text, strlen(row->text));
	chat_person_free(p);
}

static enum chat_command run_search(struct context *c, enum chat_verb verb)
{
	struct search search = {.session = c->session};
	if (!c->rest[0]) {
		say(c, "search for what? /search TEXT");
		return CHAT_COMMAND_DONE;
	}
	hy_buf_printf(&search.out, "Messages with \"%s\", newest first:", c->rest);
	unsigned hits = chat_store_search(chat_session_store(c->session), c->rest, SEARCH_MAX, add_hit, &search);
	if (hits == 0)
		hy_buf_printf(&search.out, " none on this machine");
	else if (hits == SEARCH_MAX)
		hy_buf_printf(&search.out, "\n  (and perhaps older ones)");
	say_buf(c, &search.out);
	return CHAT_COMMAND_DONE;
}

static enum chat_command run_quit(struct context *c, enum chat_verb verb)
{
	return CHAT_COMMAND_QUIT;
}

static enum chat_command run_help(struct context *c, enum chat_verb verb)
{
	return CHAT_COMMAND_HELP;
}

static const struct command {
	const char *name, *arguments, *help;
	enum chat_command (*run)(struct context *c, enum chat_verb verb);
	enum chat_verb verb;
	bool takes_name;
} commands[] = {
	{"/find", "NAME", "show somebody, and write to them", run_find, CHAT_FIND, true},
	{"/add", "NAME [GREETING]", "ask somebody to become your contact", run_verb, CHAT_ADD},
	{"/accept", "[NAME]", "say yes to somebody who asks", run_answer, CHAT_ACCEPT, true},
	{"/decline", "[NAME]", "say no; they may ask again", run_answer, CHAT_DECLINE, true},
	{"/remark", "[NAME] TEXT", "your own name for somebody; empty: none", run_remark, CHAT_REMARK, true},
	{"/block", "[NAME]", "neither messages nor requests; they are not told", run_verb, CHAT_BLOCK, true},
	{"/unblock", "[NAME]", "take that back", run_verb, CHAT_UNBLOCK, true},
	{"/delete", "[NAME]", "no longer your contact; or take back your request", run_verb, CHAT_DELETE, true},
	{"/restore", "[NAME]", "take a deletion back", run_verb, CHAT_RESTORE, true},
	{"/contacts", "", "list contacts and requests", run_contacts},
	{"/search", "TEXT", "in the history on this machine", run_search},
	{"/profile", "[FIELD TEXT]", "show or change nickname, signature, region, colour", run_profile},
	{"/settings", "[WHAT WHO]", "show or change who may write to you, and ask", run_settings},
	{"/devices", "", "list the devices that are signed in", run_devices},
	{"/signout", "DEVICE|all|this", "end a sign-in: one, all others, this one", run_signout},
	{"/password", "", "change the password; all other devices are signed out; this one stays", run_password},
	{"/help", "", "show this", run_help},
	{"/quit", "", "end; what waits is sent next time", run_quit},
};

enum chat_command chat_command_run(struct chat_session *s, const struct chat_prompt *prompt, const char *line)
{
	size_t len = strcspn(line, " \n");
	struct context c = {.session = s, .prompt = prompt, .rest = line + len + strspn(line + len, " \n")};
	for (size_t i = 0; i < HY_COUNT_OF(commands); i++)
		if (strlen(commands[i].name) == len && memcmp(commands[i].name, line, len) == 0)
			return commands[i].run(&c, commands[i].verb);
	say(&c, "no such command; /help lists them");
	return CHAT_COMMAND_DONE;
}

void chat_command_help(struct hy_buf *out)
{
	for (size_t i = 0; i < HY_COUNT_OF(commands); i++) {
		char left[48];
		snprintf(left, sizeof left, "%s %s", commands[i].name, commands[i].arguments);
		hy_buf_printf(out, "  %-26s %s\n", left, commands[i].help);
	}
}

/* ---- completion -------------------------------------------------------------------------------------------------- */

struct candidates {
	const char *begun;
	size_t begun_len;
	char common[WORD_MAX];
	unsigned count;
	struct hy_buf *ways;
};

static void consider(struct candidates *c, const char *word)
{
	if (strncmp(word, c->begun, c->begun_len) != 0 || !word[0])
		return;
	if (c->count == 0) {
		snprintf(c->common, sizeof c->common, "%s", word);
	} else {
		size_t same = 0;
		while (c->common[same] && c->common[same] == word[same])
			same++;
		c->common[same] = '\0';
	}
	hy_buf_printf(c->ways, "%s%s", c->count ? "  " : "", word);
	c->count++;
}

static void consider_person(void *arg, struct chat_person *p)
{
	if (!p->gone)
		consider(arg, p->name);
	chat_person_free(p);
}

unsigned chat_command_complete(struct chat_session *s, const char *line, struct hy_buf *out, struct hy_buf *ways)
{
	const char *space = strchr(line, ' ');
	struct candidates c = {.begun = space ? space + 1 : line, .ways = ways};
	c.begun_len = strlen(c.begun);
	if (!space) {
		for (size_t i = 0; i < HY_COUNT_OF(commands); i++)
			consider(&c, commands[i].name);
	} else if (!strchr(c.begun, ' ')) {
		for (size_t i = 0; i < HY_COUNT_OF(commands); i++)
			if (commands[i].takes_name && strlen(commands[i].name) == (size_t)(space - line) &&
				strncmp(commands[i].name, line, (size_t)(space - line)) == 0)
				chat_store_people(chat_session_store(s), consider_person, &c);
	}
	if (c.count > 0)
		hy_buf_printf(out, "%s%s", c.common + c.begun_len, c.count == 1 ? " " : "");
	return c.count;
}
