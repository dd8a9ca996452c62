#include "logic/session/session_internal.h"

#include <sodium.h>

#include "account.rpc.h"
#include "base/mem.h"
#include "link.rpc.h"
#include "logic/outcome.h"

#define USERS_MAX_DEFAULT 100000u
#define WRITE_PAUSE_DEFAULT_MS 60000u

/** Which device holds the ticket is asked of Account each time, so that a revocation is never missed. SUSPENDS. */
static int verify(
	void *self, struct call *call, const Hy__SessionVerifyRequest *request, Hy__SessionVerifyResponse *response)
{
	struct session *session = self;
	Hy__AccountCheckTicketRequest check = HY__ACCOUNT_CHECK_TICKET_REQUEST__INIT;
	Hy__AccountCheckTicketResponse holder = HY__ACCOUNT_CHECK_TICKET_RESPONSE__INIT;
	uint8_t hash[TICKET_HASH_SIZE];

	if (request->uin == 0 || request->ticket.len != TICKET_SIZE ||
		hy_get_be32(request->ticket.data) != request->uin)
		return call_fail(call, HY_UNAUTHENTICATED, "that is no ticket of this server: sign in again");
	ticket_hash(session->config.keys, request->ticket.data, hash);
	check.uin = request->uin;
	check.ticket_hash = (ProtobufCBinaryData){sizeof hash, hash};
	int rc = account_check_ticket(call, &check, &holder);
	if (rc == HY_UNAUTHENTICATED) {
		call_log(call, ENV_LOG_INFO, "session", "user %u: a ticket that is not valid", request->uin);
		return call_fail(call, rc, "the ticket is no longer valid: sign in again");
	}
	if (rc != HY_OK)
		return rc;
	response->device = holder.device;
	response->name = holder.name;
	return HY_OK;
}

/**
 * The ticket first: a link that comes back between the two finds it gone. Whoever asks may lose patience; the ticket
 * would go all the same and its links stay, so both have time of their own. SUSPENDS.
 */
static int revoke(
	void *self, struct call *call, const Hy__SessionRevokeRequest *request, Hy__SessionRevokeResponse *response)
{
	Hy__AccountDropTicketRequest drop = HY__ACCOUNT_DROP_TICKET_REQUEST__INIT;
	Hy__AccountDropTicketResponse dropped = HY__ACCOUNT_DROP_TICKET_RESPONSE__INIT;
	Hy__LinkCloseDeviceRequest close = HY__LINK_CLOSE_DEVICE_REQUEST__INIT;
	Hy__LinkCloseDeviceResponse closed = HY__LINK_CLOSE_DEVICE_RESPONSE__INIT;

	struct call own = *call;

	own.deadline_us = UINT64_MAX; /* so that the methods' own count */
	drop.uin = close.uin = request->uin;
	drop.device = close.device = request->device;
	int dropping = account_drop_ticket(&own, &drop, &dropped);
	call->message = own.message;
	call->retry_after_ms = own.retry_after_ms;
	if (!may_have_happened(dropping))
		return dropping;
	struct session_user *user = session_table_find(session_table_of(self, call), request->uin);
	if (user)
		session_user_drop(user, request->device);
	int closing = link_close_device(&own, &close, &closed);
	call_count(call, MON_revocations, 1);
	call_log(call, closing == HY_OK ? ENV_LOG_INFO : ENV_LOG_ERROR, "session",
		"user %u, device %s: ticket revoked: %s; %u links closed: %s", request->uin, request->device,
		hy_status_name(dropping), closed.closed, hy_status_name(closing));
	return dropping != HY_OK ? dropping : closing;
}

/** As revoke(). SUSPENDS. */
static int revoke_all(void *self, struct call *call, const Hy__SessionRevokeAllRequest *request,
	Hy__SessionRevokeAllResponse *response)
{
	Hy__AccountDropTicketsRequest drop = HY__ACCOUNT_DROP_TICKETS_REQUEST__INIT;
	Hy__AccountDropTicketsResponse dropped = HY__ACCOUNT_DROP_TICKETS_RESPONSE__INIT;
	Hy__LinkCloseDeviceRequest close = HY__LINK_CLOSE_DEVICE_REQUEST__INIT;
	Hy__LinkCloseDeviceResponse closed = HY__LINK_CLOSE_DEVICE_RESPONSE__INIT;
	struct call own = *call;
	int dropping = HY_OK;

	own.deadline_us = UINT64_MAX;
	drop.uin = close.uin = request->uin;
	drop.keep_device = close.keep_device = request->keep_device;
	if (!request->links_only)
		dropping = account_drop_tickets(&own, &drop, &dropped);
	call->message = own.message;
	call->retry_after_ms = own.retry_after_ms;
	if (!may_have_happened(dropping))
		return dropping;
	struct session_user *user = session_table_find(session_table_of(self, call), request->uin);
	if (user)
		session_user_keep(user, request->keep_device);
	int closing = link_close_device(&own, &close, &closed);
	response->ended = (uint32_t)dropped.n_dropped_devices;
	call_count(call, MON_revocations, response->ended);
	call_log(call, closing == HY_OK ? ENV_LOG_INFO : ENV_LOG_ERROR, "session",
		"user %u, all devices but '%s': %u tickets revoked: %s; %u links closed: %s", request->uin,
		request->keep_device, response->ended, hy_status_name(dropping), closed.closed,
		hy_status_name(closing));
	return dropping != HY_OK ? dropping : closing;
}

/** SUSPENDS. */
static int devices(
	void *self, struct call *call, const Hy__SessionDevicesRequest *request, Hy__SessionDevicesResponse *response)
{
	Hy__AccountListDevicesRequest list = HY__ACCOUNT_LIST_DEVICES_REQUEST__INIT;
	Hy__AccountListDevicesResponse listed = HY__ACCOUNT_LIST_DEVICES_RESPONSE__INIT;

	list.uin = request->uin;
	list.names = true;
	int rc = account_list_devices(call, &list, &listed);
	if (rc != HY_OK)
		return rc;
	const struct session_user *user = session_table_find(session_table_of(self, call), request->uin);
	Hy__SessionDevice *made = hy_arena_alloc(call->arena, listed.n_devices * sizeof *made);
	response->devices = hy_arena_alloc(call->arena, listed.n_devices * sizeof *response->devices);
	if (!made || !response->devices)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	for (size_t i = 0; i < listed.n_devices; i++) {
		const Hy__AccountDevice *d = listed.devices[i];
		const struct session_device *in_memory = user ? session_user_find(user, d->device) : NULL;
		hy__session_device__init(&made[i]);
		made[i].device = d->device;
		made[i].name = d->name;
		made[i].signed_in_ms = d->signed_in_ms;
		made[i].seen_ms = in_memory ? HY_MAX(in_memory->seen_ms, d->seen_ms) : d->seen_ms;
		response->devices[i] = &made[i];
	}
	response->n_devices = listed.n_devices;
	return HY_OK;
}

static const struct session_handlers handlers = {
	.verify = verify,
	.brought = session_handle_brought,
	.relieve = session_handle_relieve,
	.revoke = revoke,
	.revoke_all = revoke_all,
	.devices = devices,
	.age = session_handle_age,
};

int session_create(struct svr *svr, const struct session_config *config, struct session **ret_session)
{
	struct session *session = hy_zalloc(sizeof *session);

	session->svr = svr;
	session->config = *config;
	if (session->config.users_max == 0)
		session->config.users_max = USERS_MAX_DEFAULT;
	if (session->config.inbox_days == 0)
		session->config.inbox_days = SESSION_INBOX_DAYS_DEFAULT;
	if (session->config.write_pause_ms == 0)
		session->config.write_pause_ms = WRITE_PAUSE_DEFAULT_MS;
	uint64_t seed = env_rand64(svr_env(svr));
	for (unsigned i = 0; i < svr_loop_count(svr); i++)
		session_table_init(&session->tables[i], seed);
	rpc_add_service(svr, &session_service, &handlers, session);
	*ret_session = session;
	return HY_OK;
}

void session_destroy(struct session *session)
{
	if (!session)
		return;
	for (unsigned i = 0; i < svr_loop_count(session->svr); i++)
		session_table_fini(&session->tables[i]);
	hy_free(session);
}
