/* Credentials: what sign-in needs, and what ends all tickets at once. */
#include "data/account/account_internal.h"

int account_handle_get_credential(void *self, struct call *call, const Hy__AccountGetCredentialRequest *request,
	Hy__AccountGetCredentialResponse *response)
{
	struct account *account = self;
	struct hy_key key = hy_key_user(request->uin);
	struct account_devices devices;

	int rc = account_read_name(account, call, &key, &response->name);
	if (rc == HY_OK)
		rc = account_read_tickets(account, call, &key, &devices);
	if (rc != HY_OK)
		return rc;
	if (!devices.credential)
		return HY_NOT_FOUND;
	response->password_hash = devices.credential->password_hash;
	response->disabled = devices.credential->disabled_ms != 0;
	response->generation = devices.credential->generation;
	response->devices = hy_arena_alloc(call->arena, devices.count * sizeof *response->devices);
	if (!response->devices)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	for (size_t i = 0; i < devices.count; i++)
		response->devices[i] = devices.list[i].name;
	response->n_devices = devices.count;
	return HY_OK;
}

/* ---- the end of all tickets -------------------------------------------------------------------------------------- */

/**
 * One small write, however many devices there are: tickets belong to a generation, and those before the new one are no
 * longer valid. Their rows are swept up behind it.
 */
struct ending {
	struct account *account;
	struct call *call;
	uint32_t uin;
	const char *keep_device; /* its ticket goes over into the new generation */
	bool end;                /* false: the credential is written, but tickets stay */
	/** Changes the credential. OK; ALREADY_EXISTS: it is so already; or what the caller is told. */
	int (*change)(struct ending *e, Hy__CredentialRow *credential);
	const void *request;
	char **dropped;
	size_t dropped_count;
};

/** Everybody but the one that is kept. */
static int note_dropped(struct ending *e, const struct account_devices *devices)
{
	e->dropped_count = 0;
	e->dropped = hy_arena_alloc(e->call->arena, devices->count * sizeof *e->dropped);
	if (!e->dropped)
		return call_fail(e->call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	for (size_t i = 0; e->end && i < devices->count; i++)
		if (strcmp(devices->list[i].name, e->keep_device) != 0)
			e->dropped[e->dropped_count++] = devices->list[i].name;
	return HY_OK;
}

enum { END_EXPECT, END_CREDENTIAL, END_KEPT, END_OPS };

static int ending_write(struct ending *e, const struct hy_key *key, const struct account_devices *devices)
{
	struct account_device *kept = account_find_device(devices, e->keep_device);
	struct spaces_device_name name;
	struct kt_result result;
	struct kt_op ops[END_OPS] = {
		{.kind = KT_EXPECT_VERSION, .space = SPACES_CREDENTIAL, .version = devices->version, .reserve = true},
		{.kind = KT_PUT, .space = SPACES_CREDENTIAL, .name = hy_bytes_str(SPACES_OWNER)},
		{.kind = KT_PUT, .space = SPACES_CREDENTIAL},
	};

	if (e->end) {
		devices->credential->generation++;
		devices->credential->valid_from = devices->credential->generation;
	}
	int rc = row_pack(e->call, &devices->credential->base, &ops[END_CREDENTIAL].value);
	if (rc == HY_OK && e->end && kept) {
		bool fits = spaces_device_name(SPACES_TICKET, kept->name, &name);
		assert(fits);
		kept->ticket->generation = devices->credential->generation;
		ops[END_KEPT].name = spaces_device_bytes(&name);
		rc = row_pack(e->call, &kept->ticket->base, &ops[END_KEPT].value);
	}
	if (rc == HY_OK)
		rc = kt_write(e->account->kt, e->call, key, ops, e->end && kept ? END_OPS : END_KEPT, &result);
	return rc;
}

/** Those that a write has just ended, and any that an earlier one left behind. SUSPENDS. */
static void sweep_ended(struct ending *e, const struct hy_key *key, const struct account_devices *devices)
{
	account_sweep(e->account, e->call, key, devices->stale, devices->stale_count);
	for (size_t i = 0; e->end && i < devices->count; i++)
		if (strcmp(devices->list[i].name, e->keep_device) != 0)
			account_sweep(e->account, e->call, key, &devices->list[i], 1);
}

static int end_once(struct ending *e)
{
	struct hy_key key = hy_key_user(e->uin);
	struct account_devices devices;

	int rc = account_read_tickets(e->account, e->call, &key, &devices);
	if (rc != HY_OK)
		return rc;
	if (!devices.credential)
		return call_fail(e->call, HY_NOT_FOUND, "there is no such user");
	rc = note_dropped(e, &devices);
	if (rc == HY_OK)
		rc = e->change(e, devices.credential);
	if (rc == HY_ALREADY_EXISTS && e->dropped_count == 0)
		return HY_OK;
	if (rc != HY_OK && rc != HY_ALREADY_EXISTS)
		return rc;
	rc = ending_write(e, &key, &devices);
	if (rc == HY_OK)
		sweep_ended(e, &key, &devices);
	return rc;
}

/** FAILED_PRECONDITION of e->change() is for the caller; ABORTED is tried again. SUSPENDS. */
static int end_tickets(struct ending *e)
{
	int rc = HY_ABORTED;

	for (unsigned attempt = 0; attempt < ACCOUNT_CHANGES_TRIED && rc == HY_ABORTED; attempt++)
		rc = end_once(e);
	return rc == HY_ABORTED ? account_too_many_at_once(e->call) : rc;
}

static int change_password(struct ending *e, Hy__CredentialRow *credential)
{
	const Hy__AccountPutPasswordRequest *request = e->request;

	if (strcmp(credential->password_hash, request->password_hash) == 0)
		return HY_ALREADY_EXISTS;
	if (request->expected_hash[0] != '\0' && strcmp(credential->password_hash, request->expected_hash) != 0)
		return HY_FAILED_PRECONDITION;
	credential->password_hash = request->password_hash;
	return HY_OK;
}

int account_handle_put_password(void *self, struct call *call, const Hy__AccountPutPasswordRequest *request,
	Hy__AccountPutPasswordResponse *response)
{
	struct ending e = {
		self, call, request->uin, request->keep_device, !request->renew, change_password, request, NULL, 0};

	if (request->password_hash[0] == '\0')
		return call_fail(call, HY_INVALID_ARGUMENT, "a password is needed");
	int rc = end_tickets(&e);
	response->dropped_devices = e.dropped;
	response->n_dropped_devices = e.dropped_count;
	return rc == HY_FAILED_PRECONDITION ? HY_ABORTED : rc;
}

static int change_disabled(struct ending *e, Hy__CredentialRow *credential)
{
	const Hy__AccountPutDisabledRequest *request = e->request;

	if ((credential->disabled_ms != 0) == request->disabled)
		return HY_ALREADY_EXISTS;
	credential->disabled_ms = request->disabled ? env_wall_ms(svr_env(svr_of_loop(e->call->loop))) : 0;
	return HY_OK;
}

int account_handle_put_disabled(void *self, struct call *call, const Hy__AccountPutDisabledRequest *request,
	Hy__AccountPutDisabledResponse *response)
{
	struct ending e = {self, call, request->uin, "", request->disabled, change_disabled, request, NULL, 0};

	int rc = end_tickets(&e);
	response->dropped_devices = e.dropped;
	response->n_dropped_devices = e.dropped_count;
	return rc;
}

static int change_nothing(struct ending *e, Hy__CredentialRow *credential)
{
	return HY_ALREADY_EXISTS;
}

int account_handle_drop_tickets(void *self, struct call *call, const Hy__AccountDropTicketsRequest *request,
	Hy__AccountDropTicketsResponse *response)
{
	struct ending e = {self, call, request->uin, request->keep_device, true, change_nothing, request, NULL, 0};

	int rc = end_tickets(&e);
	response->dropped_devices = e.dropped;
	response->n_dropped_devices = e.dropped_count;
	return rc;
}
