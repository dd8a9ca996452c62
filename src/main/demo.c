/* demo.c - see demo.h. */
#include "main/demo.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "account.rpc.h"
#include "auth.rpc.h"
#include "base/mem.h"
#include "contacts.rpc.h"
#include "main/demo_content.h"
#include "main/why.h"
#include "profile.rpc.h"
#include "send.rpc.h"

#define MARK_FILE "demo"
#define MARK_FORMAT "hongyan demo 1 "
#define MARK_MAX 128
#define SEED_SIZE 16
#define CLIENT_ID_SIZE 16
#define DEVICE "demo"
#define TEXT(s) ((char *)(uintptr_t)(s))
/* What the other one has not been told yet is, within this time. */
#define TRIES 100
#define PAUSE_US 20000
#define CALL_US 30000000u

/** The file in the folder. */
struct mark {
	uint8_t seed[SEED_SIZE];
	uint64_t begun_ms;
	bool made; /* all of it */
};

struct demo {
	struct env_msg msg; /* to the loop, then back */
	struct env *env;
	struct svr_loop *loop;
	struct env_inbox *done;
	const char *dir;
	struct mark mark;
	int (*work)(struct demo *d);
	struct hy_arena arena;
	uint64_t trace;
	unsigned step; /* what is made now, counted: its client ID goes by it */
	uint32_t uins[DEMO_USERS];
	int status;
	char *why;
};

/* ---- the mark ---------------------------------------------------------------------------------------------------- */

static char *mark_path(const char *dir)
{
	return why_printf("%s/" MARK_FILE, dir);
}

bool demo_in_folder(struct env *env, const char *dir)
{
	char *path = mark_path(dir);
	struct env_file *file = NULL;
	int rc = env_file_open(env, path, ENV_OPEN_READ, &file);
	if (rc == 0)
		env_file_close(file);
	hy_free(path);
	return rc != -ENOENT;
}

static int mark_parse(char *text, struct mark *ret_mark)
{
	const char *seed = text + strlen(MARK_FORMAT), *end;
	size_t len;
	if (strncmp(text, MARK_FORMAT, strlen(MARK_FORMAT)) != 0 ||
		sodium_hex2bin(ret_mark->seed, SEED_SIZE, seed, strlen(seed), NULL, &len, &end) != 0 ||
		len != SEED_SIZE || *end != ' ')
		return HY_DATA_LOSS;
	char *rest;
	ret_mark->begun_ms = strtoull(end, &rest, 10);
	ret_mark->made = strcmp(rest, " made\n") == 0;
	return ret_mark->made || strcmp(rest, " begun\n") == 0 ? HY_OK : HY_DATA_LOSS;
}

/** NOT_FOUND: there is none. */
static int mark_read(struct demo *d)
{
	char *path = mark_path(d->dir), *text;
	size_t len;
	int rc = env_file_read_all(d->env, path, MARK_MAX, &text, &len), status = HY_NOT_FOUND;
	if (rc == 0) {
		status = mark_parse(text, &d->mark);
		hy_free(text);
	} else if (rc != -ENOENT) {
		status = HY_DATA_LOSS;
	}
	if (status == HY_DATA_LOSS)
		d->why = why_printf("%s cannot be read: take an empty folder", path);
	hy_free(path);
	return status;
}

static int mark_write(struct demo *d)
{
	char hex[2 * SEED_SIZE + 1], text[MARK_MAX], *path = mark_path(d->dir);
	sodium_bin2hex(hex, sizeof hex, d->mark.seed, SEED_SIZE);
	snprintf(text, sizeof text, MARK_FORMAT "%s %" PRIu64 " %s\n", hex, d->mark.begun_ms,
		d->mark.made ? "made" : "begun");
	int rc = env_file_write_all(d->env, path, text, strlen(text));
	if (rc < 0)
		d->why = why_printf("cannot write %s: %s", path, strerror(-rc));
	hy_free(path);
	return rc < 0 ? HY_UNAVAILABLE : HY_OK;
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static struct call new_call(struct demo *d)
{
	hy_arena_reset(&d->arena);
	return (struct call){.loop = d->loop,
		.arena = &d->arena,
		.deadline_us = svr_now_us(d->loop) + CALL_US,
		.trace = d->trace,
		.priority = 3};
}

static struct call call_as(struct demo *d, enum demo_name who)
{
	struct call call = new_call(d);
	call.who = (struct svr_passport){d->uins[who], DEVICE, demo_users[who].name};
	return call;
}

/** Of this step, the same at each try. `client_id` has room for CLIENT_ID_SIZE. */
static Hy__RequestHead head_of(const struct demo *d, uint8_t *client_id)
{
	Hy__RequestHead head = HY__REQUEST_HEAD__INIT;
	uint8_t step[4];
	hy_put_be32(step, d->step);
	crypto_generichash(client_id, CLIENT_ID_SIZE, step, sizeof step, d->mark.seed, SEED_SIZE);
	head.device = TEXT(DEVICE);
	head.protocol_level = 1;
	head.client_id = (ProtobufCBinaryData){CLIENT_ID_SIZE, client_id};
	head.made_ms = d->mark.begun_ms + d->step;
	return head;
}

/** One step, again while the other one has not been told of what was before it. SUSPENDS. */
static int take_step(struct demo *d, int (*step)(struct demo *d, struct call *ret_call, const void *what),
	const void *what, const char *doing)
{
	struct call call;
	int rc = HY_CANCELLED;
	d->step++;
	for (unsigned i = 0; i < TRIES; i++) {
		rc = step(d, &call, what);
		if (rc != HY_FAILED_PRECONDITION && rc != HY_PERMISSION_DENIED && rc != HY_RESOURCE_EXHAUSTED)
			break;
		if (co_sleep_until(d->loop, svr_now_us(d->loop) + PAUSE_US) != HY_OK)
			break;
	}
	if (rc != HY_OK)
		d->why = why_printf("%s: %s", doing, call_why(&call, rc));
	return rc;
}

/* ---- what is made ------------------------------------------------------------------------------------------------ */

static int register_user(struct demo *d, struct call *ret_call, const void *what)
{
	const struct demo_user *user = what;
	uint8_t client_id[CLIENT_ID_SIZE];
	Hy__RegisterRequest request = HY__REGISTER_REQUEST__INIT;
	Hy__RegisterResponse response = HY__REGISTER_RESPONSE__INIT;
	Hy__RequestHead head = head_of(d, client_id);
	request.head = &head;
	request.name = TEXT(user->name);
	request.password = TEXT(DEMO_PASSWORD);
	request.device_name = TEXT("hongyan serve --demo");
	*ret_call = new_call(d);
	int rc = auth_register(ret_call, &request, &response);
	d->uins[user - demo_users] = response.uin;
	return rc;
}

static int describe_user(struct demo *d, struct call *ret_call, const void *what)
{
	const struct demo_user *user = what;
	uint8_t client_id[CLIENT_ID_SIZE];
	Hy__UpdateProfileRequest request = HY__UPDATE_PROFILE_REQUEST__INIT;
	Hy__UpdateProfileResponse response = HY__UPDATE_PROFILE_RESPONSE__INIT;
	Hy__RequestHead head = head_of(d, client_id);
	request.head = &head;
	request.nickname = TEXT(user->nickname);
	request.signature = TEXT(user->signature);
	request.region = TEXT(user->region);
	request.avatar_colour = user->colour;
	*ret_call = call_as(d, (enum demo_name)(user - demo_users));
	return profiles_update_profile(ret_call, &request, &response);
}

static int ask_contact(struct demo *d, struct call *ret_call, const void *what)
{
	const struct demo_contact *contact = what;
	uint8_t client_id[CLIENT_ID_SIZE];
	Hy__RequestContactRequest request = HY__REQUEST_CONTACT_REQUEST__INIT;
	Hy__RequestContactResponse response = HY__REQUEST_CONTACT_RESPONSE__INIT;
	Hy__RequestHead head = head_of(d, client_id);
	request.head = &head;
	request.uin = d->uins[contact->asked];
	request.greeting = TEXT(contact->greeting);
	request.remark = TEXT(contact->remark_of_asked ? contact->remark_of_asked : "");
	*ret_call = call_as(d, contact->asker);
	return contacts_request_contact(ret_call, &request, &response);
}

static int accept_contact(struct demo *d, struct call *ret_call, const void *what)
{
	const struct demo_contact *contact = what;
	uint8_t client_id[CLIENT_ID_SIZE];
	Hy__AcceptContactRequest request = HY__ACCEPT_CONTACT_REQUEST__INIT;
	Hy__AcceptContactResponse response = HY__ACCEPT_CONTACT_RESPONSE__INIT;
	Hy__RequestHead head = head_of(d, client_id);
	request.head = &head;
	request.uin = d->uins[contact->asker];
	*ret_call = call_as(d, contact->asked);
	return contacts_accept_contact(ret_call, &request, &response);
}

static int set_remark(struct demo *d, struct call *ret_call, const void *what)
{
	const struct demo_contact *contact = what;
	uint8_t client_id[CLIENT_ID_SIZE];
	Hy__SetRemarkRequest request = HY__SET_REMARK_REQUEST__INIT;
	Hy__SetRemarkResponse response = HY__SET_REMARK_RESPONSE__INIT;
	Hy__RequestHead head = head_of(d, client_id);
	request.head = &head;
	request.uin = d->uins[contact->asker];
	request.remark = TEXT(contact->remark_of_asker);
	*ret_call = call_as(d, contact->asked);
	return contacts_set_remark(ret_call, &request, &response);
}

static int send_text(struct demo *d, struct call *ret_call, const void *what)
{
	const struct demo_text *text = what;
	uint8_t client_id[CLIENT_ID_SIZE];
	Hy__SendTextRequest request = HY__SEND_TEXT_REQUEST__INIT;
	Hy__SendTextResponse response = HY__SEND_TEXT_RESPONSE__INIT;
	Hy__RequestHead head = head_of(d, client_id);
	request.head = &head;
	request.to = d->uins[text->to];
	request.text = TEXT(text->text);
	*ret_call = call_as(d, text->from);
	return send_send_text(ret_call, &request, &response);
}

/** All of it, in the same order each time. SUSPENDS. */
static int make_all(struct demo *d)
{
	int rc = HY_OK;
	d->step = 0;
	for (unsigned i = 0; rc == HY_OK && i < DEMO_USERS; i++)
		rc = take_step(d, register_user, &demo_users[i], demo_users[i].name);
	for (unsigned i = 0; rc == HY_OK && i < DEMO_USERS; i++)
		rc = take_step(d, describe_user, &demo_users[i], "a profile");
	for (unsigned i = 0; rc == HY_OK && i < demo_contact_count; i++) {
		const struct demo_contact *contact = &demo_contacts[i];
		rc = take_step(d, ask_contact, contact, "asking for a contact");
		if (rc == HY_OK && contact->accepted)
			rc = take_step(d, accept_contact, contact, "accepting a contact");
		if (rc == HY_OK && contact->remark_of_asker)
			rc = take_step(d, set_remark, contact, "a remark");
	}
	for (unsigned i = 0; rc == HY_OK && i < demo_text_count; i++)
		rc = take_step(d, send_text, &demo_texts[i], "a text");
	return rc;
}

/** The device by which all of it was made holds tickets no more. That it cannot be done is no harm. SUSPENDS. */
static int sign_out_all(struct demo *d)
{
	for (unsigned i = 0; i < DEMO_USERS; i++) {
		Hy__SignOutRequest request = HY__SIGN_OUT_REQUEST__INIT;
		Hy__SignOutResponse response = HY__SIGN_OUT_RESPONSE__INIT;
		Hy__RequestHead head = HY__REQUEST_HEAD__INIT;
		struct call call = call_as(d, (enum demo_name)i);
		request.head = &head;
		int rc = auth_sign_out(&call, &request, &response);
		if (rc != HY_OK)
			call_log(&call, ENV_LOG_WARN, "main", "a demo user's first device stays signed in: %s",
				call_why(&call, rc));
	}
	return HY_OK;
}

/** FAILED_PRECONDITION: there is, or was, somebody in the folder. SUSPENDS. */
static int look_for_users(struct demo *d)
{
	Hy__AccountListUsersRequest request = HY__ACCOUNT_LIST_USERS_REQUEST__INIT;
	Hy__AccountListUsersResponse response = HY__ACCOUNT_LIST_USERS_RESPONSE__INIT;
	struct call call = new_call(d);
	request.limit = 1;
	int rc = account_list_users(&call, &request, &response);
	if (rc == HY_OK && response.n_users > 0) {
		d->why = why_printf("%s has users; demo users are made in a folder that has none (see --data)", d->dir);
		return HY_FAILED_PRECONDITION;
	}
	if (rc != HY_OK)
		d->why = why_printf("looking for users: %s", call_why(&call, rc));
	return rc;
}

/* ---- from the operator's thread to a loop, and back -------------------------------------------------------------- */

static void run(void *arg)
{
	struct demo *d = arg;
	hy_arena_init(&d->arena, HY_ARENA_LIMIT_DEFAULT);
	d->status = d->work(d);
	hy_arena_wipe(&d->arena);
	hy_arena_fini(&d->arena);
	env_inbox_post(d->done, &d->msg);
}

static void on_loop(struct env_msg *msg)
{
	struct demo *d = hy_container_of(msg, struct demo, msg);
	co_spawn(d->loop, run, d);
}

static int run_on_loop(struct demo *d, int (*work)(struct demo *d))
{
	d->work = work;
	d->msg = (struct env_msg){.fn = on_loop};
	env_inbox_post(env_loop_inbox(svr_loop_env(d->loop)), &d->msg);
	env_inbox_take(d->done, UINT64_MAX);
	return d->status;
}

static int begin(struct demo *d)
{
	int rc = run_on_loop(d, look_for_users);
	if (rc != HY_OK)
		return rc;
	env_random(d->env, d->mark.seed, SEED_SIZE);
	d->mark.begun_ms = env_wall_ms(d->env);
	return mark_write(d);
}

static int make(struct demo *d)
{
	int rc = mark_read(d);
	if (rc == HY_OK && d->mark.made)
		return HY_OK;
	if (rc == HY_NOT_FOUND)
		rc = begin(d);
	if (rc == HY_OK)
		rc = run_on_loop(d, make_all);
	if (rc != HY_OK)
		return rc;
	d->mark.made = true;
	rc = mark_write(d);
	if (rc != HY_OK)
		return rc;
	env_log(d->env, ENV_LOG_INFO, "main", d->trace, "made %u demo users, %u texts", (unsigned)DEMO_USERS,
		demo_text_count);
	return run_on_loop(d, sign_out_all);
}

static struct demo new_demo(struct env *env, struct svr *svr, const char *dir)
{
	return (struct demo){.env = env,
		.loop = svr_loop_at(svr, 0),
		.done = env_inbox_create(env),
		.dir = dir,
		.trace = env_rand64(env)};
}

bool demo_nobody_there(struct env *env, struct svr *svr)
{
	struct demo d = new_demo(env, svr, "");
	int rc = run_on_loop(&d, look_for_users);
	env_inbox_destroy(d.done);
	hy_free(d.why);
	return rc == HY_OK;
}

int demo_make(struct env *env, struct svr *svr, const char *dir, char **ret_why)
{
	struct demo d = new_demo(env, svr, dir);
	int rc = make(&d);
	env_inbox_destroy(d.done);
	*ret_why = d.why;
	return rc;
}
