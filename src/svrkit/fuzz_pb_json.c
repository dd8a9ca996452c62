/*
 * fuzz_pb_json.c - JSON that becomes a message prints, and reads to the same message again; what it packs to passes the
 * check. First byte: which message.
 */
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

/* Any bytes may hold any message: the writer must bear what a hook answers. */
static const ProtobufCMessageDescriptor *any_inner(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *field)
{
	return m->descriptor;
}

static void read_again(const ProtobufCMessageDescriptor *d, const ProtobufCMessage *m, struct hy_arena *arena)
{
	struct hy_buf packed = {0}, again = {0}, printed = {0}, with_inner = {0};
	const char *error;
	pb_pack(m, &packed);
	assert(pb_check(d, hy_buf_bytes(&packed)));
	pb_to_json(m, any_inner, arena, &with_inner);
	pb_to_json(m, NULL, arena, &printed);
	assert(pb_utf8_valid(hy_buf_data(&printed), hy_buf_len(&printed)));

	struct hy_arena second;
	hy_arena_init(&second, HY_ARENA_LIMIT_DEFAULT);
	ProtobufCMessage *m2 = pb_from_json(d, hy_buf_bytes(&printed), &second, &error);
	assert(m2 != NULL);
	pb_pack(m2, &again);
	assert(hy_bytes_equal(hy_buf_bytes(&packed), hy_buf_bytes(&again)));
	hy_arena_fini(&second);
	hy_buf_fini(&packed);
	hy_buf_fini(&again);
	hy_buf_fini(&printed);
	hy_buf_fini(&with_inner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	const ProtobufCMessageDescriptor *d = descriptors[data[0] % HY_COUNT_OF(descriptors)];
	struct hy_arena arena;
	const char *error;
	hy_arena_init(&arena, HY_ARENA_LIMIT_DEFAULT);
	ProtobufCMessage *m = pb_from_json(d, hy_bytes(data + 1, size - 1), &arena, &error);
	assert((m == NULL) == (error != NULL));
	if (m != NULL)
		read_again(d, m, &arena);
	hy_arena_fini(&arena);
	return 0;
}
