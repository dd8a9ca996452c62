/* Devices: the tickets they hold and the positions they have brought. */
#include <sodium.h>

#include "data/account/account_internal.h"

/** Enough for all tickets, and for positions of devices that have gone since. */
#define ROWS_READ_MAX 256u
#define CHANGES_TRIED 20u

struct device {
	char name[SPACES_DEVICE_MAX + 1];
	Hy__TicketRow *ticket;
	Hy__PositionRow *position; /* NULL: nothing brought yet */
};

struct devices {
	struct device *list;
	size_t count;
	uint64_t credential_version; /* to be expected by a write that rests on the list; 0: no such user */
};

static uint64_t device_seen_ms(const struct device *d)
{
	uint64_t seen = d->position ? d->position->seen_ms : 0;
	return HY_MAX(seen, d->ticket->made_ms);
}

static struct device *find_device(const struct devices *devices, const char *name)
{
	for (size_t i = 0; i < devices->count; i++)
		if (strcmp(devices->list[i].name, name) == 0)
			return &devices->list[i];
	return NULL;
}

/** Everybody who holds a ticket. SUSPENDS. */
static int read_tickets(
	struct account *account, struct call *call, const struct hy_key *key, struct devices *ret_devices)
{
	struct kt_limits limits = {.max_rows = ROWS_READ_MAX};
	struct kt_rows rows;

	int rc = kt_read_range(account->kt, call, key, SPACES_CREDENTIAL, spaces_device_prefix(SPACES_TICKET),
		KT_STRONG, limits, &rows);
	if (rc != HY_OK)
		return rc;
	*ret_devices = (struct devices){.credential_version = rows.version};
	ret_devices->list = hy_arena_zalloc(call->arena, rows.count * sizeof *ret_devices->list);
	if (!ret_devices->list)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	for (size_t i = 0; i < rows.count; i++) {
		struct device *d = &ret_devices->list[ret_devices->count];
		if (!spaces_device_of(SPACES_TICKET, rows.rows[i].name, d->name))
			continue;
		d->ticket = (Hy__TicketRow *)row_unpack(call, key, &rows.rows[i], &hy__ticket_row__descriptor);
		if (d->ticket)
			ret_devices->count++;
	}
	return HY_OK;
}

/** As read_tickets(), with their positions. SUSPENDS. */
static int read_devices(
	struct account *account, struct call *call, const struct hy_key *key, struct devices *ret_devices)
{
	struct kt_limits limits = {.max_rows = ROWS_READ_MAX};
	char name[SPACES_DEVICE_MAX + 1];
	struct kt_rows rows;

	int rc = read_tickets(account, call, key, ret_devices);
	if (rc == HY_OK)
		rc = kt_read_range(account->kt, call, key, SPACES_POSITION, spaces_device_prefix(SPACES_DEVICE),
			KT_STRONG, limits, &rows);
	if (rc != HY_OK)
		return rc;
	for (size_t i = 0; i < rows.count; i++) {
		struct device *d = NULL;
		if (spaces_device_of(SPACES_DEVICE, rows.rows[i].name, name))
			d = find_device(ret_devices, name);
		if (d)
			d->position =
				(Hy__PositionRow *)row_unpack(call, key, &rows.rows[i], &hy__position_row__descriptor);
	}
	return HY_OK;
}

/** The device that has to go so that another one fits, or NULL: all were seen lately. */
static struct device *longest_unseen(const struct devices *devices, uint64_t now_ms)
{
	struct device *oldest = NULL;

	for (size_t i = 0; i < devices->count; i++)
		if (!oldest || device_seen_ms(&devices->list[i]) < device_seen_ms(oldest))
			oldest = &devices->list[i];
	return oldest && device_seen_ms(oldest) + ACCOUNT_DEVICE_LIVE_MS <= now_ms ? oldest : NULL;
}

static bool ticket_matches(const Hy__TicketRow *ticket, ProtobufCBinaryData hash)
{
	return hash.len > 0 && ticket->ticket_hash.len == hash.len &&
	       sodium_memcmp(ticket->ticket_hash.data, hash.data, hash.len) == 0;
}

/** A change of who holds tickets: read, judged, written; ABORTED when somebody else was faster. */
struct change {
	struct hy_key key;
	struct devices devices;
	Hy__GoneTicketsRow *gone;
	struct spaces_device_name ticket_name, device_name, dropped[2];
	struct kt_op ops[KT_OPS_MAX];
	size_t count;
};

static struct kt_op *add_op(struct change *c, enum kt_op_kind kind, uint8_t space, struct hy_bytes name)
{
	struct kt_op *op = &c->ops[c->count++];

	*op = (struct kt_op){.kind = kind, .space = space, .name = name};
	return op;
}

/** SUSPENDS. NOT_FOUND: there is no such user. */
static int change_begin(struct account *account, struct call *call, uint32_t uin, const char *device, struct change *c)
{
	c->key = hy_key_user(uin);
	c->count = 0;
	if (!spaces_device_name(SPACES_TICKET, device, &c->ticket_name) ||
		!spaces_device_name(SPACES_DEVICE, device, &c->device_name))
		return call_fail(
			call, HY_INVALID_ARGUMENT, "a device's name has 1 to %u characters", SPACES_DEVICE_MAX);
	int rc = read_devices(account, call, &c->key, &c->devices);
	if (rc == HY_OK)
		rc = account_read_gone(account, call, &c->key, &c->gone);
	if (rc != HY_OK)
		return rc;
	if (c->devices.credential_version == 0)
		return call_fail(call, HY_NOT_FOUND, "there is no such user");
	add_op(c, KT_EXPECT_VERSION, SPACES_CREDENTIAL, hy_bytes("", 0))->version = c->devices.credential_version;
	return HY_OK;
}

/** SUSPENDS. `gone`: there are more of them than was read. */
static int change_write(struct account *account, struct call *call, struct change *c, bool gone)
{
	struct kt_result result;

	if (gone) {
		struct kt_op *op = add_op(c, KT_PUT, SPACES_CREDENTIAL, hy_bytes_str(SPACES_GONE));
		int rc = row_pack(call, &c->gone->base, &op->value);
		if (rc != HY_OK)
			return rc;
	}
	return kt_write(account->kt, call, &c->key, c->ops, c->count, &result);
}

/** Adds the ops that forget a device. */
static void add_drop(struct change *c, const char *device)
{
	bool fits = spaces_device_name(SPACES_TICKET, device, &c->dropped[0]) &&
		    spaces_device_name(SPACES_DEVICE, device, &c->dropped[1]);
	assert(fits);
	add_op(c, KT_DELETE, SPACES_CREDENTIAL, spaces_device_bytes(&c->dropped[0]));
	add_op(c, KT_DELETE, SPACES_ACCOUNT, spaces_device_bytes(&c->dropped[1]));
	add_op(c, KT_DELETE, SPACES_POSITION, spaces_device_bytes(&c->dropped[1]));
}

/** Ops for a device that held no ticket; the one that was longest not seen goes if there are too many. */
static int add_newcomer(
	struct call *call, const Hy__AccountPutTicketRequest *request, struct change *c, struct device **ret_dropped)
{
	/* what an earlier device of this name brought says nothing of this one */
	add_op(c, KT_DELETE, SPACES_POSITION, spaces_device_bytes(&c->device_name));
	if (c->devices.count < ACCOUNT_DEVICES_MAX)
		return HY_OK;
	*ret_dropped = longest_unseen(&c->devices, request->now_ms);
	if (!*ret_dropped)
		return call_fail(call, HY_RESOURCE_EXHAUSTED,
			"the account is signed in on %u devices already; sign out on one of them", ACCOUNT_DEVICES_MAX);
	add_drop(c, (*ret_dropped)->name);
	return HY_OK;
}

static int put_ticket_once(struct account *account, struct call *call, const Hy__AccountPutTicketRequest *request,
	Hy__AccountPutTicketResponse *response)
{
	Hy__TicketRow ticket = HY__TICKET_ROW__INIT;
	Hy__DeviceRow row = HY__DEVICE_ROW__INIT;
	struct device *dropped = NULL;
	struct change c;

	int rc = change_begin(account, call, request->uin, request->device, &c);
	if (rc != HY_OK)
		return rc;
	if (account_is_gone(c.gone, request->ticket_hash))
		return call_fail(call, HY_UNAUTHENTICATED, "what this sign-in began has ended: sign in anew");
	ticket.ticket_hash = request->ticket_hash;
	ticket.made_ms = request->now_ms;
	row.name = request->device_name;
	row.signed_in_ms = request->now_ms;
	rc = row_pack(
		call, &ticket.base, &add_op(&c, KT_PUT, SPACES_CREDENTIAL, spaces_device_bytes(&c.ticket_name))->value);
	if (rc == HY_OK)
		rc = row_pack(call, &row.base,
			&add_op(&c, KT_PUT, SPACES_ACCOUNT, spaces_device_bytes(&c.device_name))->value);
	const struct device *earlier = find_device(&c.devices, request->device);
	if (rc == HY_OK && !earlier)
		rc = add_newcomer(call, request, &c, &dropped);
	if (rc != HY_OK)
		return rc;
	response->dropped_device = dropped ? dropped->name : (char *)(uintptr_t) "";
	const struct device *ends = earlier ? earlier : dropped;
	bool gone = ends && !ticket_matches(ends->ticket, request->ticket_hash);
	if (gone)
		account_add_gone(c.gone, ends->ticket->ticket_hash);
	return change_write(account, call, &c, gone);
}

static int drop_ticket_once(struct account *account, struct call *call, const Hy__AccountDropTicketRequest *request)
{
	struct change c;

	int rc = change_begin(account, call, request->uin, request->device, &c);
	if (rc != HY_OK)
		return rc == HY_NOT_FOUND ? HY_OK : rc;
	c.ops[0].reserve = true;
	add_drop(&c, request->device);
	const struct device *holder = find_device(&c.devices, request->device);
	if (holder)
		account_add_gone(c.gone, holder->ticket->ticket_hash);
	return change_write(account, call, &c, holder != NULL);
}

static int too_many_at_once(struct call *call)
{
	return call_fail_retry(
		call, HY_RESOURCE_EXHAUSTED, 1000, "too many devices of one account sign in or out at once");
}

int account_handle_put_ticket(void *self, struct call *call, const Hy__AccountPutTicketRequest *request,
	Hy__AccountPutTicketResponse *response)
{
	int rc = HY_ABORTED;

	for (unsigned attempt = 0; attempt < CHANGES_TRIED && rc == HY_ABORTED; attempt++)
		rc = put_ticket_once(self, call, request, response);
	return rc == HY_ABORTED ? too_many_at_once(call) : rc;
}

int account_handle_drop_ticket(void *self, struct call *call, const Hy__AccountDropTicketRequest *request,
	Hy__AccountDropTicketResponse *response)
{
	int rc = HY_ABORTED;

	for (unsigned attempt = 0; attempt < CHANGES_TRIED && rc == HY_ABORTED; attempt++)
		rc = drop_ticket_once(self, call, request);
	return rc == HY_ABORTED ? too_many_at_once(call) : rc;
}

/** The device that holds the ticket, by its row alone when the device is named. SUSPENDS. */
static int find_holder(struct account *account, struct call *call, const struct hy_key *key,
	const Hy__AccountCheckTicketRequest *request, char **ret_device)
{
	struct devices devices;
	struct spaces_device_name name;
	struct kt_row row;
	int rc;

	if (request->device[0] == '\0') {
		rc = read_tickets(account, call, key, &devices);
		if (rc != HY_OK)
			return rc;
		for (size_t i = 0; i < devices.count; i++) {
			if (!ticket_matches(devices.list[i].ticket, request->ticket_hash))
				continue;
			*ret_device = devices.list[i].name;
			return HY_OK;
		}
		return HY_UNAUTHENTICATED;
	}
	if (!spaces_device_name(SPACES_TICKET, request->device, &name))
		return HY_UNAUTHENTICATED;
	rc = kt_read_row(account->kt, call, key, SPACES_CREDENTIAL, spaces_device_bytes(&name), KT_STRONG, &row);
	if (rc != HY_OK)
		return rc == HY_NOT_FOUND ? HY_UNAUTHENTICATED : rc;
	Hy__TicketRow *ticket = (Hy__TicketRow *)row_unpack(call, key, &row, &hy__ticket_row__descriptor);
	if (!ticket || !ticket_matches(ticket, request->ticket_hash))
		return HY_UNAUTHENTICATED;
	*ret_device = hy_arena_strndup(call->arena, request->device, strlen(request->device));
	return *ret_device ? HY_OK : call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
}

int account_handle_check_ticket(void *self, struct call *call, const Hy__AccountCheckTicketRequest *request,
	Hy__AccountCheckTicketResponse *response)
{
	struct account *account = self;
	struct hy_key key = hy_key_user(request->uin);

	/* the ticket last: between the look at it and the answer nothing suspends */
	int rc = account_read_name(account, call, &key, &response->name);
	if (rc == HY_OK)
		rc = find_holder(account, call, &key, request, &response->device);
	return rc == HY_NOT_FOUND ? HY_UNAUTHENTICATED : rc;
}

int account_handle_list_devices(void *self, struct call *call, const Hy__AccountListDevicesRequest *request,
	Hy__AccountListDevicesResponse *response)
{
	struct hy_key key = hy_key_user(request->uin);
	struct devices devices;

	int rc = read_devices(self, call, &key, &devices);
	if (rc != HY_OK)
		return rc;
	Hy__AccountDevice *made = hy_arena_alloc(call->arena, devices.count * sizeof *made);
	response->devices = hy_arena_alloc(call->arena, devices.count * sizeof *response->devices);
	if (!made || !response->devices)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	for (size_t i = 0; i < devices.count; i++) {
		struct device *d = &devices.list[i];
		hy__account_device__init(&made[i]);
		made[i].device = d->name;
		made[i].seen_ms = device_seen_ms(d);
		if (d->position) {
			made[i].account = d->position->account;
			made[i].contacts = d->position->contacts;
			made[i].messages = d->position->messages;
		}
		response->devices[i] = &made[i];
	}
	response->n_devices = devices.count;
	return HY_OK;
}

int account_handle_put_position(void *self, struct call *call, const Hy__AccountPutPositionRequest *request,
	Hy__AccountPutPositionResponse *response)
{
	struct account *account = self;
	struct hy_key key = hy_key_user(request->uin);
	struct spaces_device_name ticket_name, device_name;
	Hy__PositionRow row = HY__POSITION_ROW__INIT;
	struct kt_op op = {.kind = KT_PUT, .space = SPACES_POSITION};
	struct kt_row ticket;

	if (!request->position || !spaces_device_name(SPACES_TICKET, request->position->device, &ticket_name) ||
		!spaces_device_name(SPACES_DEVICE, request->position->device, &device_name))
		return call_fail(call, HY_INVALID_ARGUMENT, "a position belongs to a device");
	/* of a device that was signed out meanwhile nothing is kept */
	int rc = kt_read_row(
		account->kt, call, &key, SPACES_CREDENTIAL, spaces_device_bytes(&ticket_name), KT_STRONG, &ticket);
	if (rc != HY_OK)
		return rc;
	row.seen_ms = request->position->seen_ms;
	row.account = request->position->account;
	row.contacts = request->position->contacts;
	row.messages = request->position->messages;
	op.name = spaces_device_bytes(&device_name);
	rc = row_pack(call, &row.base, &op.value);
	if (rc != HY_OK)
		return rc;
	return kt_write_lazily(account->kt, call, &key, &op, 1);
}
