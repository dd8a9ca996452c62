/* session.c - see session.h. */
#include "chat/session.h"

#include <stdio.h>

#include "base/mem.h"
#include "chat/session_internal.h"

#define LINGER_US (5u * 1000 * 1000) /* at the end, for texts not answered for yet */

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

void session_tell_done(struct chat_session *s, enum chat_verb verb, const char *name, int status, const char *why)
{
	if (s->face.on_done)
		s->face.on_done(s->face.arg, verb, name, status, reason(s, status, why));
}

void session_tell_person(struct chat_session *s, uint32_t uin)
{
	if (s->face.on_person)
		s->face.on_person(s->face.arg, uin);
}

void session_tell_row(void *arg, const struct chat_row *row)
{
	struct chat_session *s = arg;
	bool fresh = row->n > s->last_n;
	s->last_n = HY_MAX(s->last_n, row->n);
	if (s->face.on_row)
		s->face.on_row(s->face.arg, row, fresh);
}

void session_tell_new_rows(struct chat_session *s)
{
	chat_store_rows_after(s->store, s->last_n, session_tell_row, s);
}

void session_complain(struct chat_session *s)
{
	char why[320];
	snprintf(why, sizeof why, "cannot write the local history: %s", chat_store_why(s->store));
	session_tell_done(s, CHAT_SEND, "", HY_UNAVAILABLE, why);
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

/* ---- what the library tells, on the main thread ------------------------------------------------------------------ */

/** Before the store knows. */
static bool accepts(struct chat_session *s, const struct hongyan_change *c)
{
	if (c->kind != HONGYAN_CHANGE_CONTACT || c->contact.relation != HONGYAN_RELATION_CONTACT)
		return false;
	struct chat_person *p = chat_store_person(s->store, c->contact.profile.uin);
	bool asked = p && p->relation == HONGYAN_RELATION_OUTGOING;
	chat_person_free(p);
	return asked;
}

static void tell_accepted(struct chat_session *s, uint32_t uin)
{
	struct chat_person *p = s->face.on_accepted ? chat_store_person(s->store, uin) : NULL;
	if (p && !p->blocked)
		s->face.on_accepted(s->face.arg, p);
	chat_person_free(p);
}

static void store_sync(struct chat_session *s, const struct hongyan_sync *sync, bool *accepted)
{
	for (size_t i = 0; i < sync->count; i++)
		accepted[i] = accepts(s, &sync->changes[i]);
	int status = chat_store_sync(s->store, sync);
	hongyan_stored(s->client, sync->number, status == HY_OK);
	if (status != HY_OK) {
		session_complain(s);
		return;
	}
	if (sync->reset_contacts || sync->reset_account)
		session_tell_person(s, 0);
	for (size_t i = 0; i < sync->count; i++) {
		const struct hongyan_change *c = &sync->changes[i];
		if (c->kind == HONGYAN_CHANGE_CONTACT && c->contact.profile.uin)
			session_tell_person(s, c->contact.profile.uin);
		else if (c->kind == HONGYAN_CHANGE_PROFILE)
			session_tell_person(s, chat_store_uin(s->store));
		if (accepted[i])
			tell_accepted(s, c->contact.profile.uin);
	}
	session_tell_new_rows(s);
	s->synced |= !sync->more;
	if (s->face.on_synced && !sync->more)
		s->face.on_synced(s->face.arg);
}

static void on_sync(struct chat_session *s, const struct hongyan_sync *sync)
{
	bool *accepted = hy_zalloc((sync->count + 1) * sizeof *accepted);
	store_sync(s, sync, accepted);
	hy_free(accepted);
}

static void on_sent(struct chat_session *s, const struct chat_event *e)
{
	s->waiting -= s->waiting > 0;
	if (chat_store_sent(s->store, e->client_id, e->status, e->why, e->message_id) != HY_OK)
		session_complain(s);
	chat_store_row_of(s->store, e->client_id, session_tell_row, s);
	session_tell_new_rows(s);
}

static void on_signed_in(struct chat_session *s, struct chat_event *e)
{
	if (e->status != HONGYAN_OK) {
		fail(s, e->status, reason(s, e->status, e->why));
		return;
	}
	if (chat_store_sign_in(s->store, e->uin, hy_buf_data(&e->ticket), hy_buf_len(&e->ticket)) != HY_OK)
		session_complain(s);
	session_tell_person(s, 0);
	session_send_waiting(s);
}

static void on_signed_out(struct chat_session *s, const char *why)
{
	char text[400];
	if (chat_store_put(s->store, "ticket", "", 0) != HY_OK)
		session_complain(s);
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
			session_complain(s);
		break;
	case CHAT_EVENT_SIGNED_IN:
		on_signed_in(s, e);
		break;
	case CHAT_EVENT_SIGNED_OUT:
		on_signed_out(s, e->why);
		break;
	case CHAT_EVENT_LEARNT:
		if (chat_store_put(s->store, "learnt", e->why, strlen(e->why)) != HY_OK)
			session_complain(s);
		return;
	case CHAT_EVENT_TROUBLE:
		on_trouble(s, e);
		return;
	case CHAT_EVENT_DONE:
		session_on_done(s, e);
		break;
	case CHAT_EVENT_FOUND:
		session_on_found(s, e);
		break;
	case CHAT_EVENT_DEVICES:
		if (e->status != HONGYAN_OK)
			session_tell_done(s, CHAT_SIGN_OUT, "", e->status, e->why);
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
		session_complain(s);
}

int chat_session_run(struct chat_session *s)
{
	session_tell_new_rows(s);
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
	session_send_waiting(s);
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
