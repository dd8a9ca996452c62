/* session.c - see session.h. */
#include "chat/session.h"

#include <stdio.h>

#include "base/mem.h"
#include "chat/client.h"

#define LINGER_US (5u * 1000 * 1000) /* at the end, for texts not answered for yet */

struct chat_session {
	struct env *env;
	struct env_inbox *inbox;
	struct chat_store *store;
	struct hongyan *client;
	struct chat_face face;
	char *name, *server;
	char *trouble;     /* why the server does not answer; NULL: it does */
	uint64_t retry_us; /* when it is tried again */
	bool synced;       /* once, at least */
	enum hongyan_state state;
	uint64_t state_us, answer_us; /* since when the state is this; when something was last answered */
	int64_t last_n;               /* all rows up to this one are known to the face, */
	int64_t told_n;               /* and this is what the store knows of that */
	unsigned waiting;             /* texts in the outbox */
	unsigned finding;             /* names that are looked up for something that waits */
	struct chat_request *finds;   /* one for each such name; linked by next_find */
	bool ended, ending;           /* ending: when all is sent, or at end_us */
	int end_status;
	uint64_t end_us;
};

static const char *const verb_names[CHAT_VERBS_ALL] = {"find", "send", "add", "accept", "decline", "delete", "restore",
	"block", "unblock", "remark", "profile", "settings", "password", "signout"};

const char *chat_verb_name(enum chat_verb verb)
{
	return verb_names[verb];
}

bool chat_verb_parse(const char *name, enum chat_verb *ret_verb)
{
	for (unsigned i = 0; i < CHAT_VERBS; i++) {
		if (strcmp(verb_names[i], name) == 0) {
			*ret_verb = (enum chat_verb)i;
			return true;
		}
	}
	return false;
}

/* ---- telling the face -------------------------------------------------------------------------------------------- */

/** That there is no answer says less than what keeps it away. */
static const char *reason(const struct chat_session *s, int status, const char *why)
{
	if (status == HONGYAN_DEADLINE_EXCEEDED && s->trouble)
		return s->trouble;
	return why && why[0] ? why : hongyan_status_text(status);
}

static void tell_done(struct chat_session *s, enum chat_verb verb, const char *name, int status, const char *why)
{
	if (s->face.on_done)
		s->face.on_done(s->face.arg, verb, name, status, reason(s, status, why));
}

static void tell_person(struct chat_session *s, uint32_t uin)
{
	if (s->face.on_person)
		s->face.on_person(s->face.arg, uin);
}

static void tell_row(void *arg, const struct chat_row *row)
{
	struct chat_session *s = arg;
	bool fresh = row->n > s->last_n;
	s->last_n = HY_MAX(s->last_n, row->n);
	if (s->face.on_row)
		s->face.on_row(s->face.arg, row, fresh);
}

static void tell_new_rows(struct chat_session *s)
{
	chat_store_rows_after(s->store, s->last_n, tell_row, s);
}

/** A store that cannot be written: what it should hold is lost for a while, and that must be seen. */
static void complain(struct chat_session *s)
{
	char why[320];
	snprintf(why, sizeof why, "cannot write the local history: %s", chat_store_why(s->store));
	tell_done(s, CHAT_SEND, "", HY_UNAVAILABLE, why);
}

void chat_session_end(struct chat_session *s, int status)
{
	s->ended = true;
	s->end_status = status;
}

void chat_session_end_when_sent(struct chat_session *s, int status)
{
	s->ending = true;
	s->end_status = status;
	s->end_us = env_mono_us(s->env) + LINGER_US;
}

static void fail(struct chat_session *s, int status, const char *why)
{
	if (s->face.on_ended)
		s->face.on_ended(s->face.arg, status, why);
	chat_session_end(s, 1);
}

/* ---- the outbox -------------------------------------------------------------------------------------------------- */

static void send_row(void *arg, const struct chat_row *row)
{
	struct chat_session *s = arg;
	int status = hongyan_send_text(s->client, row->peer, row->text, row->client_id, row->made_ms);
	s->waiting++;
	if (status == HONGYAN_OK)
		return;
	const char *why = status == HONGYAN_INVALID_ARGUMENT ? "a text has 1 to 8,192 bytes" : "too many texts wait";
	struct chat_event *e = hy_zalloc(sizeof *e); /* told as an answer is, later: the store is being read */
	*e = (struct chat_event){.msg.fn = chat_session_on_event,
		.session = s,
		.kind = CHAT_EVENT_SENT,
		.status = status,
		.why = hy_strdup(why)};
	memcpy(e->client_id, row->client_id, sizeof e->client_id);
	env_inbox_post(s->inbox, &e->msg);
}

/** `kept`: where it waited for the name; 0: nowhere. */
static void write_text(struct chat_session *s, uint32_t to, const char *text, int64_t kept)
{
	uint8_t client_id[HONGYAN_CLIENT_ID_SIZE];
	uint64_t made_ms;
	int64_t n;
	hongyan_new_client_id(s->client, client_id, &made_ms);
	int status = kept ? chat_store_write_addressed(s->store, kept, to, text, client_id, made_ms, &n)
			  : chat_store_write(s->store, to, text, client_id, made_ms, &n);
	if (status != HY_OK) {
		complain(s);
		return;
	}
	tell_new_rows(s);
	chat_store_row(s->store, n, send_row, s);
}

int chat_session_retry(struct chat_session *s, int64_t n)
{
	uint8_t client_id[HONGYAN_CLIENT_ID_SIZE];
	uint64_t made_ms;
	hongyan_new_client_id(s->client, client_id, &made_ms);
	int status = chat_store_retry(s->store, n, client_id, made_ms);
	if (status == HY_OK) {
		chat_store_row(s->store, n, tell_row, s);
		chat_store_row(s->store, n, send_row, s);
	} else if (status != HY_NOT_FOUND) {
		complain(s);
	}
	return status;
}

int chat_session_drop(struct chat_session *s, int64_t n)
{
	int status = chat_store_drop(s->store, n);
	if (status == HY_OK)
		tell_person(s, 0);
	return status;
}

/* ---- about people ------------------------------------------------------------------------------------------------ */

/** To somebody whose number is known. Takes the request. */
static void carry_out(struct chat_session *s, struct chat_request *r)
{
	static const enum hongyan_contact_change changes[CHAT_VERBS] = {[CHAT_ACCEPT] = HONGYAN_ACCEPT,
		[CHAT_DECLINE] = HONGYAN_DECLINE,
		[CHAT_DELETE] = HONGYAN_DELETE,
		[CHAT_RESTORE] = HONGYAN_RESTORE,
		[CHAT_BLOCK] = HONGYAN_BLOCK,
		[CHAT_UNBLOCK] = HONGYAN_UNBLOCK};
	switch (r->verb) {
	case CHAT_FIND:
		hongyan_lookup(s->client, r->name, chat_client_on_found, r);
		return;
	case CHAT_SEND:
		if (r->text[0])
			write_text(s, r->uin, r->text, r->kept);
		else
			tell_done(s, CHAT_SEND, r->name, HY_OK, "");
		chat_request_free(r);
		return;
	case CHAT_ADD:
		hongyan_request_contact(s->client, r->uin, r->text, "", chat_client_on_done, r);
		return;
	case CHAT_REMARK:
		hongyan_set_remark(s->client, r->uin, r->text, chat_client_on_done, r);
		return;
	default:
		hongyan_change_contact(s->client, r->uin, changes[r->verb], chat_client_on_done, r);
		return;
	}
}

static struct chat_request *find_of(const struct chat_session *s, const char *name)
{
	struct chat_request *find = s->finds;
	while (find && strcmp(find->name, name) != 0)
		find = find->next_find;
	return find;
}

bool chat_session_looks_for(const struct chat_session *s, const char *name)
{
	return find_of(s, name);
}

/** Takes the request. It waits with those that asked for the same name before: texts to a new name stay in order. */
static void wait_for_name(struct chat_session *s, struct chat_request *r)
{
	if (r->verb == CHAT_SEND && r->text[0] && r->kept == 0 &&
		chat_store_address(s->store, r->name, r->text, &r->kept) != HY_OK)
		complain(s);
	struct chat_request *last = find_of(s, r->name);
	if (last) {
		while (last->next)
			last = last->next;
		last->next = r;
		return;
	}
	struct chat_request *find = chat_request_create(s, CHAT_FIND, r->name, "", 0);
	if (r->verb == CHAT_FIND)
		chat_request_free(r);
	else
		find->next = r;
	find->next_find = s->finds;
	s->finds = find;
	s->finding++;
	carry_out(s, find);
}

/** A text of an earlier run. */
static void wait_again(void *arg, int64_t k, const char *name, const char *text)
{
	struct chat_session *s = arg;
	for (struct chat_request *r = find_of(s, name); r; r = r->next)
		if (r->kept == k)
			return;
	struct chat_request *r = chat_request_create(s, CHAT_SEND, name, text, 0);
	r->kept = k;
	wait_for_name(s, r);
}

static void send_waiting(struct chat_session *s)
{
	chat_store_waiting(s->store, send_row, s);
	chat_store_addressed(s->store, wait_again, s);
}

/** Who is known well, and whoever is known while the server does not answer, is found here. */
static bool find_here(struct chat_session *s, const char *name)
{
	struct chat_person *person = chat_store_person_named(s->store, name);
	bool found = person && (person->relation != HONGYAN_RELATION_NONE || s->trouble);
	if (found && s->face.on_found) {
		struct hongyan_profile profile = chat_person_profile(person);
		s->face.on_found(s->face.arg, &profile);
	}
	chat_person_free(person);
	return found;
}

void chat_session_do(struct chat_session *s, enum chat_verb verb, const char *name, const char *text)
{
	if (verb == CHAT_FIND && find_here(s, name))
		return;
	struct chat_request *r = chat_request_create(s, verb, name, text, 0);
	bool looks = verb == CHAT_FIND || find_of(s, name);
	struct chat_person *person = looks ? NULL : chat_store_person_named(s->store, name);
	if (!person) {
		wait_for_name(s, r);
		return;
	}
	r->uin = person->uin;
	chat_person_free(person);
	carry_out(s, r);
}

void chat_session_do_to(struct chat_session *s, enum chat_verb verb, const struct chat_person *person, const char *text)
{
	carry_out(s, chat_request_create(s, verb, person->name, text, person->uin));
}

/** Nobody said who this is. Takes the request: a text that is kept waits on. */
static void not_found(struct chat_session *s, struct chat_request *r, int status, const char *why)
{
	bool no_answer = status == HY_DEADLINE_EXCEEDED || status == HY_UNAVAILABLE;
	if (r->kept && no_answer) {
		wait_for_name(s, r);
		return;
	}
	if (r->kept && status == HY_UNAUTHENTICATED) { /* till somebody signs in again */
		s->waiting++;
	} else {
		if (r->kept && chat_store_unaddress(s->store, r->kept) != HY_OK)
			complain(s);
		tell_done(s, r->verb, r->name, status, why);
	}
	chat_request_free(r);
}

static void on_found(struct chat_session *s, struct chat_event *e)
{
	struct chat_request *find = e->request;
	struct chat_request **at = &s->finds;
	while (*at != find)
		at = &(*at)->next_find;
	*at = find->next_find;
	s->finding--;
	if (e->profile && chat_store_profile(s->store, e->profile) != HY_OK)
		complain(s);
	if (e->profile)
		tell_person(s, e->profile->uin);
	const char *why = e->status == HY_NOT_FOUND ? "nobody has this name" : e->why;
	if (!find->next && !e->profile)
		tell_done(s, CHAT_FIND, find->name, e->status, why);
	else if (!find->next && s->face.on_found)
		s->face.on_found(s->face.arg, e->profile);
	struct chat_request *r = hy_take(find->next);
	while (r) {
		struct chat_request *next = hy_take(r->next);
		if (e->profile) {
			r->uin = e->profile->uin;
			carry_out(s, r);
		} else {
			not_found(s, r, e->status, why);
		}
		r = next;
	}
	chat_request_free(find);
}

/* ---- about oneself ----------------------------------------------------------------------------------------------- */

static struct chat_request *about_me(struct chat_session *s, enum chat_verb verb, const char *name)
{
	return chat_request_create(s, verb, name, "", 0);
}

void chat_session_update_profile(struct chat_session *s, const struct hongyan_profile *profile)
{
	hongyan_update_profile(s->client, profile, chat_client_on_done, about_me(s, CHAT_PROFILE, ""));
}

void chat_session_update_settings(struct chat_session *s, const struct hongyan_settings *settings)
{
	hongyan_update_settings(s->client, settings, chat_client_on_done, about_me(s, CHAT_SETTINGS, ""));
}

void chat_session_change_password(struct chat_session *s, const char *old_password, const char *new_password)
{
	hongyan_change_password(
		s->client, old_password, new_password, chat_client_on_done, about_me(s, CHAT_PASSWORD, ""));
}

void chat_session_list_devices(struct chat_session *s)
{
	hongyan_list_devices(s->client, chat_client_on_devices, about_me(s, CHAT_FIND, ""));
}

void chat_session_sign_out(struct chat_session *s, const char *device)
{
	struct chat_request *r = about_me(s, CHAT_SIGN_OUT, device);
	if (strcmp(device, "this") == 0)
		hongyan_sign_out(s->client, chat_client_on_done, r);
	else
		hongyan_sign_out_device(s->client, strcmp(device, "all") == 0 ? NULL : device, chat_client_on_done, r);
}

static void on_done(struct chat_session *s, struct chat_event *e)
{
	struct chat_request *r = e->request;
	tell_done(s, r->verb, r->name, e->status, e->why);
	if (r->verb == CHAT_SIGN_OUT && strcmp(r->name, "this") == 0) {
		if (chat_store_put(s->store, "ticket", "", 0) != HY_OK)
			complain(s);
		chat_session_end(s, 0);
	}
	chat_request_free(r);
}

/* ---- what the library tells, on the main thread ------------------------------------------------------------------ */

static void on_sync(struct chat_session *s, const struct hongyan_sync *sync)
{
	int status = chat_store_sync(s->store, sync);
	hongyan_stored(s->client, sync->number, status == HY_OK);
	if (status != HY_OK) {
		complain(s);
		return;
	}
	if (sync->reset_contacts || sync->reset_account)
		tell_person(s, 0);
	for (size_t i = 0; i < sync->count; i++) {
		const struct hongyan_change *c = &sync->changes[i];
		if (c->kind == HONGYAN_CHANGE_CONTACT && c->contact.profile.uin)
			tell_person(s, c->contact.profile.uin);
		else if (c->kind == HONGYAN_CHANGE_PROFILE)
			tell_person(s, chat_store_uin(s->store));
	}
	tell_new_rows(s);
	s->synced |= !sync->more;
	if (s->face.on_synced && !sync->more)
		s->face.on_synced(s->face.arg);
}

static void on_sent(struct chat_session *s, const struct chat_event *e)
{
	s->waiting -= s->waiting > 0;
	if (chat_store_sent(s->store, e->client_id, e->status, e->why, e->message_id) != HY_OK)
		complain(s);
	chat_store_row_of(s->store, e->client_id, tell_row, s);
	tell_new_rows(s);
}

static void on_signed_in(struct chat_session *s, struct chat_event *e)
{
	if (e->status != HONGYAN_OK) {
		fail(s, e->status, reason(s, e->status, e->why));
		return;
	}
	if (chat_store_sign_in(s->store, e->uin, hy_buf_data(&e->ticket), hy_buf_len(&e->ticket)) != HY_OK)
		complain(s);
	tell_person(s, 0);
	send_waiting(s);
}

static void on_signed_out(struct chat_session *s, const char *why)
{
	char text[400];
	if (chat_store_put(s->store, "ticket", "", 0) != HY_OK)
		complain(s);
	snprintf(text, sizeof text,
		"signed out by the server: %s (another device has ended it, the password was changed, or the account "
		"was deleted)",
		why);
	fail(s, HY_UNAUTHENTICATED, text);
}

static void on_state(struct chat_session *s, enum hongyan_state state)
{
	if (state != s->state)
		s->state_us = env_mono_us(s->env);
	s->state = state;
	if (state == HONGYAN_ONLINE)
		hy_free(hy_take(s->trouble));
	if (s->face.on_state)
		s->face.on_state(s->face.arg, state);
}

static void on_trouble(struct chat_session *s, const struct chat_event *e)
{
	uint64_t now_us = env_mono_us(s->env), retry_us = now_us + 1000 * e->retry_ms;
	s->retry_us = s->trouble && s->retry_us > now_us ? HY_MIN(s->retry_us, retry_us) : retry_us;
	if (s->trouble && strcmp(s->trouble, e->why) == 0)
		return;
	hy_free(s->trouble);
	s->trouble = hy_strdup(e->why);
	if (s->face.on_trouble)
		s->face.on_trouble(s->face.arg, s->trouble);
}

static void handle(struct chat_session *s, struct chat_event *e)
{
	switch (e->kind) {
	case CHAT_EVENT_STATE:
		on_state(s, e->state);
		return;
	case CHAT_EVENT_SYNC:
		on_sync(s, e->sync);
		break;
	case CHAT_EVENT_SENT:
		on_sent(s, e);
		break;
	case CHAT_EVENT_RESYNC:
		if (chat_store_put(s->store, "snapshot", "", 0) != HY_OK)
			complain(s);
		break;
	case CHAT_EVENT_SIGNED_IN:
		on_signed_in(s, e);
		break;
	case CHAT_EVENT_SIGNED_OUT:
		on_signed_out(s, e->why);
		break;
	case CHAT_EVENT_LEARNT:
		if (chat_store_put(s->store, "learnt", e->why, strlen(e->why)) != HY_OK)
			complain(s);
		return;
	case CHAT_EVENT_TROUBLE:
		on_trouble(s, e);
		return;
	case CHAT_EVENT_DONE:
		on_done(s, e);
		break;
	case CHAT_EVENT_FOUND:
		on_found(s, e);
		break;
	case CHAT_EVENT_DEVICES:
		if (e->status != HONGYAN_OK)
			tell_done(s, CHAT_SIGN_OUT, "", e->status, e->why);
		else if (s->face.on_devices)
			s->face.on_devices(s->face.arg, e->devices, e->device_count);
		chat_request_free(e->request);
		break;
	}
	if (e->status == HY_UNAVAILABLE || e->status == HY_DEADLINE_EXCEEDED)
		return;
	s->answer_us = env_mono_us(s->env);
	hy_free(hy_take(s->trouble));
}

void chat_session_on_event(struct env_msg *msg)
{
	struct chat_event *e = hy_container_of(msg, struct chat_event, msg);
	handle(e->session, e);
	chat_event_free(e);
}

/** Who is killed between storing and telling tells at the next start. */
static void note_told(struct chat_session *s)
{
	if (s->told_n == s->last_n)
		return;
	s->told_n = s->last_n;
	if (chat_store_put(s->store, "told", &s->told_n, sizeof s->told_n) != HY_OK)
		complain(s);
}

int chat_session_run(struct chat_session *s)
{
	tell_new_rows(s);
	note_told(s);
	uint64_t deadline_us = s->face.turn(s->face.arg);
	while (!s->ended && !(s->ending && s->waiting == 0 && s->finding == 0)) {
		if (s->ending) {
			deadline_us = HY_MIN(deadline_us, s->end_us);
			if (env_mono_us(s->env) >= s->end_us)
				break;
		}
		struct env_msg *msg = env_inbox_take_all(s->inbox, deadline_us);
		while (msg) {
			struct env_msg *next = msg->next;
			msg->fn(msg);
			msg = next;
		}
		note_told(s);
		deadline_us = s->face.turn(s->face.arg);
	}
	return s->end_status;
}

/* ---- begin and end ----------------------------------------------------------------------------------------------- */

static void find_told(struct chat_session *s)
{
	struct hy_buf told = {0};
	chat_store_get(s->store, "told", &told);
	if (hy_buf_len(&told) == sizeof s->told_n)
		memcpy(&s->told_n, hy_buf_data(&told), sizeof s->told_n);
	hy_buf_fini(&told);
	s->last_n = s->told_n;
}

int chat_session_create(const struct chat_session_config *config, struct chat_session **ret_session, char **ret_why)
{
	struct chat_session *s = hy_zalloc(sizeof *s);
	struct hy_buf learnt = {0};
	chat_store_get(config->store, "learnt", &learnt);
	hy_buf_append(&learnt, "", 1);
	s->env = config->env;
	s->store = config->store;
	s->name = hy_strdup(config->name);
	s->server = hy_strdup(config->server);
	s->inbox = env_inbox_create(s->env);
	s->state_us = env_mono_us(s->env);
	find_told(s);
	struct hongyan_config client = {.server = config->server,
		.device = config->device,
		.device_name = "terminal",
		.learnt = (const char *)hy_buf_data(&learnt),
		.events = chat_client_events(),
		.arg = s,
		.backoff_max_ms = 15000};
	int status = hongyan_create(&client, &s->client);
	if (status == HONGYAN_OK) {
		status = hongyan_start_thread(s->client);
	}
	hy_buf_fini(&learnt);
	if (status == HONGYAN_OK) {
		*ret_session = s;
		return HY_OK;
	}
	*ret_why = hy_strdup(status == HONGYAN_INVALID_ARGUMENT
				     ? "that is no server's address: write chat.example.org, or 127.0.0.1:7600"
				     : "no more threads or files");
	chat_session_destroy(s);
	return status;
}

void chat_session_close_links(struct chat_session *s)
{
	hongyan_destroy(hy_take(s->client));
}

void chat_session_destroy(struct chat_session *s)
{
	if (!s)
		return;
	chat_session_close_links(s);
	struct env_msg *msg = env_inbox_take_all(s->inbox, 0);
	while (msg) { /* what came in the last moment was not stored, and comes again */
		struct env_msg *next = msg->next;
		if (msg->fn == chat_session_on_event) {
			struct chat_event *e = hy_container_of(msg, struct chat_event, msg);
			if (e->kind != CHAT_EVENT_FOUND) /* those are in the list below */
				chat_request_free(e->request);
			chat_event_free(e);
		}
		msg = next;
	}
	while (s->finds) {
		struct chat_request *find = s->finds;
		s->finds = find->next_find;
		chat_request_free(find);
	}
	env_inbox_destroy(s->inbox);
	hy_free(s->name);
	hy_free(s->server);
	hy_free(s->trouble);
	hy_free(s);
}

void chat_session_set_face(struct chat_session *s, const struct chat_face *face)
{
	s->face = *face;
}

struct env_inbox *chat_session_inbox(struct chat_session *s)
{
	return s->inbox;
}

void chat_session_resume(struct chat_session *s)
{
	struct hy_buf ticket = {0}, snapshot = {0};
	chat_store_get(s->store, "ticket", &ticket);
	chat_store_get(s->store, "snapshot", &snapshot);
	hongyan_resume(s->client, chat_store_uin(s->store), hy_buf_data(&ticket), hy_buf_len(&ticket),
		hy_buf_data(&snapshot), hy_buf_len(&snapshot));
	s->synced = hy_buf_len(&snapshot) > 0;
	hy_buf_fini_wiped(&ticket);
	hy_buf_fini(&snapshot);
	send_waiting(s);
}

void chat_session_enter(struct chat_session *s, bool registering, const char *password, const char *invitation)
{
	if (registering)
		hongyan_register(s->client, s->name, password, invitation, chat_client_on_signed_in, s);
	else
		hongyan_sign_in(s->client, s->name, password, chat_client_on_signed_in, s);
}

struct chat_store *chat_session_store(struct chat_session *s)
{
	return s->store;
}

struct env *chat_session_env(struct chat_session *s)
{
	return s->env;
}

const char *chat_session_name(const struct chat_session *s)
{
	return s->name;
}

const char *chat_session_server(const struct chat_session *s)
{
	return s->server;
}

enum hongyan_state chat_session_state(const struct chat_session *s)
{
	return s->state;
}

uint64_t chat_session_state_since(const struct chat_session *s)
{
	return s->state_us;
}

const char *chat_session_trouble(const struct chat_session *s, uint64_t *ret_retry_s)
{
	uint64_t now_us = env_mono_us(s->env);
	if (ret_retry_s)
		*ret_retry_s = s->retry_us > now_us ? (s->retry_us - now_us + 999999) / 1000000 : 0;
	return s->trouble;
}

bool chat_session_ready(const struct chat_session *s)
{
	return s->state != HONGYAN_OFFLINE && s->synced;
}

bool chat_session_short_link(const struct chat_session *s)
{
	return s->state == HONGYAN_CONNECTING && s->answer_us > s->state_us;
}

unsigned chat_session_waiting(const struct chat_session *s)
{
	return s->waiting + s->finding;
}
