/* plain.c - lines in, lines out; and one text from the command line. See faces.h. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "chat/command.h"
#include "chat/faces.h"
#include "chat/text.h"

/* ---- lines of standard input ------------------------------------------------------------------------------------- */

struct reader {
	struct env_inbox *inbox;
	void (*fn)(struct env_msg *msg);
	void *face;
};

static void post_line(const struct reader *r, const char *text)
{
	struct chat_line *line = hy_zalloc(sizeof *line);
	line->msg.fn = r->fn;
	line->face = r->face;
	line->text = text ? hy_strdup(text) : NULL;
	env_inbox_post(r->inbox, &line->msg);
}

static void read_lines(void *arg)
{
	struct reader *r = arg;
	char *line = NULL;
	size_t size = 0;
	while (getline(&line, &size, stdin) > 0) {
		line[strcspn(line, "\r\n")] = '\0';
		post_line(r, line);
	}
	post_line(r, NULL);
}

void chat_line_free(struct chat_line *line)
{
	hy_free(line->text);
	hy_free(line);
}

void chat_lines_start(struct chat_session *s, void (*fn)(struct env_msg *msg), void *face)
{
	struct reader *r =
		hy_zalloc(sizeof *r); /* the reader's, for ever: it may wait for input when all else has ended */
	*r = (struct reader){.inbox = chat_session_inbox(s), .fn = fn, .face = face};
	struct env_actor *actor;
	if (env_actor_start(chat_session_env(s), "input", read_lines, r, &actor) != 0)
		post_line(r, NULL);
}

/* ---- plain lines ------------------------------------------------------------------------------------------------- */

struct plain {
	struct chat_session *session;
	bool terminal, reading;
	char to[64];
};

static void print_line(void *arg, const char *text)
{
	printf("* %s\n", text);
	fflush(stdout);
}

static void print_row(void *arg, const struct chat_row *row, bool fresh)
{
	struct plain *p = arg;
	struct hy_buf out = {0};
	char clock[16];
	time_t seconds = (time_t)(row->time_ms / 1000);
	struct tm local;
	if (row->state == CHAT_ROW_WAITING)
		return;
	struct chat_person *peer = chat_store_person(chat_session_store(p->session), row->peer);
	if (row->state == CHAT_ROW_FAILED) {
		hy_buf_printf(&out, "* not sent to %s: %s\n", peer ? peer->name : "?", row->why);
	} else {
		localtime_r(&seconds, &local);
		strftime(clock, sizeof clock, "%H:%M", &local);
		hy_buf_printf(&out, "%s  %s%s: ", clock, row->mine ? "me -> " : "", peer ? peer->name : "?");
		for (const char *at = row->text; *at;) {
			size_t line = strcspn(at, "\n");
			chat_text_append_visible(&out, at, line);
			hy_buf_printf(&out, "%s", at[line] ? "\n        " : "\n");
			at += line + (at[line] == '\n');
		}
	}
	chat_person_free(peer);
	printf("%.*s", (int)hy_buf_len(&out), (const char *)hy_buf_data(&out));
	fflush(stdout);
	hy_buf_fini(&out);
}

/** Where lines are for a program they stay as they are. */
static void print_trouble(void *arg, const char *why)
{
	struct plain *p = arg;
	char text[400];
	snprintf(text, sizeof text, "%s; trying again", why);
	if (p->terminal)
		print_line(p, text);
	else
		fprintf(stderr, "hongyan chat: %s\n", text);
}

static void print_state(void *arg, enum hongyan_state state)
{
	static const char *const texts[] = {
		[HONGYAN_OFFLINE] = "signed out", [HONGYAN_CONNECTING] = "connecting ...", [HONGYAN_ONLINE] = "online"};
	struct plain *p = arg;
	if (p->terminal)
		print_line(p, texts[state]);
}

static void print_person(void *arg, uint32_t uin)
{
	struct plain *p = arg;
	struct chat_person *person = uin ? chat_store_person(chat_session_store(p->session), uin) : NULL;
	if (person && person->relation == HONGYAN_RELATION_INCOMING && !person->blocked) {
		struct hy_buf out = {0};
		hy_buf_printf(&out, "%s asks to become your contact", person->name);
		if (person->greeting[0]) {
			hy_buf_printf(&out, ": ");
			chat_text_append_visible(&out, person->greeting, strlen(person->greeting));
		}
		hy_buf_append(&out, "", 1);
		print_line(p, (const char *)hy_buf_data(&out));
		hy_buf_fini(&out);
	}
	chat_person_free(person);
}

static void print_accepted(void *arg, const struct chat_person *person)
{
	char text[128];
	snprintf(text, sizeof text, "%s is your contact now", person->name);
	print_line(arg, text);
}

static void print_done(void *arg, enum chat_verb verb, const char *name, int status, const char *why)
{
	struct plain *p = arg;
	struct hy_buf out = {0};
	if (verb == CHAT_SEND && status == HONGYAN_OK && !p->terminal)
		return;
	if (verb == CHAT_SEND && status != HONGYAN_OK && strcmp(p->to, name) == 0)
		p->to[0] = '\0';
	chat_say_done(&out, verb, name, status, why);
	hy_buf_append(&out, "", 1);
	print_line(p, (const char *)hy_buf_data(&out));
	hy_buf_fini(&out);
}

static void print_devices(void *arg, const struct hongyan_device *devices, size_t count)
{
	struct hy_buf out = {0};
	chat_say_devices(&out, devices, count);
	hy_buf_append(&out, "", 1);
	print_line(arg, (const char *)hy_buf_data(&out));
	hy_buf_fini(&out);
}

static void print_found(void *arg, const struct hongyan_profile *profile)
{
	struct hy_buf out = {0};
	hy_buf_printf(&out, "%s: ", profile->name);
	chat_text_append_visible(&out, profile->nickname, strlen(profile->nickname));
	hy_buf_printf(&out, ", ");
	chat_text_append_visible(&out, profile->region, strlen(profile->region));
	hy_buf_printf(&out, ", ");
	chat_text_append_visible(&out, profile->signature, strlen(profile->signature));
	hy_buf_append(&out, "", 1);
	print_line(arg, (const char *)hy_buf_data(&out));
	hy_buf_fini(&out);
}

static void print_ended(void *arg, int status, const char *why)
{
	fprintf(stderr, "hongyan chat: %s\n", why);
}

static void run_command(struct plain *p, const char *line)
{
	struct chat_prompt prompt = {.arg = p, .say = print_line, .to = p->to[0] ? p->to : NULL};
	struct hy_buf out = {0};
	switch (chat_command_run(p->session, &prompt, line)) {
	case CHAT_COMMAND_DONE:
		break;
	case CHAT_COMMAND_QUIT:
		chat_session_end_when_sent(p->session, 0);
		break;
	case CHAT_COMMAND_SECRET:
		print_line(p, "passwords are changed in the full screen, or by --json");
		break;
	case CHAT_COMMAND_HELP:
		chat_command_help(&out);
		printf("  @bob good evening            send to bob; further lines go to bob too\n%.*s",
			(int)hy_buf_len(&out), (const char *)hy_buf_data(&out));
		fflush(stdout);
		hy_buf_fini(&out);
		break;
	}
}

static void on_line(struct env_msg *msg)
{
	struct chat_line *line = hy_container_of(msg, struct chat_line, msg);
	struct plain *p = line->face;
	char *text = line->text;
	if (!text) {
		chat_session_end_when_sent(p->session, 0);
	} else if (text[0] == '/') {
		run_command(p, text);
	} else if (text[0] == '@') {
		char *rest = text + strcspn(text, " ");
		if (*rest)
			*rest++ = '\0';
		snprintf(p->to, sizeof p->to, "%s", text + 1);
		chat_session_do(p->session, CHAT_SEND, p->to, rest);
	} else if (text[0] && p->to[0]) {
		chat_session_do(p->session, CHAT_SEND, p->to, text);
	} else if (text[0]) {
		print_line(p, "to whom? Begin with @NAME");
	}
	chat_line_free(line);
}

/** Lines are read once there is somebody to say them, and what they may speak of is known. */
static uint64_t turn(void *arg)
{
	struct plain *p = arg;
	if (!p->reading && chat_session_ready(p->session)) {
		p->reading = true;
		chat_lines_start(p->session, on_line, p);
	}
	return UINT64_MAX;
}

static int outcome(struct chat_session *s, int status)
{
	unsigned waiting = chat_session_waiting(s);
	if (waiting == 0)
		return status;
	fprintf(stderr, "hongyan chat: %u texts wait in the outbox; they are sent at the next start\n", waiting);
	return status ? status : CHAT_EXIT_KEPT;
}

int chat_face_plain(struct chat_session *s, bool terminal)
{
	struct plain p = {.session = s, .terminal = terminal};
	chat_session_set_face(s, &(struct chat_face){.arg = &p,
					 .on_row = print_row,
					 .on_person = print_person,
					 .on_accepted = print_accepted,
					 .on_state = print_state,
					 .on_trouble = print_trouble,
					 .on_done = print_done,
					 .on_found = print_found,
					 .on_devices = print_devices,
					 .on_ended = print_ended,
					 .turn = turn});
	return outcome(s, chat_session_run(s));
}

/* ---- one text ---------------------------------------------------------------------------------------------------- */

struct once {
	struct chat_session *session;
	const char *to, *text;
	uint64_t end_us;
	bool asked;
	int64_t n; /* of the text's row; 0: not yet */
};

static void once_row(void *arg, const struct chat_row *row, bool fresh)
{
	struct once *o = arg;
	if (o->n == 0 && o->asked && fresh && row->mine && row->state == CHAT_ROW_WAITING)
		o->n = row->n;
	if (row->n != o->n || row->state == CHAT_ROW_WAITING)
		return;
	if (row->state == CHAT_ROW_FAILED)
		fprintf(stderr, "hongyan chat: not sent: %s\n", row->why);
	chat_session_end(o->session, row->state == CHAT_ROW_FAILED);
}

static void once_done(void *arg, enum chat_verb verb, const char *name, int status, const char *why)
{
	struct once *o = arg;
	if (status == HONGYAN_OK)
		return;
	fprintf(stderr, "hongyan chat: %s: %s\n", name[0] ? name : o->to, why);
	chat_session_end(o->session, 1);
}

static uint64_t once_turn(void *arg)
{
	struct once *o = arg;
	if (!o->asked && chat_session_state(o->session) != HONGYAN_OFFLINE) {
		o->asked = true;
		chat_session_do(o->session, CHAT_SEND, o->to, o->text);
	}
	if (env_mono_us(chat_session_env(o->session)) < o->end_us)
		return o->end_us;
	const char *trouble = chat_session_trouble(o->session, NULL);
	bool kept = o->n || (o->asked && chat_session_waiting(o->session) > 0);
	fprintf(stderr, "hongyan chat: %s%s%s\n", trouble ? trouble : "no answer from ",
		trouble ? "" : chat_session_server(o->session),
		kept ? "; the text is kept, and sent at the next start" : "; nothing was sent");
	chat_session_end(o->session, kept ? CHAT_EXIT_KEPT : 1);
	return UINT64_MAX;
}

int chat_face_send(struct chat_session *s, const char *to, const char *text, uint64_t patience_us)
{
	struct once o = {.session = s,
		.to = to + (to[0] == '@'),
		.text = text,
		.end_us = env_mono_us(chat_session_env(s)) + patience_us};
	chat_session_set_face(s, &(struct chat_face){.arg = &o,
					 .on_row = once_row,
					 .on_done = once_done,
					 .on_ended = print_ended,
					 .turn = once_turn});
	return chat_session_run(s);
}
