/* fuzz_pb_check.c - whatever pb_check() lets through unpacks, packs, copies and prints. First byte: which message. */
#include "auth.pb-c.h"
#include "every_type.pb-c.h"
#include "svrkit/pb.h"
#include "sync.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ProtobufCMessageDescriptor *const descriptors[] = {
	&test__every_type__descriptor,
	&hy__sync_response__descriptor,
	&hy__register_request__descriptor,
};

static void try_message(const ProtobufCMessageDescriptor *d, struct hy_bytes wire, size_t arena_limit)
{
	struct hy_arena arena;
	hy_arena_init(&arena, arena_limit);
	ProtobufCMessage *m = pb_unpack(d, wire, &arena);
	if (m != NULL) {
		struct hy_buf packed = {0}, again = {0};
		pb_pack(m, &packed);
		ProtobufCMessage *copy = pb_copy(m, &arena);
		if (copy != NULL) {
			pb_pack(copy, &again);
			assert(hy_bytes_equal(hy_buf_bytes(&packed), hy_buf_bytes(&again)));
		}
		assert(pb_check(d, hy_buf_bytes(&packed)));
		hy_buf_fini(&again);
		hy_buf_fini(&packed);
	} else if (arena_limit == HY_ARENA_LIMIT_DEFAULT && arena.used < arena_limit / 2) {
		assert(!pb_check(d, wire));
	}
	hy_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	const ProtobufCMessageDescriptor *d = descriptors[data[0] % HY_COUNT_OF(descriptors)];
	struct hy_bytes wire = hy_bytes(data + 1, size - 1);
	try_message(d, wire, HY_ARENA_LIMIT_DEFAULT);
	try_message(d, wire, data[0] * 16u); /* the arena refuses somewhere in the middle */
	return 0;
}
