/* What devices have brought: kept, written lazily, and what all have is trimmed (rules R4, R5). */
#include "account.rpc.h"
#include "base/planted.h"
#include "logic/session/session_internal.h"
#include "message.rpc.h"

#define LIVE_MS (30 * SESSION_DAY_MS)
/** That a device was seen, with nothing new, is worth a write only so often: what rests on it counts in days. */
#define SEEN_WRITE_MS (SESSION_DAY_MS / 2)
#define AGE_TRIM_MS (3600ull * 1000)
/** Users that one Brought sends on their way out of memory, so that the table shrinks faster than it grows. */
#define IDLE_USERS_PER_CALL 2u

static uint64_t now_ms(const struct call *call)
{
	return env_wall_ms(svr_env(svr_of_loop(call->loop)));
}

int session_list_devices(struct call *call, uint32_t uin, Hy__AccountListDevicesResponse *ret_devices)
{
	Hy__AccountListDevicesRequest request = HY__ACCOUNT_LIST_DEVICES_REQUEST__INIT;

	request.uin = uin;
	return account_list_devices(call, &request, ret_devices);
}

/* ---- writing positions ----------------------------------------------------------------------------------------- */

/** SUSPENDS, for the disk only if it is low. `d` is a copy. NOT_FOUND: the device holds no ticket any more. */
static int write_position(struct call *call, uint32_t uin, const struct session_device *d)
{
	Hy__AccountPutPositionRequest request = HY__ACCOUNT_PUT_POSITION_REQUEST__INIT;
	Hy__AccountPutPositionResponse response = HY__ACCOUNT_PUT_POSITION_RESPONSE__INIT;
	Hy__AccountDevice position = HY__ACCOUNT_DEVICE__INIT;

	position.device = (char *)(uintptr_t)d->name;
	position.seen_ms = d->seen_ms;
	position.account = d->account;
	position.contacts = d->contacts;
	position.messages = d->messages;
	request.uin = uin;
	request.position = &position;
	request.wait = d->low;
	int rc = account_put_position(call, &request, &response);
	if (rc != HY_OK)
		call_log(call, ENV_LOG_DEBUG, "session", "user %u, device %s: a position was not kept: %s", uin,
			d->name, hy_status_name(rc));
	return rc;
}

/** Users who have not synced for a while leave memory; what is not written yet is. SUSPENDS. */
static void let_idle_go(struct session *session, struct call *call)
{
	uint64_t now = now_ms(call), idle = 2 * session->config.write_pause_ms;

	for (unsigned i = 0; i < IDLE_USERS_PER_CALL; i++) {
		struct session_user *user = session_table_take_idle(
			session_table_of(session, call), now > idle ? now - idle : 0, session->config.users_max);
		if (!user)
			return;
		for (unsigned k = 0; k < user->device_count; k++)
			if (user->devices[k].dirty)
				(void)write_position(call, user->uin, &user->devices[k]);
		session_user_free(user);
	}
}

/**
 * Later ones may be lost, rows are then kept longer; one that went down may not (R4): after a crash the higher one
 * would count.
 */
static bool is_due(const struct session *session, const struct session_device *d)
{
	if (d->low)
		return true;
	if (d->seen_ms < d->written_ms)
		return false;
	uint64_t age = d->seen_ms - d->written_ms;
	return (d->dirty && age >= session->config.write_pause_ms) || age >= SEEN_WRITE_MS;
}

/** Writes the device's position if it is time. `user` is pinned. SUSPENDS. An error: one that went down may be lost. */
static int write_if_due(struct session *session, struct call *call, struct session_user *user, const char *device)
{
	struct session_device *d = session_user_find(user, device), copy;

	if (!d || !is_due(session, d))
		return HY_OK;
	copy = *d;
	d->written_ms = d->seen_ms;
	d->dirty = false;
	int rc = write_position(call, user->uin, &copy);
	if (rc == HY_NOT_FOUND)
		session_user_drop(user, device);
	if (rc == HY_NOT_FOUND || !copy.low)
		return HY_OK;
	d = session_user_find(user, device);
	if (d && rc != HY_OK)
		d->dirty = true;
	else if (d && d->lowered == copy.lowered)
		d->low = false;
	return rc;
}

/* ---- what may go ----------------------------------------------------------------------------------------------- */

/**
 * Where a device stands: as it said last under the ticket that it holds, whatever the clock says meanwhile (Account may
 * have a position of before the clock was set back, written lazily). A new ticket may be of a device that begins anew,
 * so its sign-in counts as seen, and the later of the two holds.
 */
static struct session_standing standing_of(const struct session_user *user, const Hy__AccountDevice *stored)
{
	const struct session_device *d = user ? session_user_find(user, stored->device) : NULL;

	if (d && ((d->noted && d->ticket_version != 0 && d->ticket_version == stored->ticket_version) ||
			 d->seen_ms > stored->seen_ms))
		return (struct session_standing){d->account, d->contacts, d->messages, d->seen_ms};
	return (struct session_standing){stored->account, stored->contacts, stored->messages, stored->seen_ms};
}

bool session_brought_by_all(const struct session_user *user, const Hy__AccountListDevicesResponse *devices,
	uint64_t now, struct session_standing *ret_least)
{
	struct session_standing least = {UINT64_MAX, UINT64_MAX, UINT64_MAX, 0};
	bool live = false;

	for (size_t i = 0; i < devices->n_devices; i++) {
		struct session_standing s = standing_of(user, devices->devices[i]);
		if (s.seen_ms + LIVE_MS <= now)
			continue;
		live = true;
		least.account = HY_MIN(least.account, s.account);
		least.contacts = HY_MIN(least.contacts, s.contacts);
		least.messages = HY_MIN(least.messages, s.messages);
	}
	if (!live)
		least = (struct session_standing){.messages = PLANTED(trim_with_no_live_device) ? UINT64_MAX : 0};
	else if (PLANTED(trim_one_too_far))
		least.messages++;
	*ret_least = least;
	return live;
}

uint64_t session_brought_by_any(const struct session_user *user, const Hy__AccountListDevicesResponse *devices)
{
	uint64_t most = 0;

	for (size_t i = 0; i < devices->n_devices; i++) {
		struct session_standing s = standing_of(user, devices->devices[i]);
		most = HY_MAX(most, s.messages);
	}
	return most;
}

int session_trim(struct call *call, uint32_t uin, uint64_t upto, uint64_t older_than_ms, bool wait)
{
	Hy__MessageTrimRequest request = HY__MESSAGE_TRIM_REQUEST__INIT;
	Hy__MessageTrimResponse response = HY__MESSAGE_TRIM_RESPONSE__INIT;

	if (upto == 0)
		return HY_OK;
	request.uin = uin;
	request.upto = upto;
	request.older_than_ms = older_than_ms;
	request.wait = wait;
	return message_trim(call, &request, &response);
}

/** False: nothing can be trimmed now, whatever Account says. A device that memory does not know has nothing. */
static bool may_trim(const struct session *session, const struct session_user *user, uint64_t now)
{
	uint64_t least = UINT64_MAX;

	if (session->config.retain_days > 0)
		return user->aged_ms + AGE_TRIM_MS <= now;
	for (unsigned i = 0; i < user->device_count; i++)
		if (user->devices[i].seen_ms + LIVE_MS > now)
			least = HY_MIN(least, user->devices[i].messages);
	return least > user->trimmed;
}

/** `user` is pinned. SUSPENDS. */
static int trim_brought(struct session *session, struct call *call, struct session_user *user)
{
	Hy__AccountListDevicesResponse devices = HY__ACCOUNT_LIST_DEVICES_RESPONSE__INIT;
	struct session_standing all;
	uint64_t now = now_ms(call), retain = session->config.retain_days * SESSION_DAY_MS;

	if (!may_trim(session, user, now))
		return HY_OK;
	int rc = session_list_devices(call, user->uin, &devices);
	if (rc != HY_OK)
		return rc;
	(void)session_brought_by_all(user, &devices, now, &all);
	if (retain > 0) {
		user->aged_ms = now;
		return session_trim(call, user->uin, all.messages, now > retain ? now - retain : 1, false);
	}
	if (all.messages <= user->trimmed)
		return HY_OK;
	rc = session_trim(call, user->uin, all.messages, 0, false);
	if (rc == HY_OK)
		user->trimmed = HY_MAX(user->trimmed, all.messages);
	return rc;
}

/* ---- handlers -------------------------------------------------------------------------------------------------- */

/** Finds the user in memory or loads it. SUSPENDS. */
static int load(struct session *session, struct call *call, uint32_t uin, struct session_user **ret_user)
{
	Hy__AccountListDevicesResponse devices = HY__ACCOUNT_LIST_DEVICES_RESPONSE__INIT;
	struct session_table *table = session_table_of(session, call);

	*ret_user = session_table_find(table, uin);
	if (*ret_user)
		return HY_OK;
	int rc = session_list_devices(call, uin, &devices);
	if (rc != HY_OK)
		return rc;
	*ret_user = session_table_find(table, uin); /* somebody else may have been here meanwhile */
	if (!*ret_user)
		*ret_user = session_table_add(table, uin, &devices);
	return HY_OK;
}

static void note(struct session_user *user, const Hy__SessionBroughtRequest *request, uint64_t now)
{
	struct session_device *d = session_user_device(user, request->device);

	/* the last word counts, also when it is less: a device that begins anew must not lose what others have already
	 */
	if (d->account != request->account || d->contacts != request->contacts || d->messages != request->messages)
		d->dirty = true;
	if (request->account < d->account || request->contacts < d->contacts || request->messages < d->messages) {
		d->low = true;
		d->lowered++;
	}
	d->noted = true;
	d->account = request->account;
	d->contacts = request->contacts;
	d->messages = request->messages;
	/* above what Account knew, also within the same millisecond: see standing_of() */
	d->seen_ms = HY_MAX(now, d->seen_ms + 1);
}

int session_handle_brought(
	void *self, struct call *call, const Hy__SessionBroughtRequest *request, Hy__SessionBroughtResponse *response)
{
	struct session *session = self;
	struct session_user *user;
	size_t len = strlen(request->device);

	if (len == 0 || len > SESSION_DEVICE_MAX)
		return call_fail(call, HY_INVALID_ARGUMENT, "a position belongs to a device");
	let_idle_go(session, call);
	int rc = load(session, call, request->uin, &user);
	if (rc != HY_OK)
		return rc;
	uint64_t now = now_ms(call);
	user->pins++;
	session_table_touch(session_table_of(session, call), user, now);
	note(user, request, now);
	rc = write_if_due(session, call, user, request->device);
	int trimming = rc == HY_OK ? trim_brought(session, call, user) : HY_OK;
	user->pins--;
	if (trimming != HY_OK) /* rows are kept longer, nothing more */
		call_log(call, ENV_LOG_WARN, "session", "user %u: what all devices have brought was not trimmed: %s",
			request->uin, hy_status_name(trimming));
	return rc;
}

int session_handle_relieve(
	void *self, struct call *call, const Hy__SessionRelieveRequest *request, Hy__SessionRelieveResponse *response)
{
	struct session *session = self;
	Hy__AccountListDevicesResponse devices = HY__ACCOUNT_LIST_DEVICES_RESPONSE__INIT;
	Hy__MessageHeadRequest head_request = HY__MESSAGE_HEAD_REQUEST__INIT;
	Hy__MessageHeadResponse head = HY__MESSAGE_HEAD_RESPONSE__INIT;
	struct session_standing all;

	int rc = session_list_devices(call, request->uin, &devices);
	if (rc != HY_OK)
		return rc;
	/* both before the first wait: what is brought meanwhile is for the next time */
	const struct session_user *user = session_table_find(session_table_of(session, call), request->uin);
	(void)session_brought_by_all(user, &devices, now_ms(call), &all);
	uint64_t any = session_brought_by_any(user, &devices);
	rc = session_trim(call, request->uin, all.messages, 0, true);
	head_request.uin = request->uin;
	if (rc == HY_OK)
		rc = message_head(call, &head_request, &head);
	if (rc != HY_OK || !head.nearly_full || any <= all.messages)
		return rc;
	env_mark(svr_env(svr_of_loop(call->loop)), "session: what one device has goes at the bound");
	call_log(call, ENV_LOG_INFO, "session",
		"the inbox of user %u is nearly full: entries that one device has go, up to %llu", request->uin,
		(unsigned long long)any);
	return session_trim(call, request->uin, any, 0, true);
}
