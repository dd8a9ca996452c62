/* Devices: who holds a ticket, and the positions they have brought. */
#include <sodium.h>

#include "data/account/account_internal.h"

/** Enough for all tickets, and for positions of devices that have gone since. */
#define ROWS_READ_MAX 256u

uint64_t account_device_seen_ms(const struct account_device *d)
{
	uint64_t seen = d->position ? d->position->seen_ms : 0;
	return HY_MAX(seen, d->ticket->made_ms);
}

struct account_device *account_find_device(const struct account_devices *devices, const char *name)
{
	for (size_t i = 0; i < devices->count; i++)
		if (strcmp(devices->list[i].name, name) == 0)
			return &devices->list[i];
	return NULL;
}

bool account_ticket_matches(const Hy__TicketRow *ticket, ProtobufCBinaryData hash)
{
	return hash.len > 0 && ticket->ticket_hash.len == hash.len &&
	       sodium_memcmp(ticket->ticket_hash.data, hash.data, hash.len) == 0;
}

int account_too_many_at_once(struct call *call)
{
	return call_fail_retry(
		call, HY_RESOURCE_EXHAUSTED, 1000, "too many devices of one account sign in or out at once");
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

/** The rows that are there once; tickets come behind them, in the order of names. */
static int take_credential(
	struct call *call, const struct hy_key *key, const struct kt_rows *rows, struct account_devices *devices)
{
	Hy__GoneTicketsRow *gone = NULL;

	for (size_t i = 0; i < rows->count; i++) {
		const struct kt_row *row = &rows->rows[i];
		if (hy_bytes_equal(row->name, hy_bytes_str(SPACES_OWNER))) {
			devices->credential =
				(Hy__CredentialRow *)row_unpack(call, key, row, &hy__credential_row__descriptor);
			if (!devices->credential)
				return call_fail(call, HY_DATA_LOSS, "the account's credential is damaged");
		} else if (hy_bytes_equal(row->name, hy_bytes_str(SPACES_GONE))) {
			gone = (Hy__GoneTicketsRow *)row_unpack(call, key, row, &hy__gone_tickets_row__descriptor);
		}
	}
	devices->gone = account_gone_of(call, gone, devices->credential ? devices->credential->generation : 0);
	return devices->gone ? HY_OK : call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
}

static bool is_valid(const struct account_devices *devices, const Hy__TicketRow *ticket)
{
	return devices->credential && ticket->generation >= devices->credential->valid_from;
}

int account_read_tickets(
	struct account *account, struct call *call, const struct hy_key *key, struct account_devices *ret_devices)
{
	struct kt_limits limits = {.max_rows = ROWS_READ_MAX};
	struct account_device one;
	struct kt_rows rows;

	int rc = kt_read_range(account->kt, call, key, SPACES_CREDENTIAL, hy_bytes("", 0), KT_STRONG, limits, &rows);
	if (rc != HY_OK)
		return rc;
	*ret_devices = (struct account_devices){.version = rows.version};
	rc = take_credential(call, key, &rows, ret_devices);
	if (rc != HY_OK)
		return rc;
	ret_devices->list = hy_arena_zalloc(call->arena, rows.count * sizeof *ret_devices->list);
	ret_devices->stale = hy_arena_zalloc(call->arena, rows.count * sizeof *ret_devices->stale);
	if (!ret_devices->list || !ret_devices->stale)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	for (size_t i = 0; i < rows.count; i++) {
		one = (struct account_device){.ticket_version = rows.rows[i].version};
		if (!spaces_device_of(SPACES_TICKET, rows.rows[i].name, one.name))
			continue;
		one.ticket = (Hy__TicketRow *)row_unpack(call, key, &rows.rows[i], &hy__ticket_row__descriptor);
		if (!one.ticket)
			continue;
		if (is_valid(ret_devices, one.ticket))
			ret_devices->list[ret_devices->count++] = one;
		else
			ret_devices->stale[ret_devices->stale_count++] = one;
	}
	return HY_OK;
}

int account_read_devices(
	struct account *account, struct call *call, const struct hy_key *key, struct account_devices *ret_devices)
{
	struct kt_limits limits = {.max_rows = ROWS_READ_MAX};
	char name[SPACES_DEVICE_MAX + 1];
	struct kt_rows rows;

	int rc = account_read_tickets(account, call, key, ret_devices);
	if (rc == HY_OK)
		rc = kt_read_range(account->kt, call, key, SPACES_POSITION, spaces_device_prefix(SPACES_DEVICE),
			KT_STRONG, limits, &rows);
	if (rc != HY_OK)
		return rc;
	for (size_t i = 0; i < rows.count; i++) {
		struct account_device *d = NULL;
		if (spaces_device_of(SPACES_DEVICE, rows.rows[i].name, name))
			d = account_find_device(ret_devices, name);
		if (d)
			d->position =
				(Hy__PositionRow *)row_unpack(call, key, &rows.rows[i], &hy__position_row__descriptor);
	}
	return HY_OK;
}

/* ---- what is left of those that have ended ----------------------------------------------------------------------- */

void account_sweep(struct account *account, struct call *call, const struct hy_key *key,
	const struct account_device *stale, size_t count)
{
	struct spaces_device_name ticket, device;

	for (size_t i = 0; i < count; i++) {
		if (!spaces_device_name(SPACES_TICKET, stale[i].name, &ticket) ||
			!spaces_device_name(SPACES_DEVICE, stale[i].name, &device))
			continue;
		struct hy_bytes ticket_name = spaces_device_bytes(&ticket), device_name = spaces_device_bytes(&device);
		const struct kt_op ops[] = {
			{.kind = KT_EXPECT_ROW,
				.space = SPACES_CREDENTIAL,
				.name = ticket_name,
				.version = stale[i].ticket_version,
				.reserve = true},
			{.kind = KT_DELETE, .space = SPACES_CREDENTIAL, .name = ticket_name},
			{.kind = KT_DELETE, .space = SPACES_ACCOUNT, .name = device_name},
			{.kind = KT_DELETE, .space = SPACES_POSITION, .name = device_name},
		};
		int rc = kt_write_lazily(account->kt, call, key, ops, HY_COUNT_OF(ops));
		if (rc != HY_OK && rc != HY_ABORTED)
			call_log(call, ENV_LOG_DEBUG, "data", "a device that has ended is still listed: %s",
				hy_status_name(rc));
	}
}

/* ---- handlers -------------------------------------------------------------------------------------------------- */

/** What people call them, and since when they are signed in: from the synced rows. SUSPENDS. */
static int add_names(
	struct account *account, struct call *call, const struct hy_key *key, Hy__AccountListDevicesResponse *response)
{
	struct kt_limits limits = {.max_rows = ROWS_READ_MAX};
	char name[SPACES_DEVICE_MAX + 1];
	struct kt_rows rows;

	int rc = kt_read_range(
		account->kt, call, key, SPACES_ACCOUNT, spaces_device_prefix(SPACES_DEVICE), KT_STRONG, limits, &rows);
	for (size_t i = 0; rc == HY_OK && i < rows.count; i++) {
		Hy__DeviceRow *stored = NULL;
		if (!spaces_device_of(SPACES_DEVICE, rows.rows[i].name, name))
			continue;
		for (size_t k = 0; k < response->n_devices; k++) {
			if (strcmp(response->devices[k]->device, name) != 0)
				continue;
			stored = (Hy__DeviceRow *)row_unpack(call, key, &rows.rows[i], &hy__device_row__descriptor);
			if (stored) {
				response->devices[k]->name = stored->name;
				response->devices[k]->signed_in_ms = stored->signed_in_ms;
			}
		}
	}
	return rc;
}

int account_handle_list_devices(void *self, struct call *call, const Hy__AccountListDevicesRequest *request,
	Hy__AccountListDevicesResponse *response)
{
	struct hy_key key = hy_key_user(request->uin);
	struct account_devices devices;

	int rc = account_read_devices(self, call, &key, &devices);
	if (rc != HY_OK)
		return rc;
	Hy__AccountDevice *made = hy_arena_alloc(call->arena, devices.count * sizeof *made);
	response->devices = hy_arena_alloc(call->arena, devices.count * sizeof *response->devices);
	if (!made || !response->devices)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	for (size_t i = 0; i < devices.count; i++) {
		struct account_device *d = &devices.list[i];
		hy__account_device__init(&made[i]);
		made[i].device = d->name;
		made[i].seen_ms = account_device_seen_ms(d);
		made[i].ticket_version = d->ticket_version;
		if (d->position) {
			made[i].account = d->position->account;
			made[i].contacts = d->position->contacts;
			made[i].messages = d->position->messages;
		}
		response->devices[i] = &made[i];
	}
	response->n_devices = devices.count;
	return request->names ? add_names(self, call, &key, response) : HY_OK;
}

int account_handle_put_position(void *self, struct call *call, const Hy__AccountPutPositionRequest *request,
	Hy__AccountPutPositionResponse *response)
{
	struct account *account = self;
	struct hy_key key = hy_key_user(request->uin);
	struct spaces_device_name device_name;
	struct account_devices devices;
	Hy__PositionRow row = HY__POSITION_ROW__INIT;
	/* what somebody waits for must get through: without it rows would go that the device still needs */
	struct kt_op op = {.kind = KT_PUT, .space = SPACES_POSITION, .reserve = request->wait};
	struct kt_result result;

	if (!request->position || !spaces_device_name(SPACES_DEVICE, request->position->device, &device_name))
		return call_fail(call, HY_INVALID_ARGUMENT, "a position belongs to a device");
	/* of a device that was signed out meanwhile nothing is kept */
	int rc = account_read_tickets(account, call, &key, &devices);
	if (rc != HY_OK)
		return rc;
	if (!account_find_device(&devices, request->position->device))
		return HY_NOT_FOUND;
	row.seen_ms = request->position->seen_ms;
	row.account = request->position->account;
	row.contacts = request->position->contacts;
	row.messages = request->position->messages;
	op.name = spaces_device_bytes(&device_name);
	rc = row_pack(call, &row.base, &op.value);
	if (rc != HY_OK)
		return rc;
	if (request->wait)
		return kt_write(account->kt, call, &key, &op, 1, &result);
	return kt_write_lazily(account->kt, call, &key, &op, 1);
}
