/* Tickets: one for each device, put in place, dropped, looked at. */
#include "base/planted.h"
#include "data/account/account_internal.h"

/** A change of who holds tickets: read, judged, written; ABORTED when somebody else was faster. */
struct change {
	struct hy_key key;
	struct account_devices devices;
	struct spaces_device_name ticket_name, device_name, dropped[2];
	struct kt_op ops[KT_OPS_MAX];
	size_t count;
};

static struct kt_op *add_op(struct change *c, enum kt_op_kind kind, uint8_t space, struct hy_bytes name)
{
	struct kt_op *op = &c->ops[c->count++];

	assert(c->count <= KT_OPS_MAX);
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
	int rc = account_read_devices(account, call, &c->key, &c->devices);
	if (rc != HY_OK)
		return rc;
	if (!c->devices.credential)
		return call_fail(call, HY_NOT_FOUND, "there is no such user");
	/* then what was read is no longer so, and the write is ABORTED when that is durable */
	account_sweep(account, call, &c->key, c->devices.stale, c->devices.stale_count);
	add_op(c, KT_EXPECT_VERSION, SPACES_CREDENTIAL, hy_bytes("", 0))->version = c->devices.version;
	return HY_OK;
}

static int change_write(struct account *account, struct call *call, struct change *c)
{
	struct kt_result result;

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

/**
 * That a ticket is gone is remembered; when there is no room for it, a new generation begins instead, whose tickets
 * are others. *ret_began: it did.
 */
static int add_gone(struct call *call, struct change *c, const struct account_device *ends, bool *ret_began)
{
	*ret_began = !account_add_gone(c->devices.gone, ends->ticket->ticket_hash);
	if (*ret_began) {
		c->devices.credential->generation++;
		return row_pack(call, &c->devices.credential->base,
			&add_op(c, KT_PUT, SPACES_CREDENTIAL, hy_bytes_str(SPACES_OWNER))->value);
	}
	return row_pack(
		call, &c->devices.gone->base, &add_op(c, KT_PUT, SPACES_CREDENTIAL, hy_bytes_str(SPACES_GONE))->value);
}

/** The device that has to go so that another one fits, or NULL: all were seen lately. */
static struct account_device *longest_unseen(const struct account_devices *devices, uint64_t now_ms)
{
	struct account_device *oldest = NULL;

	for (size_t i = 0; i < devices->count; i++)
		if (!oldest || account_device_seen_ms(&devices->list[i]) < account_device_seen_ms(oldest))
			oldest = &devices->list[i];
	return oldest && account_device_seen_ms(oldest) + ACCOUNT_DEVICE_LIVE_MS <= now_ms ? oldest : NULL;
}

/** Ops for a device that held no ticket; the one that was longest not seen goes if there are too many. */
static int add_newcomer(struct call *call, const Hy__AccountPutTicketRequest *request, struct change *c,
	struct account_device **ret_dropped)
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

static int add_ticket(struct call *call, const Hy__AccountPutTicketRequest *request, struct change *c)
{
	Hy__TicketRow ticket = HY__TICKET_ROW__INIT;
	Hy__DeviceRow row = HY__DEVICE_ROW__INIT;

	ticket.ticket_hash = request->ticket_hash;
	ticket.made_ms = request->now_ms;
	ticket.generation = request->generation;
	row.name = request->device_name;
	row.signed_in_ms = request->now_ms;
	int rc = row_pack(
		call, &ticket.base, &add_op(c, KT_PUT, SPACES_CREDENTIAL, spaces_device_bytes(&c->ticket_name))->value);
	if (rc == HY_OK)
		rc = row_pack(call, &row.base,
			&add_op(c, KT_PUT, SPACES_ACCOUNT, spaces_device_bytes(&c->device_name))->value);
	return rc;
}

/** Whether what the sign-in rests on, and itself, are still good. FAILED_PRECONDITION: the password is to be looked at
 * again. */
static int check_request(struct call *call, const Hy__AccountPutTicketRequest *request, const struct change *c)
{
	if (c->devices.credential->disabled_ms != 0)
		return call_fail(call, HY_PERMISSION_DENIED, "this account is disabled");
	if (request->generation != c->devices.credential->generation && !PLANTED(old_password_signs_in))
		return HY_FAILED_PRECONDITION;
	if (account_is_gone(c->devices.gone, request->ticket_hash))
		return call_fail(call, HY_UNAUTHENTICATED, "what this sign-in began has ended: sign in anew");
	return HY_OK;
}

static int put_ticket_once(struct account *account, struct call *call, const Hy__AccountPutTicketRequest *request,
	Hy__AccountPutTicketResponse *response)
{
	struct account_device *dropped = NULL;
	struct change c;
	bool began = false;

	int rc = change_begin(account, call, request->uin, request->device, &c);
	if (rc == HY_OK)
		rc = check_request(call, request, &c);
	if (rc == HY_OK)
		rc = add_ticket(call, request, &c);
	if (rc != HY_OK)
		return rc;
	const struct account_device *earlier = account_find_device(&c.devices, request->device);
	if (!earlier)
		rc = add_newcomer(call, request, &c, &dropped);
	if (rc != HY_OK)
		return rc;
	const struct account_device *ends = earlier ? earlier : dropped;
	if (ends && !account_ticket_matches(ends->ticket, request->ticket_hash)) {
		rc = add_gone(call, &c, ends, &began);
		if (rc != HY_OK)
			return rc;
	}
	if (began) { /* by itself: then this sign-in, and its repeats, make their ticket in the new one */
		c.ops[1] = c.ops[c.count - 1];
		c.count = 2;
		rc = change_write(account, call, &c);
		return rc == HY_OK ? HY_FAILED_PRECONDITION : rc;
	}
	response->dropped_device = dropped ? dropped->name : (char *)(uintptr_t) "";
	return change_write(account, call, &c);
}

static int drop_ticket_once(struct account *account, struct call *call, const Hy__AccountDropTicketRequest *request)
{
	struct change c;
	bool began;

	int rc = change_begin(account, call, request->uin, request->device, &c);
	if (rc != HY_OK)
		return rc == HY_NOT_FOUND ? HY_OK : rc;
	c.ops[0].reserve = true;
	add_drop(&c, request->device);
	const struct account_device *holder = account_find_device(&c.devices, request->device);
	rc = holder ? add_gone(call, &c, holder, &began) : HY_OK;
	return rc == HY_OK ? change_write(account, call, &c) : rc;
}

/* ---- handlers -------------------------------------------------------------------------------------------------- */

int account_handle_put_ticket(void *self, struct call *call, const Hy__AccountPutTicketRequest *request,
	Hy__AccountPutTicketResponse *response)
{
	int rc = HY_ABORTED;

	for (unsigned attempt = 0; attempt < ACCOUNT_CHANGES_TRIED && rc == HY_ABORTED; attempt++)
		rc = put_ticket_once(self, call, request, response);
	if (rc == HY_ABORTED)
		return account_too_many_at_once(call);
	return rc == HY_FAILED_PRECONDITION ? HY_ABORTED : rc;
}

int account_handle_drop_ticket(void *self, struct call *call, const Hy__AccountDropTicketRequest *request,
	Hy__AccountDropTicketResponse *response)
{
	int rc = HY_ABORTED;

	for (unsigned attempt = 0; attempt < ACCOUNT_CHANGES_TRIED && rc == HY_ABORTED; attempt++)
		rc = drop_ticket_once(self, call, request);
	return rc == HY_ABORTED ? account_too_many_at_once(call) : rc;
}

int account_handle_check_ticket(void *self, struct call *call, const Hy__AccountCheckTicketRequest *request,
	Hy__AccountCheckTicketResponse *response)
{
	struct account *account = self;
	struct hy_key key = hy_key_user(request->uin);
	struct account_devices devices;

	/* the ticket last: between the look at it and the answer nothing suspends */
	int rc = account_read_name(account, call, &key, &response->name);
	if (rc == HY_OK)
		rc = account_read_tickets(account, call, &key, &devices);
	if (rc != HY_OK)
		return rc == HY_NOT_FOUND ? HY_UNAUTHENTICATED : rc;
	for (size_t i = 0; i < devices.count; i++) {
		struct account_device *d = &devices.list[i];
		if (!account_ticket_matches(d->ticket, request->ticket_hash))
			continue;
		if (request->device[0] != '\0' && strcmp(request->device, d->name) != 0)
			continue;
		response->device = d->name;
		return HY_OK;
	}
	return HY_UNAUTHENTICATED;
}
