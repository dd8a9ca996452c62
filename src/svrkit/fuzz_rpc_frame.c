/*
 * Whatever comes over a connection between our processes: no crash, and what is taken is encoded to the same meaning.
 */
#include "base/mem.h"
#include "svrkit/rpc_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct rpc_frame *f)
{
	size_t head = rpc_frame_head_size(f);
	struct rpc_frame again;

	if (head + f->body.len > RPC_FRAME_MAX)
		return;
	uint8_t *wire = hy_alloc(head + f->body.len);
	assert(rpc_frame_encode_head(f, wire) == head);
	if (f->body.len)
		memcpy(wire + head, f->body.data, f->body.len);
	assert(rpc_frame_decode(hy_bytes(wire, head + f->body.len), &again));
	assert(again.kind == f->kind && again.call_id == f->call_id && again.uin == f->uin);
	assert(hy_bytes_equal(again.device, f->device) && hy_bytes_equal(again.name, f->name));
	assert(hy_bytes_equal(again.message, f->message) && hy_bytes_equal(again.body, f->body));
	hy_free(wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hy_bytes in = hy_bytes(data, size);

	for (;;) {
		int64_t length = rpc_frame_length(in);
		struct rpc_frame f;

		if (length <= 0 || (uint64_t)length > in.len)
			return 0;
		if (!rpc_frame_decode(hy_bytes(in.data, (size_t)length), &f))
			return 0;
		check_round_trip(&f);
		in.data += length;
		in.len -= (size_t)length;
	}
}
