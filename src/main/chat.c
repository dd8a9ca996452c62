/*
 * chat.c - `hongyan chat`: a plain terminal client on sdk/c.
 *
 * Three threads of control: the loop, on which the library lives; an actor that reads lines from the terminal; and the
 * main actor, which prints and keeps the state file. They send each other messages (struct event).
 */
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "env/real/real.h"
#include "hongyan_loop.h"
#include "main/chat_state.h"
#include "main/commands.h"
#include "main/why.h"

#define NAMES_MAX 64
#define LINGER_US (5u * 1000 * 1000) /* at the end, for texts not answered for yet */

static const char usage[] =
	"usage: hongyan chat NAME [--server ADDRESS] [--register] [--password-file FILE]\n\n"
	"Signs in as NAME (with --register: makes the account first) and chats. The password is asked for when it is\n"
	"needed, or read from FILE (- is the terminal); ADDRESS is 127.0.0.1:7600 unless said.\n\n"
	"  @bob good evening    send to bob; further lines go to bob too\n"
	"  /quit, Ctrl-D        end; what was received is safe\n"
	"  /signout             end, and give up this device's ticket\n"
	"  /help                print this\n";

enum event_kind {
	EVENT_LINE,
	EVENT_END_OF_INPUT,
	EVENT_PRINT,
	EVENT_SYNC,
	EVENT_SIGNED_IN,
	EVENT_FAILED,
	EVENT_SENT,
	EVENT_FOUND,
	EVENT_SIGNED_OUT
};

/** To the main actor. Owns all that it points to. */
struct event {
	struct env_msg msg;
	enum event_kind kind;
	char *text;
	uint32_t uin;
	int status;
	uint64_t number;     /* of the sync's answer */
	struct hy_buf bytes; /* ticket or snapshot */
};

struct known {
	uint32_t uin;
	char name[33];
};

struct chat {
	struct env *env;
	struct env_loop *loop;
	struct env_inbox *events;
	struct hongyan *client;
	const char *server, *name, *password_file;
	bool registering;
	struct chat_state state;
	char to_name[33];
	uint32_t to;
	struct known known[NAMES_MAX];
	unsigned known_count, waiting; /* waiting: texts not answered for */
	char *pending;                 /* a text that waits for its recipient's number */
	bool interactive;
};

/* ---- messages to the main actor ---------------------------------------------------------------------------------- */

static struct event *event_create(enum event_kind kind)
{
	struct event *e = hy_zalloc(sizeof *e);
	e->kind = kind;
	return e;
}

static void tell(struct chat *c, struct event *e)
{
	env_inbox_post(c->events, &e->msg);
}

static void event_free(struct event *e)
{
	hy_free(e->text);
	hy_buf_fini(&e->bytes);
	hy_free(e);
}

/* ---- on the loop: what the library tells ------------------------------------------------------------------------- */

static void on_state(void *arg, enum hongyan_state state)
{
	static const char *const texts[] = {[HONGYAN_OFFLINE] = "* signed out",
		[HONGYAN_CONNECTING] = "* connecting ...",
		[HONGYAN_ONLINE] = "* online"};
	struct event *e = event_create(EVENT_PRINT);
	e->text = hy_strdup(texts[state]);
	tell(arg, e);
}

/** Control characters of other people's texts stay out of this terminal. */
static void append_visible(struct hy_buf *out, const char *text)
{
	for (const char *p = text; *p; p++) {
		bool control = (unsigned char)*p < 0x20 || *p == 0x7f;
		hy_buf_append(out, *p == '\n' ? "\n        " : control ? "?" : p, *p == '\n' ? 9 : 1);
	}
}

static const char *name_of(const struct chat *c, uint32_t uin, char *buffer, size_t size)
{
	for (unsigned i = 0; i < c->known_count; i++)
		if (c->known[i].uin == uin)
			return c->known[i].name;
	snprintf(buffer, size, "#%u", uin);
	return buffer;
}

static void append_text(struct chat *c, struct hy_buf *out, const struct hongyan_text *m)
{
	char clock[16], number[16];
	time_t seconds = (time_t)(m->time_ms / 1000);
	struct tm local;
	localtime_r(&seconds, &local);
	strftime(clock, sizeof clock, "%H:%M", &local);
	if (m->from == hongyan_uin(c->client))
		hy_buf_printf(out, "%s  me -> %s: ", clock, name_of(c, m->to, number, sizeof number));
	else
		hy_buf_printf(out, "%s  %s: ", clock, m->from_name);
	append_visible(out, m->text);
	hy_buf_append(out, "\n", 1);
}

static enum hongyan_stored on_sync(void *arg, const struct hongyan_sync *sync)
{
	struct chat *c = arg;
	struct event *e = event_create(EVENT_SYNC);
	struct hy_buf out = {0};
	for (size_t i = 0; i < sync->count; i++)
		if (sync->changes[i].kind == HONGYAN_CHANGE_TEXT)
			append_text(c, &out, &sync->changes[i].text);
	if (sync->reset_messages)
		hy_buf_printf(&out, "* older messages are no longer on the server\n");
	hy_buf_append(&out, "", 1);
	e->text = (char *)out.mem;
	hy_buf_append(&e->bytes, sync->snapshot, sync->snapshot_len);
	e->number = sync->number;
	tell(c, e);
	return HONGYAN_LATER;
}

static void on_sent(
	void *arg, uint32_t to, const uint8_t *client_id, int status, const char *why, const uint8_t *message_id)
{
	struct event *e = event_create(EVENT_SENT);
	e->status = status;
	if (why)
		e->text = hy_strdup(why);
	tell(arg, e);
}

static void on_signed_out(void *arg, const char *why)
{
	struct event *e = event_create(EVENT_FAILED);
	e->text = why_printf("signed out by the server: %s", why);
	e->status = HY_UNAUTHENTICATED;
	tell(arg, e);
}

static void on_signed_in(void *arg, int status, const char *why, uint32_t uin, const void *ticket, size_t ticket_len)
{
	struct event *e = event_create(status == HY_OK ? EVENT_SIGNED_IN : EVENT_FAILED);
	e->status = status;
	e->uin = uin;
	if (status == HY_OK)
		hy_buf_append(&e->bytes, ticket, ticket_len);
	else
		e->text = hy_strdup(why);
	tell(arg, e);
}

static void on_found(void *arg, int status, const char *why, const struct hongyan_profile *profile)
{
	struct event *e = event_create(EVENT_FOUND);
	e->status = status;
	e->uin = profile ? profile->uin : 0;
	if (why)
		e->text = hy_strdup(why);
	tell(arg, e);
}

static void on_sign_out_done(void *arg, int status, const char *why)
{
	tell(arg, event_create(EVENT_SIGNED_OUT));
}

/* ---- orders to the loop ------------------------------------------------------------------------------------------ */

enum order_kind {
	ORDER_CREATE,
	ORDER_ENTER,
	ORDER_RESUME,
	ORDER_LOOKUP,
	ORDER_SEND,
	ORDER_STORED,
	ORDER_SIGN_OUT,
	ORDER_END
};

struct order {
	struct env_msg msg;
	struct chat *chat;
	enum order_kind kind;
	char *text;
	uint32_t uin;
	uint64_t number; /* of the sync's answer that is stored, or not: */
	bool ok;
};

static void create_client(struct chat *c)
{
	struct hongyan_config config = {.server = c->server,
		.device = c->state.device,
		.device_name = "terminal",
		.events = {.on_state = on_state,
			.on_sync = on_sync,
			.on_sent = on_sent,
			.on_signed_out = on_signed_out},
		.arg = c};
	int status = hongyan_create_on_loop(c->loop, &config, &c->client);
	assert(status == HY_OK);
}

static void send_text(struct chat *c, uint32_t to, const char *text)
{
	uint8_t client_id[HONGYAN_CLIENT_ID_SIZE];
	uint64_t made_ms;
	hongyan_new_client_id(c->client, client_id, &made_ms);
	int status = hongyan_send_text(c->client, to, text, client_id, made_ms);
	if (status != HY_OK)
		on_sent(c, to, client_id, status, "a text has 1 to 8,192 bytes", client_id);
}

static void carry_out(struct env_msg *msg)
{
	struct order *o = hy_container_of(msg, struct order, msg);
	struct chat *c = o->chat;
	switch (o->kind) {
	case ORDER_CREATE:
		create_client(c);
		break;
	case ORDER_ENTER:
		if (c->registering)
			hongyan_register(c->client, c->name, o->text, NULL, on_signed_in, c);
		else
			hongyan_sign_in(c->client, c->name, o->text, on_signed_in, c);
		explicit_bzero(o->text, strlen(o->text));
		break;
	case ORDER_RESUME:
		hongyan_resume(c->client, c->state.uin, hy_buf_data(&c->state.ticket), hy_buf_len(&c->state.ticket),
			hy_buf_data(&c->state.snapshot), hy_buf_len(&c->state.snapshot));
		break;
	case ORDER_LOOKUP:
		hongyan_lookup(c->client, o->text, on_found, c);
		break;
	case ORDER_SEND:
		send_text(c, o->uin, o->text);
		break;
	case ORDER_STORED:
		hongyan_stored(c->client, o->number, o->ok);
		break;
	case ORDER_SIGN_OUT:
		hongyan_sign_out(c->client, on_sign_out_done, c);
		break;
	case ORDER_END:
		hongyan_destroy(hy_take(c->client));
		env_loop_stop(c->loop);
		break;
	}
	hy_free(o->text);
	hy_free(o);
}

static void post_order(struct chat *c, struct order o)
{
	struct order *posted = hy_memdup(&o, sizeof o);
	posted->msg.fn = carry_out;
	posted->chat = c;
	env_inbox_post(env_loop_inbox(c->loop), &posted->msg);
}

static void order(struct chat *c, enum order_kind kind, const char *text, uint32_t uin)
{
	post_order(c, (struct order){.kind = kind, .text = text ? hy_strdup(text) : NULL, .uin = uin});
}

/* ---- the terminal ------------------------------------------------------------------------------------------------ */

static void read_lines(void *arg)
{
	struct chat *c = arg;
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	while ((n = getline(&line, &size, stdin)) > 0) {
		struct event *e = event_create(EVENT_LINE);
		line[strcspn(line, "\r\n")] = '\0';
		e->text = hy_strdup(line);
		tell(c, e);
	}
	tell(c, event_create(EVENT_END_OF_INPUT));
}

/** Lines are read once there is somebody to say them. */
static void start_reader(struct chat *c)
{
	struct env_actor *reader;
	if (env_actor_start(c->env, "terminal", read_lines, c, &reader) != 0)
		tell(c, event_create(EVENT_END_OF_INPUT));
}

static bool read_secret_line(FILE *from, char *line, size_t size)
{
	if (!fgets(line, (int)size, from))
		return false;
	line[strcspn(line, "\r\n")] = '\0';
	return true;
}

/** From the file, or from the terminal without echo. */
static bool read_password(struct chat *c, char *password, size_t size)
{
	if (c->password_file && strcmp(c->password_file, "-") != 0) {
		char *text;
		size_t len;
		if (env_file_read_all(c->env, c->password_file, size, &text, &len) < 0)
			return false;
		snprintf(password, size, "%.*s", (int)strcspn(text, "\r\n"), text);
		hy_free(text);
		return true;
	}
	struct termios old, quiet;
	bool terminal = tcgetattr(STDIN_FILENO, &old) == 0;
	fprintf(stderr, "password for %s%s: ", c->name, c->registering ? " (8 to 128 characters)" : "");
	if (terminal) {
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	bool ok = read_secret_line(stdin, password, size);
	if (terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		fprintf(stderr, "\n");
	}
	return ok;
}

static void print_line(const char *text)
{
	printf("%s\n", text);
	fflush(stdout);
}

static void remember(struct chat *c, uint32_t uin, const char *name)
{
	struct known *k = &c->known[c->known_count < NAMES_MAX ? c->known_count++ : NAMES_MAX - 1];
	k->uin = uin;
	snprintf(k->name, sizeof k->name, "%s", name);
}

static void send_now(struct chat *c, const char *text)
{
	c->waiting++;
	order(c, ORDER_SEND, text, c->to);
}

static void send_to(struct chat *c, const char *name, const char *text)
{
	if (strcmp(name, c->to_name) != 0) {
		c->to = 0;
		snprintf(c->to_name, sizeof c->to_name, "%s", name);
		for (unsigned i = 0; i < c->known_count; i++)
			if (strcmp(c->known[i].name, name) == 0)
				c->to = c->known[i].uin;
	}
	if (c->to != 0) {
		if (text[0])
			send_now(c, text);
		return;
	}
	hy_free(c->pending);
	c->pending = hy_strdup(text);
	order(c, ORDER_LOOKUP, name, 0);
}

/** False: the user wants to end. */
static bool on_line(struct chat *c, char *line)
{
	if (line[0] == '\0')
		return true;
	if (strcmp(line, "/quit") == 0)
		return false;
	if (strcmp(line, "/help") == 0) {
		print_line(usage);
	} else if (strcmp(line, "/signout") == 0) {
		order(c, ORDER_SIGN_OUT, NULL, 0);
	} else if (line[0] == '/') {
		print_line("* no such command; /help lists them");
	} else if (line[0] == '@') {
		char *rest = line + strcspn(line, " ");
		if (*rest)
			*rest++ = '\0';
		send_to(c, line + 1, rest);
	} else if (c->to_name[0]) {
		send_to(c, c->to_name, line);
	} else {
		print_line("* to whom? Begin with @NAME");
	}
	return true;
}

static void on_found_event(struct chat *c, struct event *e)
{
	char *text = hy_take(c->pending);
	if (e->status != HY_OK) {
		printf("* %s: %s\n", c->to_name, e->status == HY_NOT_FOUND ? "nobody has this name" : e->text);
		c->to_name[0] = '\0';
	} else {
		c->to = e->uin;
		remember(c, e->uin, c->to_name);
		if (text && text[0])
			send_now(c, text);
		else
			printf("* to %s\n", c->to_name);
	}
	fflush(stdout);
	hy_free(text);
}

static bool save(struct chat *c)
{
	int rc = chat_state_save(c->env, &c->state);
	if (rc < 0)
		fprintf(stderr, "* cannot write %s: %s\n", c->state.path, strerror(-rc));
	return rc == 0;
}

/** Printed and kept: this client stores no history, so that is what "stored" means here. */
static void on_sync_event(struct chat *c, struct event *e)
{
	bool ok = fputs(e->text, stdout) >= 0 && fflush(stdout) == 0;
	if (ok) {
		hy_buf_clear(&c->state.snapshot);
		hy_buf_append(&c->state.snapshot, hy_buf_data(&e->bytes), hy_buf_len(&e->bytes));
		ok = save(c);
	}
	post_order(c, (struct order){.kind = ORDER_STORED, .number = e->number, .ok = ok});
}

/** False: end, with *ret_status. */
static bool on_event(struct chat *c, struct event *e, int *ret_status)
{
	switch (e->kind) {
	case EVENT_LINE:
		return on_line(c, e->text);
	case EVENT_END_OF_INPUT:
	case EVENT_SIGNED_OUT:
		return false;
	case EVENT_PRINT:
		if (c->interactive)
			print_line(e->text);
		return true;
	case EVENT_SYNC:
		on_sync_event(c, e);
		return true;
	case EVENT_SIGNED_IN:
		c->state.uin = e->uin;
		hy_buf_clear(&c->state.snapshot);
		hy_buf_clear(&c->state.ticket);
		hy_buf_append(&c->state.ticket, hy_buf_data(&e->bytes), hy_buf_len(&e->bytes));
		save(c);
		start_reader(c);
		return true;
	case EVENT_SENT:
		c->waiting--;
		if (e->status != HY_OK)
			printf("* not sent: %s\n", e->text);
		fflush(stdout);
		return true;
	case EVENT_FOUND:
		on_found_event(c, e);
		return true;
	case EVENT_FAILED:
		fprintf(stderr, "hongyan chat: %s\n", e->text);
		if (e->status == HY_UNAUTHENTICATED) {
			hy_buf_clear(&c->state.ticket);
			save(c);
		}
		*ret_status = 1;
		return false;
	}
	return true;
}

static int talk(struct chat *c)
{
	int status = 0;
	bool going = true;
	uint64_t deadline_us = UINT64_MAX;
	while (going || (c->waiting > 0 || c->pending)) {
		struct env_msg *msg = env_inbox_take(c->events, deadline_us);
		if (!msg)
			break;
		struct event *e = hy_container_of(msg, struct event, msg);
		bool go_on = on_event(c, e, &status);
		if (going && !go_on) {
			going = false;
			deadline_us = env_mono_us(c->env) + LINGER_US;
		}
		bool failed = e->kind == EVENT_FAILED || e->kind == EVENT_SIGNED_OUT;
		event_free(e);
		if (failed)
			return status;
	}
	if (c->waiting > 0) {
		fprintf(stderr, "hongyan chat: %u texts were not answered for; they may not have arrived\n",
			c->waiting);
		status = 1;
	}
	return status;
}

/* ---- start ------------------------------------------------------------------------------------------------------- */

static bool name_valid(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");
	return name[len] == '\0' && len >= 3 && len <= 32;
}

static bool parse(struct chat *c, int argc, char **argv)
{
	struct env_addr addr;
	c->server = "127.0.0.1:7600";
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--register") == 0)
			c->registering = true;
		else if (strcmp(argv[i], "--server") == 0 && i + 1 < argc)
			c->server = argv[++i];
		else if (strcmp(argv[i], "--password-file") == 0 && i + 1 < argc)
			c->password_file = argv[++i];
		else if (argv[i][0] != '-' && !c->name)
			c->name = argv[i];
		else
			return false;
	}
	if (!c->name)
		return false;
	if (!name_valid(c->name)) {
		fprintf(stderr, "hongyan chat: a name has 3 to 32 of the characters a-z 0-9 . _ -\n");
		return false;
	}
	if (env_addr_parse(c->server, &addr) < 0) {
		fprintf(stderr, "hongyan chat: '%s' is no address; write 127.0.0.1:7600\n", c->server);
		return false;
	}
	return true;
}

static int run(struct chat *c)
{
	int rc = chat_state_load(c->env, c->name, &c->state);
	if (rc < 0) {
		fprintf(stderr, "hongyan chat: cannot use %s: %s\n", c->state.path, strerror(-rc));
		return 1;
	}
	if (env_loop_create(c->env, &(struct env_loop_config){.name = "chat"}, &c->loop) < 0)
		return 1;
	c->events = env_inbox_create(c->env);
	order(c, ORDER_CREATE, NULL, 0);
	if (hy_buf_len(&c->state.ticket) > 0 && !c->registering) {
		order(c, ORDER_RESUME, NULL, 0);
		start_reader(c);
	} else {
		char password[130];
		if (!read_password(c, password, sizeof password)) {
			fprintf(stderr, "hongyan chat: no password\n");
			return 1;
		}
		order(c, ORDER_ENTER, password, 0);
		explicit_bzero(password, sizeof password);
	}
	env_loop_start(c->loop);
	int status = talk(c);
	order(c, ORDER_END, NULL, 0);
	env_loop_join(c->loop);
	return status;
}

int command_chat(int argc, char **argv)
{
	struct chat c = {.interactive = isatty(STDOUT_FILENO)};
	bool help = argc > 1 && strcmp(argv[1], "--help") == 0;
	if (help || !parse(&c, argc, argv)) {
		fputs(usage, help ? stdout : stderr);
		return help ? 0 : 2;
	}
	c.env = env_real_create();
	env_real_end_by_signals();
	env_log_set_level(c.env, ENV_LOG_ERROR);
	int status = run(&c);
	fflush(stdout);
	_exit(status); /* the reader may still wait for the terminal, and nothing else is left to do */
}
