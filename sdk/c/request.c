/*
 * request.c - what the program may ask of the server: each function packs its message and says who reads the answer.
 * Ten of them differ in nothing else: their answers are a code (on_done).
 */
#include "auth.pb-c.h"
#include "base/mem.h"
#include "contacts.pb-c.h"
#include "internal.h"
#include "profile.pb-c.h"

#define PATIENCE_US (60u * 1000 * 1000)

typedef void any_fn(void);

/** NULL counts as "". protobuf-c only reads what it packs. */
static char *text_of(const char *text)
{
	return (char *)(uintptr_t)(text ? text : "");
}

/** `object`: what it changes, 0 for none. */
static void ask(struct hongyan *h, const struct method *m, uint64_t object, const ProtobufCMessage *request,
	void (*answered)(struct task *t, int status, const char *why, const ProtobufCMessage *response),
	any_fn *user_done, void *arg)
{
	struct task *t = task_create(h, m, request, answered);
	client_draw_id(h, t->client_id, &t->made_ms);
	t->object = object;
	t->patience_us = PATIENCE_US;
	t->user_done = user_done;
	t->user_arg = arg;
	client_call(h, &t->call);
}

static void on_done(struct task *t, int status, const char *why, const ProtobufCMessage *response)
{
	hongyan_done_fn *done = (hongyan_done_fn *)t->user_done;
	if (done)
		done(t->user_arg, status, why);
}

/* ---- register, sign in, sign out --------------------------------------------------------------------------------- */

/** Registration and sign-in answer alike. */
static void on_entered(struct task *t, int status, const char *why, uint32_t uin, ProtobufCBinaryData ticket)
{
	hongyan_signed_in_fn *done = (hongyan_signed_in_fn *)t->user_done;
	bool ok = status == HONGYAN_OK; /* else the answer's other fields mean nothing */
	if (ok) {
		hy_buf_clear(&t->client->snapshot);
		client_signed_in(t->client, uin, ticket.data, ticket.len);
	}
	if (done)
		done(t->user_arg, status, why, ok ? uin : 0, ok ? ticket.data : NULL, ok ? ticket.len : 0);
}

static void on_registered(struct task *t, int status, const char *why, const ProtobufCMessage *response)
{
	const Hy__RegisterResponse *r = (const Hy__RegisterResponse *)response;
	on_entered(t, status, why, r ? r->uin : 0, r ? r->ticket : (ProtobufCBinaryData){0});
}

static void on_sign_in(struct task *t, int status, const char *why, const ProtobufCMessage *response)
{
	const Hy__SignInResponse *r = (const Hy__SignInResponse *)response;
	on_entered(t, status, why, r ? r->uin : 0, r ? r->ticket : (ProtobufCBinaryData){0});
}

void hongyan_register(struct hongyan *h, const char *name, const char *password, const char *invitation,
	hongyan_signed_in_fn *done, void *arg)
{
	Hy__RegisterRequest request = HY__REGISTER_REQUEST__INIT;
	request.name = text_of(name);
	request.password = text_of(password);
	request.device_name = h->device_name;
	request.invitation = text_of(invitation);
	ask(h, &method_register, 0, &request.base, on_registered, (any_fn *)done, arg);
}

void hongyan_sign_in(struct hongyan *h, const char *name, const char *password, hongyan_signed_in_fn *done, void *arg)
{
	Hy__SignInRequest request = HY__SIGN_IN_REQUEST__INIT;
	request.name = text_of(name);
	request.password = text_of(password);
	request.device_name = h->device_name;
	ask(h, &method_sign_in, 0, &request.base, on_sign_in, (any_fn *)done, arg);
}

static void on_signed_out(struct task *t, int status, const char *why, const ProtobufCMessage *response)
{
	if (status == HONGYAN_OK)
		client_go_offline(t->client);
	on_done(t, status, why, response);
}

void hongyan_sign_out(struct hongyan *h, hongyan_done_fn *done, void *arg)
{
	Hy__SignOutRequest request = HY__SIGN_OUT_REQUEST__INIT;
	ask(h, &method_sign_out, 0, &request.base, on_signed_out, (any_fn *)done, arg);
}

/* ---- look up ----------------------------------------------------------------------------------------------------- */

static void on_found(struct task *t, int status, const char *why, const ProtobufCMessage *response)
{
	const Hy__LookupResponse *r = (const Hy__LookupResponse *)response;
	hongyan_found_fn *done = (hongyan_found_fn *)t->user_done;
	struct hongyan_profile profile = {0};
	if (status == HONGYAN_OK)
		profile = (struct hongyan_profile){.uin = r->uin,
			.name = r->name,
			.nickname = r->nickname,
			.signature = r->signature,
			.region = r->region,
			.avatar_colour = r->avatar_colour};
	if (done)
		done(t->user_arg, status, why, status == HONGYAN_OK ? &profile : NULL);
}

void hongyan_lookup(struct hongyan *h, const char *name, hongyan_found_fn *done, void *arg)
{
	Hy__LookupRequest request = HY__LOOKUP_REQUEST__INIT;
	request.name = text_of(name);
	ask(h, &method_lookup, 0, &request.base, on_found, (any_fn *)done, arg);
}

/* ---- contacts ---------------------------------------------------------------------------------------------------- */

void hongyan_request_contact(
	struct hongyan *h, uint32_t uin, const char *greeting, const char *remark, hongyan_done_fn *done, void *arg)
{
	Hy__RequestContactRequest request = HY__REQUEST_CONTACT_REQUEST__INIT;
	request.uin = uin;
	request.greeting = text_of(greeting);
	request.remark = text_of(remark);
	ask(h, &method_request_contact, task_object(OBJECT_CONTACT, uin), &request.base, on_done, (any_fn *)done, arg);
}

void hongyan_change_contact(
	struct hongyan *h, uint32_t uin, enum hongyan_contact_change change, hongyan_done_fn *done, void *arg)
{
	static const struct method *const methods[] = {[HONGYAN_ACCEPT] = &method_accept_contact,
		[HONGYAN_DECLINE] = &method_decline_contact,
		[HONGYAN_DELETE] = &method_delete_contact,
		[HONGYAN_RESTORE] = &method_restore_contact,
		[HONGYAN_BLOCK] = &method_block_contact,
		[HONGYAN_UNBLOCK] = &method_block_contact};
	/* The requests of the first four are this one without its last field, which is not sent when it is false. */
	Hy__BlockContactRequest request = HY__BLOCK_CONTACT_REQUEST__INIT;
	request.uin = uin;
	request.blocked = change == HONGYAN_BLOCK;
	ask(h, methods[change], task_object(OBJECT_CONTACT, uin), &request.base, on_done, (any_fn *)done, arg);
}

void hongyan_set_remark(struct hongyan *h, uint32_t uin, const char *remark, hongyan_done_fn *done, void *arg)
{
	Hy__SetRemarkRequest request = HY__SET_REMARK_REQUEST__INIT;
	request.uin = uin;
	request.remark = text_of(remark);
	ask(h, &method_set_remark, task_object(OBJECT_CONTACT, uin), &request.base, on_done, (any_fn *)done, arg);
}

/* ---- profile, settings, password --------------------------------------------------------------------------------- */

void hongyan_update_profile(struct hongyan *h, const struct hongyan_profile *profile, hongyan_done_fn *done, void *arg)
{
	Hy__UpdateProfileRequest request = HY__UPDATE_PROFILE_REQUEST__INIT;
	request.nickname = text_of(profile->nickname);
	request.signature = text_of(profile->signature);
	request.region = text_of(profile->region);
	request.avatar_colour = profile->avatar_colour;
	ask(h, &method_update_profile, task_object(OBJECT_PROFILE, 0), &request.base, on_done, (any_fn *)done, arg);
}

void hongyan_update_settings(
	struct hongyan *h, const struct hongyan_settings *settings, hongyan_done_fn *done, void *arg)
{
	Hy__UpdateSettingsRequest request = HY__UPDATE_SETTINGS_REQUEST__INIT;
	request.may_write = (Hy__Who)settings->may_write;
	request.may_ask = (Hy__Who)settings->may_ask;
	ask(h, &method_update_settings, task_object(OBJECT_SETTINGS, 0), &request.base, on_done, (any_fn *)done, arg);
}

void hongyan_change_password(
	struct hongyan *h, const char *old_password, const char *new_password, hongyan_done_fn *done, void *arg)
{
	Hy__ChangePasswordRequest request = HY__CHANGE_PASSWORD_REQUEST__INIT;
	request.old_password = text_of(old_password);
	request.new_password = text_of(new_password);
	ask(h, &method_change_password, task_object(OBJECT_SIGN_INS, 0), &request.base, on_done, (any_fn *)done, arg);
}

/* ---- devices ----------------------------------------------------------------------------------------------------- */

static void on_devices(struct task *t, int status, const char *why, const ProtobufCMessage *response)
{
	const Hy__ListDevicesResponse *r = (const Hy__ListDevicesResponse *)response;
	hongyan_devices_fn *done = (hongyan_devices_fn *)t->user_done;
	size_t count = status == HONGYAN_OK ? r->n_devices : 0;
	struct hongyan_device *devices = hy_zalloc((count + 1) * sizeof *devices);
	for (size_t i = 0; i < count; i++)
		devices[i] = (struct hongyan_device){.device = r->devices[i]->device,
			.name = r->devices[i]->name,
			.signed_in_ms = r->devices[i]->signed_in_ms,
			.seen_ms = r->devices[i]->seen_ms,
			.this_one = r->devices[i]->this_one,
			.online = r->devices[i]->online};
	if (done)
		done(t->user_arg, status, why, devices, count);
	hy_free(devices);
}

void hongyan_list_devices(struct hongyan *h, hongyan_devices_fn *done, void *arg)
{
	Hy__ListDevicesRequest request = HY__LIST_DEVICES_REQUEST__INIT;
	ask(h, &method_list_devices, 0, &request.base, on_devices, (any_fn *)done, arg);
}

void hongyan_sign_out_device(struct hongyan *h, const char *device, hongyan_done_fn *done, void *arg)
{
	Hy__SignOutDeviceRequest request = HY__SIGN_OUT_DEVICE_REQUEST__INIT;
	request.device = text_of(device);
	ask(h, &method_sign_out_device, task_object(OBJECT_SIGN_INS, 0), &request.base, on_done, (any_fn *)done, arg);
}
