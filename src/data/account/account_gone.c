/* Tickets that are no longer valid: a late repeat of the sign-in that made one must not bring it back. */
#include "data/account/account_internal.h"

/** Remembered of a user, in one generation. */
#define GONE_MAX 32u
#define GONE_HASH_SIZE 16u

Hy__GoneTicketsRow *account_gone_of(struct call *call, const Hy__GoneTicketsRow *stored, uint64_t generation)
{
	size_t count = stored && stored->generation == generation ? HY_MIN(stored->n_hashes, GONE_MAX) : 0;
	Hy__GoneTicketsRow *gone = hy_arena_alloc(call->arena, sizeof *gone);
	ProtobufCBinaryData *hashes = hy_arena_alloc(call->arena, GONE_MAX * sizeof *hashes);

	if (!gone || !hashes)
		return NULL;
	hy__gone_tickets_row__init(gone);
	if (count > 0)
		memcpy(hashes, stored->hashes, count * sizeof *hashes);
	gone->hashes = hashes;
	gone->n_hashes = count;
	gone->generation = generation;
	return gone;
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

bool account_add_gone(Hy__GoneTicketsRow *gone, ProtobufCBinaryData ticket_hash)
{
	if (gone->n_hashes == GONE_MAX)
		return false;
	gone->hashes[gone->n_hashes++] = shortened(ticket_hash);
	return true;
}
