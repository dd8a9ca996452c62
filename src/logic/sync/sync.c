#include "logic/sync/sync.h"

#include "account.rpc.h"
#include "base/mem.h"
#include "contact.rpc.h"
#include "contacts.rpc.h"
#include "logic/snapshot.h"
#include "message.rpc.h"
#include "session.rpc.h"
#include "sync.rpc.h"

#define PAGE_BYTES_MAX (256u << 10)
#define PAGE_ROWS_MAX 1000u
/** What an entry costs in an answer beyond its body, at the most: tags, lengths, kind, type, version. */
#define ENTRY_BYTES 24u
/** Less room than this is not worth a look: the page ends here. One entry, at its longest, fits in it. */
#define ROOM_MIN(page) ((page) / 16)

struct sync {
	struct sync_config config;
};

/** One sync at work; on the handler's stack. */
struct page {
	struct snapshot_versions brought; /* what the client has */
	struct snapshot_versions now;     /* what it will have */
	bool first;                       /* it brought no snapshot */
	uint32_t room;                    /* bytes left */
	uint32_t rows;                    /* entries left */
	Hy__SyncResponse *response;
};

static int no_memory(struct call *call)
{
	return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
}

/** This snapshot means nothing here: the client drops it, keeps its data and starts again (R3). */
static int resync(struct call *call, Hy__SyncResponse *response, const char *why)
{
	call_count(call, MON_resyncs, 1);
	call_log(call, ENV_LOG_INFO, "sync", "user %u, device %s: a snapshot %s", call->who.uin, call->who.device, why);
	response->resync = true;
	return call_fail(call, HY_FAILED_PRECONDITION, "the snapshot means nothing here: sync without one");
}

/* ---- putting entries into the page --------------------------------------------------------------------------- */

static int reserve(struct call *call, struct page *page, size_t more, Hy__SyncEntry **ret_made)
{
	Hy__SyncResponse *response = page->response;
	size_t old = response->n_entries * sizeof *response->entries;

	*ret_made = hy_arena_alloc(call->arena, more * sizeof **ret_made);
	Hy__SyncEntry **entries = hy_arena_alloc(call->arena, old + more * sizeof *entries);
	if (!*ret_made || !entries)
		return no_memory(call);
	if (old > 0)
		memcpy(entries, response->entries, old);
	response->entries = entries;
	return HY_OK;
}

static void add(struct page *page, Hy__SyncEntry *entry)
{
	size_t size = entry->body.len + ENTRY_BYTES;

	page->response->entries[page->response->n_entries++] = entry;
	page->room -= size < page->room ? (uint32_t)size : page->room;
	page->rows -= page->rows > 0 ? 1 : 0;
}

static int set_reset(struct call *call, struct page *page, Hy__SyncKind kind)
{
	Hy__SyncResponse *response = page->response;

	if (!response->reset) {
		response->reset = hy_arena_alloc(call->arena, 3 * sizeof *response->reset);
		if (!response->reset)
			return no_memory(call);
	}
	response->reset[response->n_reset++] = kind;
	return HY_OK;
}

/** What a list of rows may take, without what the answer adds to each of them. */
static uint32_t bytes_for_rows(const struct page *page)
{
	uint32_t overhead = HY_MIN(page->rows * ENTRY_BYTES, page->room / 4);
	return page->room - overhead;
}

/* ---- account ------------------------------------------------------------------------------------------------- */

/** SUSPENDS. FAILED_PRECONDITION: a version from the future. */
static int read_account(struct call *call, struct page *page, Hy__AccountChangesResponse *ret_changes)
{
	Hy__AccountChangesRequest request = HY__ACCOUNT_CHANGES_REQUEST__INIT;

	request.uin = call->who.uin;
	request.since = page->brought.account;
	request.began_at = page->brought.account_began;
	request.max_bytes = bytes_for_rows(page);
	int rc = account_changes(call, &request, ret_changes);
	if (rc == HY_OUT_OF_RANGE && request.since > 0) {
		request.since = 0;
		hy__account_changes_response__init(ret_changes);
		rc = account_changes(call, &request, ret_changes);
		if (rc == HY_OK)
			rc = set_reset(call, page, HY__SYNC_KIND__SYNC_KIND_ACCOUNT);
	}
	if (rc == HY_OK && request.since == 0)
		page->now.account_began = ret_changes->trimmed;
	return rc;
}

static int add_account(struct call *call, struct page *page)
{
	Hy__AccountChangesResponse changes = HY__ACCOUNT_CHANGES_RESPONSE__INIT;
	Hy__SyncEntry *made;

	int rc = read_account(call, page, &changes);
	if (rc == HY_OK)
		rc = reserve(call, page, changes.n_changes, &made);
	if (rc != HY_OK)
		return rc;
	for (size_t i = 0; i < changes.n_changes; i++) {
		hy__sync_entry__init(&made[i]);
		made[i].kind = HY__SYNC_KIND__SYNC_KIND_ACCOUNT;
		made[i].type = changes.changes[i]->type;
		made[i].body = changes.changes[i]->body;
		made[i].version = changes.changes[i]->version;
		made[i].deleted = changes.changes[i]->deleted;
		add(page, &made[i]);
	}
	page->now.account = changes.version;
	page->response->more = changes.more;
	return HY_OK;
}

/* ---- contacts ------------------------------------------------------------------------------------------------ */

/** SUSPENDS. FAILED_PRECONDITION: a version from the future. */
static int read_contacts(struct call *call, struct page *page, Hy__ContactChangesResponse *ret_changes)
{
	Hy__ContactChangesRequest request = HY__CONTACT_CHANGES_REQUEST__INIT;

	request.uin = call->who.uin;
	request.since = page->brought.contacts;
	request.began_at = page->brought.contacts_began;
	request.max_bytes = bytes_for_rows(page);
	request.max_rows = page->rows;
	int rc = contact_changes(call, &request, ret_changes);
	if (rc == HY_OUT_OF_RANGE && request.since > 0) {
		request.since = 0;
		hy__contact_changes_response__init(ret_changes);
		rc = contact_changes(call, &request, ret_changes);
		if (rc == HY_OK)
			rc = set_reset(call, page, HY__SYNC_KIND__SYNC_KIND_CONTACT);
	}
	if (rc == HY_OK && request.since == 0)
		page->now.contacts_began = ret_changes->trimmed;
	return rc;
}

/** Others are still to be told something, by an attempt that was cut off. */
static void settle(struct call *call)
{
	Hy__ContactsSettleRequest request = HY__CONTACTS_SETTLE_REQUEST__INIT;
	Hy__ContactsSettleResponse response = HY__CONTACTS_SETTLE_RESPONSE__INIT;
	struct call settle = *call;

	request.uin = call->who.uin;
	request.background = true;
	int rc = contacts_settle(&settle, &request, &response);
	if (rc != HY_OK)
		call_log(call, ENV_LOG_WARN, "sync", "user %u: contacts were not told what is new: %s", call->who.uin,
			hy_status_name(rc));
}

static int add_contacts(struct call *call, struct page *page)
{
	Hy__ContactChangesResponse changes = HY__CONTACT_CHANGES_RESPONSE__INIT;
	Hy__SyncEntry *made;

	int rc = read_contacts(call, page, &changes);
	if (rc == HY_OK)
		rc = reserve(call, page, changes.n_changes, &made);
	if (rc != HY_OK)
		return rc;
	for (size_t i = 0; i < changes.n_changes; i++) {
		hy__sync_entry__init(&made[i]);
		made[i].kind = HY__SYNC_KIND__SYNC_KIND_CONTACT;
		made[i].type = changes.changes[i]->type;
		made[i].body = changes.changes[i]->body;
		made[i].version = changes.changes[i]->version;
		made[i].deleted = changes.changes[i]->deleted;
		add(page, &made[i]);
	}
	page->now.contacts = changes.version;
	page->response->more = changes.more;
	if (changes.unsettled)
		settle(call);
	return HY_OK;
}

/** For a page that ends before it comes to the contacts. SUSPENDS. FAILED_PRECONDITION: a version from the future. */
static int check_contacts(struct call *call, struct page *page)
{
	Hy__ContactChangesRequest request = HY__CONTACT_CHANGES_REQUEST__INIT;
	Hy__ContactChangesResponse changes = HY__CONTACT_CHANGES_RESPONSE__INIT;

	request.uin = call->who.uin;
	request.since = page->brought.contacts;
	request.max_rows = 1;
	int rc = contact_changes(call, &request, &changes);
	return rc == HY_OUT_OF_RANGE ? HY_OK : rc;
}

/* ---- messages ------------------------------------------------------------------------------------------------ */

/** Goes on from the trim mark when older entries are gone (S4). SUSPENDS. FAILED_PRECONDITION: a version from the
 * future. */
static int read_messages(struct call *call, struct page *page, Hy__MessageChangesResponse *ret_changes)
{
	Hy__MessageChangesRequest request = HY__MESSAGE_CHANGES_REQUEST__INIT;
	Hy__MessageHeadRequest head_request = HY__MESSAGE_HEAD_REQUEST__INIT;
	Hy__MessageHeadResponse head = HY__MESSAGE_HEAD_RESPONSE__INIT;

	request.uin = head_request.uin = call->who.uin;
	request.since = page->brought.messages;
	request.anew = page->first;
	request.max_bytes = bytes_for_rows(page);
	request.max_rows = page->rows;
	int rc = message_changes(call, &request, ret_changes);
	/* between the two calls more may be trimmed */
	for (unsigned attempt = 0; rc == HY_OUT_OF_RANGE && attempt < 4; attempt++) {
		rc = message_head(call, &head_request, &head);
		if (rc != HY_OK)
			return rc;
		request.since = head.trimmed;
		hy__message_changes_response__init(ret_changes);
		rc = message_changes(call, &request, ret_changes);
	}
	if (rc == HY_OK && request.since != page->brought.messages)
		rc = set_reset(call, page, HY__SYNC_KIND__SYNC_KIND_MESSAGE);
	return rc;
}

static int add_messages(struct call *call, struct page *page)
{
	Hy__MessageChangesResponse changes = HY__MESSAGE_CHANGES_RESPONSE__INIT;
	Hy__SyncEntry *made;

	int rc = read_messages(call, page, &changes);
	if (rc == HY_OK)
		rc = reserve(call, page, changes.n_entries, &made);
	if (rc != HY_OK)
		return rc;
	for (size_t i = 0; i < changes.n_entries; i++) {
		hy__sync_entry__init(&made[i]);
		made[i].kind = HY__SYNC_KIND__SYNC_KIND_MESSAGE;
		made[i].type = changes.entries[i]->type;
		made[i].body = changes.entries[i]->body;
		made[i].version = changes.entries[i]->version;
		add(page, &made[i]);
	}
	call_count(call, MON_messages_delivered, changes.n_entries);
	page->now.messages = changes.version;
	page->response->more = changes.more;
	return HY_OK;
}

/** For a page that ends before it comes to the messages: what was brought counts all the same. SUSPENDS.
 * FAILED_PRECONDITION: a version from the future. */
static int check_messages(struct call *call, struct page *page)
{
	Hy__MessageHeadRequest request = HY__MESSAGE_HEAD_REQUEST__INIT;
	Hy__MessageHeadResponse head = HY__MESSAGE_HEAD_RESPONSE__INIT;

	request.uin = call->who.uin;
	int rc = message_head(call, &request, &head);
	return rc == HY_OK && page->brought.messages > head.version ? HY_FAILED_PRECONDITION : rc;
}

/* -------------------------------------------------------------------------------------------------------------- */

/** Bringing a snapshot is the acknowledgement (R4); bringing none says that the device has nothing. SUSPENDS. */
static int brought(struct call *call, const struct page *page)
{
	Hy__SessionBroughtRequest request = HY__SESSION_BROUGHT_REQUEST__INIT;
	Hy__SessionBroughtResponse response = HY__SESSION_BROUGHT_RESPONSE__INIT;

	request.uin = call->who.uin;
	request.device = (char *)(uintptr_t)call->who.device;
	request.account = page->brought.account;
	request.contacts = page->brought.contacts;
	request.messages = page->brought.messages;
	int rc = session_brought(call, &request, &response);
	if (rc != HY_OK) {
		call_log(call, ENV_LOG_WARN, "sync", "user %u, device %s: what it brought was not noted: %s",
			call->who.uin, call->who.device, hy_status_name(rc));
		return rc;
	}
	call->message = NULL;
	call->retry_after_ms = 0;
	return HY_OK;
}

/** The kinds in their order, as far as there is room; of the others, what was brought is looked at all the same. */
static int fill(struct call *call, struct page *page)
{
	static int (*const adders[])(struct call * call, struct page * page) = {
		add_account, add_contacts, add_messages};
	static int (*const checkers[])(struct call * call, struct page * page) = {NULL, check_contacts, check_messages};
	uint32_t whole = page->room;
	int rc = HY_OK;

	if (page->first) /* what it may have of an earlier life is replaced by what follows */
		rc = set_reset(call, page, HY__SYNC_KIND__SYNC_KIND_ACCOUNT);
	if (rc == HY_OK && page->first)
		rc = set_reset(call, page, HY__SYNC_KIND__SYNC_KIND_CONTACT);
	if (rc == HY_OK)
		rc = add_account(call, page);

	for (size_t i = 1; i < HY_COUNT_OF(adders) && rc == HY_OK; i++) {
		if (page->rows == 0 || page->room < ROOM_MIN(whole))
			page->response->more = true;
		rc = (page->response->more ? checkers : adders)[i](call, page);
	}
	return rc;
}

static int sync_page(struct sync *sync, struct call *call, const Hy__SyncRequest *request, Hy__SyncResponse *response)
{
	const struct sync_config *config = &sync->config;
	struct snapshot_owner owner = {config->epoch, call->who.uin, call->who.device};
	struct hy_bytes brought_bytes = hy_bytes(request->snapshot.data, request->snapshot.len);
	struct page page = {
		.first = request->snapshot.len == 0,
		.room = config->page_bytes,
		.rows = PAGE_ROWS_MAX,
		.response = response,
	};

	if (!page.first) {
		enum snapshot_verdict verdict =
			snapshot_decode(config->keys->snapshot, &owner, brought_bytes, &page.brought);
		if (verdict != SNAPSHOT_GOOD)
			return resync(call, response, snapshot_verdict_text(verdict));
	}
	page.now = page.brought;
	int rc = fill(call, &page);
	if (rc == HY_FAILED_PRECONDITION) {
		response->n_entries = response->n_reset = 0;
		response->more = false;
		return resync(call, response, "with a version that was never reached");
	}
	if (rc != HY_OK)
		return rc;
	/* after reading, so that what is trimmed now was not to be part of this answer */
	rc = brought(call, &page);
	if (rc != HY_OK)
		return rc;
	response->snapshot.data = hy_arena_alloc(call->arena, SNAPSHOT_SIZE);
	if (!response->snapshot.data)
		return no_memory(call);
	response->snapshot.len = SNAPSHOT_SIZE;
	if (page.first)
		snapshot_encode(config->keys->snapshot, &owner, &page.now, response->snapshot.data);
	else
		snapshot_renew(config->keys->snapshot, brought_bytes, &page.now, response->snapshot.data);
	return HY_OK;
}

static int handle_sync(void *self, struct call *call, const Hy__SyncRequest *request, Hy__SyncResponse *response)
{
	if (call->who.uin == 0)
		return call_fail(call, HY_UNAUTHENTICATED, "sign in first");
	call_count(call, MON_syncs, 1);
	int rc = sync_page(self, call, request, response);
	if (rc != HY_OK && rc != HY_FAILED_PRECONDITION)
		call_log(call, ENV_LOG_WARN, "sync", "user %u, device %s: a sync failed: %s", call->who.uin,
			call->who.device, hy_status_name(rc));
	return rc;
}

static const struct sync_handlers handlers = {.sync = handle_sync};

int sync_create(struct svr *svr, const struct sync_config *config, struct sync **ret_sync)
{
	struct sync *sync = hy_zalloc(sizeof *sync);

	sync->config = *config;
	if (sync->config.page_bytes == 0 || sync->config.page_bytes > PAGE_BYTES_MAX)
		sync->config.page_bytes = PAGE_BYTES_MAX;
	rpc_add_service(svr, &sync_service, &handlers, sync);
	*ret_sync = sync;
	return HY_OK;
}

void sync_destroy(struct sync *sync)
{
	hy_free(sync);
}
