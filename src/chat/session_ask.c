/* session_ask.c - what is asked of the library: texts, about people, about oneself. See session.h. */
#include "base/mem.h"
#include "chat/session_internal.h"

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
		session_complain(s);
		return;
	}
	session_tell_new_rows(s);
	chat_store_row(s->store, n, send_row, s);
}

int chat_session_retry(struct chat_session *s, int64_t n)
{
	uint8_t client_id[HONGYAN_CLIENT_ID_SIZE];
	uint64_t made_ms;
	hongyan_new_client_id(s->client, client_id, &made_ms);
	int status = chat_store_retry(s->store, n, client_id, made_ms);
	if (status == HY_OK) {
		chat_store_row(s->store, n, session_tell_row, s);
		chat_store_row(s->store, n, send_row, s);
	} else if (status != HY_NOT_FOUND) {
		session_complain(s);
	}
	return status;
}

int chat_session_drop(struct chat_session *s, int64_t n)
{
	int status = chat_store_drop(s->store, n);
	if (status == HY_OK)
		session_tell_person(s, 0);
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
			session_tell_done(s, CHAT_SEND, r->name, HY_OK, "");
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
		session_complain(s);
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

void session_send_waiting(struct chat_session *s)
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
			session_complain(s);
		session_tell_done(s, r->verb, r->name, status, why);
	}
	chat_request_free(r);
}

void session_on_found(struct chat_session *s, struct chat_event *e)
{
	struct chat_request *find = e->request;
	struct chat_request **at = &s->finds;
	while (*at != find)
		at = &(*at)->next_find;
	*at = find->next_find;
	s->finding--;
	if (e->profile && chat_store_profile(s->store, e->profile) != HY_OK)
		session_complain(s);
	if (e->profile)
		session_tell_person(s, e->profile->uin);
	const char *why = e->status == HY_NOT_FOUND ? "nobody has this name" : e->why;
	if (!find->next && !e->profile)
		session_tell_done(s, CHAT_FIND, find->name, e->status, why);
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

void session_on_done(struct chat_session *s, struct chat_event *e)
{
	struct chat_request *r = e->request;
	session_tell_done(s, r->verb, r->name, e->status, e->why);
	if (r->verb == CHAT_SIGN_OUT && strcmp(r->name, "this") == 0) {
		if (chat_store_put(s->store, "ticket", "", 0) != HY_OK)
			session_complain(s);
		chat_session_end(s, 0);
	}
	chat_request_free(r);
}
