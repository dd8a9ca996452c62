/* Tickets that are no longer valid: a late repeat of the sign-in that made one must not bring it back. */
#include "data/account/account_internal.h"

/** Remembered of a user. */
#define GONE_MAX 32u
#define GONE_HASH_SIZE 16u

int account_read_gone(
	struct account *account, struct call *call, const struct hy_key *key, Hy__GoneTicketsRow **ret_gone)
{
	Hy__GoneTicketsRow *stored = NULL;
	struct kt_row row;

	int rc = kt_read_row(account->kt, call, key, SPACES_CREDENTIAL, hy_bytes_str(SPACES_GONE), KT_STRONG, &row);
	if (rc == HY_OK)
		stored = (Hy__GoneTicketsRow *)row_unpack(call, key, &row, &hy__gone_tickets_row__descriptor);
	else if (rc != HY_NOT_FOUND)
		return rc;
	size_t count = stored ? HY_MIN(stored->n_hashes, GONE_MAX) : 0;
	Hy__GoneTicketsRow *gone = hy_arena_alloc(call->arena, sizeof *gone);
	ProtobufCBinaryData *hashes = hy_arena_alloc(call->arena, GONE_MAX * sizeof *hashes);
	if (!gone || !hashes)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	hy__gone_tickets_row__init(gone);
	if (count > 0)
		memcpy(hashes, stored->hashes, count * sizeof *hashes);
	gone->hashes = hashes;
	gone->n_hashes = count;
	*ret_gone = gone;
	return HY_OK;
}

static ProtobufCBinaryData shortened(ProtobufCBinaryData hash)
{
	return (ProtobufCBinaryData){HY_MIN(hash.len, GONE_HASH_SIZE), hash.data};
}

bool account_is_gone(const Hy__GoneTicketsRow *gone, ProtobufCBinaryData ticket_hash)
{
	ProtobufCBinaryData h = shortened(ticket_hash);

	for (size_t i = 0; i < gone->n_hashes; i++)
		if (hy_bytes_equal(hy_bytes(gone->hashes[i].data, gone->hashes[i].len), hy_bytes(h.data, h.len)))
			return true;
	return false;
}

void account_add_gone(Hy__GoneTicketsRow *gone, ProtobufCBinaryData ticket_hash)
{
	if (gone->n_hashes == GONE_MAX)
		memmove(gone->hashes, gone->hashes + 1, --gone->n_hashes * sizeof *gone->hashes);
	gone->hashes[gone->n_hashes++] = shortened(ticket_hash);
}
