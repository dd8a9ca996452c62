#include "data/message/message_internal.h"

#include "base/mem.h"

#define INBOX_ROWS_DEFAULT 20000u
#define INBOX_BYTES_DEFAULT (16ull << 20)
#define BODY_BYTES_DEFAULT (12u << 10)

bool message_nearly_full(const struct message *message, const struct kt_head *head)
{
	return head->rows >= message->config.inbox_rows / 8 * 7ull + message->config.inbox_rows % 8 ||
	       head->bytes >= message->config.inbox_bytes / 8 * 7;
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

/** How long an entry waited until it was handed out. Of a device that begins anew nobody wants to know. */
static void count_lag(
	struct call *call, const Hy__MessageChangesRequest *request, uint64_t now_ms, const struct spaces_inbox *inbox)
{
	if (!request->anew && !inbox->own && inbox->time_ms > 0)
		mon_time(svr_mon(svr_of_loop(call->loop)), svr_loop_index(call->loop), MON_sync_lag,
			(now_ms - HY_MIN(now_ms, inbox->time_ms)) * 1000);
}

static int changes(
	void *self, struct call *call, const Hy__MessageChangesRequest *request, Hy__MessageChangesResponse *response)
{
	struct message *message = self;
	struct hy_key key = hy_key_user(request->uin);
	struct kt_limits limits = {.max_rows = request->max_rows, .max_bytes = request->max_bytes};
	struct spaces_inbox inbox;
	struct kt_rows rows;

	message_fetched(message, call, request->uin);
	int rc = kt_read_changes(message->kt, call, &key, SPACES_INBOX, request->since, KT_STRONG, limits, &rows);
	if (rc == HY_OUT_OF_RANGE) {
		struct kt_head head = {0};
		rc = row_why_out_of_range(message->kt, call, &key, SPACES_INBOX, request->since, &head);
		response->version = head.version;
		response->trimmed = head.trimmed;
	}
	if (rc != HY_OK)
		return rc;
	Hy__MessageEntry *made = hy_arena_alloc(call->arena, rows.count * sizeof *made);
	response->entries = hy_arena_alloc(call->arena, rows.count * sizeof *response->entries);
	if (!made || !response->entries)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	size_t n = 0;
	uint64_t now_ms = rows.count ? env_wall_ms(svr_env(svr_of_loop(call->loop))) : 0;
	for (size_t i = 0; i < rows.count; i++) {
		if (!spaces_inbox_read(rows.rows[i].value, &inbox)) {
			row_damaged(call, &key, &rows.rows[i], "inbox entry"); /* R8 */
			continue;
		}
		count_lag(call, request, now_ms, &inbox);
		hy__message_entry__init(&made[n]);
		made[n].type = inbox.type;
		made[n].body = row_binary(inbox.body);
		made[n].version = rows.rows[i].version;
		response->entries[n] = &made[n];
		n++;
	}
	response->n_entries = n;
	response->version = rows.version;
	response->trimmed = rows.trimmed;
	response->more = rows.more;
	return HY_OK;
}

static int head(void *self, struct call *call, const Hy__MessageHeadRequest *request, Hy__MessageHeadResponse *response)
{
	struct message *message = self;
	struct hy_key key = hy_key_user(request->uin);
	struct kt_head h;

	int rc = kt_read_head(message->kt, call, &key, SPACES_INBOX, KT_STRONG, &h);
	if (rc != HY_OK)
		return rc;
	response->version = h.version;
	response->trimmed = h.trimmed;
	response->rows = h.rows;
	response->bytes = h.bytes;
	response->nearly_full = message_nearly_full(message, &h);
	if (!request->with_oldest)
		return HY_OK;
	return message_oldest(message, call, &key, &h, request->oldest_after, &response->oldest_ms);
}

/* ---- trimming ------------------------------------------------------------------------------------------------ */

#define AGE_PAGE_ROWS 256u
#define AGE_PAGES_MAX 16u /* a call looks at so many pages at most; the next one goes on */

/** Up to which version, at most `upto`, all entries were stored before `older_than_ms`. SUSPENDS. */
static int limit_by_age(struct message *message, struct call *call, const struct hy_key *key, uint64_t trimmed,
	uint64_t older_than_ms, uint64_t *upto)
{
	struct kt_limits limits = {.max_rows = AGE_PAGE_ROWS};
	struct spaces_inbox inbox;
	struct kt_rows rows;
	uint64_t old = trimmed;

	for (unsigned page = 0; page < AGE_PAGES_MAX && old < *upto; page++) {
		int rc = kt_read_changes(message->kt, call, key, SPACES_INBOX, old, KT_STRONG, limits, &rows);
		if (rc != HY_OK)
			return rc;
		for (size_t i = 0; i < rows.count; i++) {
			bool readable = spaces_inbox_read(rows.rows[i].value, &inbox);
			if (rows.rows[i].version > *upto || (readable && inbox.time_ms >= older_than_ms)) {
				*upto = old;
				return HY_OK;
			}
			old = rows.rows[i].version;
		}
		if (!rows.more)
			break;
	}
	*upto = HY_MIN(*upto, old);
	return HY_OK;
}

static int trim(void *self, struct call *call, const Hy__MessageTrimRequest *request, Hy__MessageTrimResponse *response)
{
	struct message *message = self;
	struct hy_key key = hy_key_user(request->uin);
	struct kt_op op = {.kind = KT_TRIM, .space = SPACES_INBOX, .reserve = true};
	struct kt_result result;
	struct kt_head h;

	int rc = kt_read_head(message->kt, call, &key, SPACES_INBOX, KT_STRONG, &h);
	if (rc != HY_OK)
		return rc;
	op.version = HY_MIN(request->upto, h.version);
	if (request->older_than_ms != 0)
		rc = limit_by_age(message, call, &key, h.trimmed, request->older_than_ms, &op.version);
	if (rc != HY_OK || op.version <= h.trimmed)
		return rc;
	if (request->wait)
		return kt_write(message->kt, call, &key, &op, 1, &result);
	return kt_write_lazily(message->kt, call, &key, &op, 1);
}

/* -------------------------------------------------------------------------------------------------------------- */

static const struct message_handlers handlers = {
	.append = message_handle_append,
	.changes = changes,
	.trim = trim,
	.head = head,
	.set_overdue = message_handle_set_overdue,
	.erase = message_handle_erase,
};

int message_create(struct svr *svr, struct kt *kt, const struct message_config *config, struct message **ret_message)
{
	struct message *message = hy_zalloc(sizeof *message);

	message->kt = kt;
	message->config = *config;
	message->seed = env_rand64(svr_env(svr));
	message->loop_count = svr_loop_count(svr);
	for (unsigned i = 0; i < message->loop_count; i++)
		hy_map_init(&message->overdue[i]);
	message_gone_init(message);
	if (message->config.inbox_rows == 0)
		message->config.inbox_rows = INBOX_ROWS_DEFAULT;
	if (message->config.inbox_bytes == 0)
		message->config.inbox_bytes = INBOX_BYTES_DEFAULT;
	if (message->config.body_bytes == 0)
		message->config.body_bytes = BODY_BYTES_DEFAULT;
	rpc_add_service(svr, &message_service, &handlers, message);
	*ret_message = message;
	return HY_OK;
}

void message_destroy(struct message *message)
{
	if (!message)
		return;
	message_age_fini(message);
	message_gone_fini(message);
	hy_free(message);
}
