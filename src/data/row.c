#include "data/row.h"

#include "svrkit/pb.h"

int row_pack(struct call *call, const ProtobufCMessage *m, struct hy_bytes *ret_bytes)
{
	size_t len = protobuf_c_message_get_packed_size(m);
	uint8_t *p = hy_arena_alloc(call->arena, len);

	if (!p)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	protobuf_c_message_pack(m, p);
	*ret_bytes = hy_bytes(p, len);
	return HY_OK;
}

ProtobufCMessage *row_unpack(
	struct call *call, const struct hy_key *key, const struct kt_row *row, const ProtobufCMessageDescriptor *d)
{
	ProtobufCMessage *m = pb_unpack(d, row->value, call->arena);

	if (!m)
		row_damaged(call, key, row, d->short_name);
	return m;
}

void row_damaged(struct call *call, const struct hy_key *key, const struct kt_row *row, const char *what)
{
	char text[64];

	call_count(call, MON_rows_skipped, 1);
	call_log(call, ENV_LOG_ERROR, "data", "the %s of %s at version %llu cannot be read: %zu bytes", what,
		hy_key_text(key, text, sizeof text), (unsigned long long)row->version, row->value.len);
}

int row_why_out_of_range(struct kt *kt, struct call *call, const struct hy_key *key, uint8_t space, uint64_t since,
	struct kt_head *ret_head)
{
	int rc = kt_read_head(kt, call, key, space, KT_STRONG, ret_head);
	if (rc != HY_OK)
		return rc;
	return since > ret_head->version ? HY_FAILED_PRECONDITION : HY_OUT_OF_RANGE;
}
