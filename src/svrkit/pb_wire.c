/* pb_wire.c - structs from checked bytes, bytes from structs, copies; all in an arena. */
#include "svrkit/pb_impl.h"

static void *arena_alloc(void *allocator_data, size_t size)
{
	return hy_arena_alloc(allocator_data, size);
}

static void arena_free(void *allocator_data, void *p) {}

/*
 * The arena refuses at its cap, and protobuf-c 1.4 then walks what it has built so far to free it. That is safe for
 * bytes that pb_check() let through: the one place where a half-built message could be walked twice is the merging of a
 * sub-message that came twice.
 */
ProtobufCMessage *pb_unpack(const ProtobufCMessageDescriptor *d, struct hy_bytes wire, struct hy_arena *arena)
{
	if (!pb_check(d, wire))
		return NULL;
	ProtobufCAllocator allocator = {.alloc = arena_alloc, .free = arena_free, .allocator_data = arena};
	return protobuf_c_message_unpack(d, &allocator, wire.len, wire.data);
}

void pb_pack(const ProtobufCMessage *m, struct hy_buf *out)
{
	size_t len = protobuf_c_message_get_packed_size(m);
	if (len == 0)
		return;
	size_t written = protobuf_c_message_pack(m, hy_buf_reserve(out, len));
	assert(written == len);
	hy_buf_commit(out, len);
}

size_t pb_type_size(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	default:
		return 4;
	}
}

/* ---- copies ---- */

/* `value` is a field's value, or an element's, that still points to what belongs to the original. */
static bool copy_value(const ProtobufCFieldDescriptor *field, void *value, struct hy_arena *arena)
{
	if (field->type == PROTOBUF_C_TYPE_STRING) {
		char **text = value;
		if (*text == NULL || *text == field->default_value)
			return true;
		*text = hy_arena_strndup(arena, *text, strlen(*text));
		return *text != NULL;
	}
	if (field->type == PROTOBUF_C_TYPE_BYTES) {
		ProtobufCBinaryData *data = value;
		if (data->len == 0)
			data->data = NULL;
		else
			data->data = hy_arena_memdup(arena, data->data, data->len);
		return data->len == 0 || data->data != NULL;
	}
	if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
		ProtobufCMessage **child = value;
		if (*child == NULL)
			return true;
		*child = pb_copy(*child, arena);
		return *child != NULL;
	}
	return true;
}

static bool copy_repeated(const ProtobufCFieldDescriptor *field, size_t count, void **array, struct hy_arena *arena)
{
	if (count == 0) {
		*array = NULL;
		return true;
	}
	size_t size = pb_type_size(field->type);
	*array = hy_arena_memdup(arena, *array, count * size);
	if (*array == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!copy_value(field, (char *)*array + i * size, arena))
			return false;
	return true;
}

static bool copy_unknown_fields(ProtobufCMessage *m, struct hy_arena *arena)
{
	if (m->n_unknown_fields == 0)
		return true;
	m->unknown_fields =
		hy_arena_memdup(arena, m->unknown_fields, m->n_unknown_fields * sizeof(m->unknown_fields[0]));
	if (m->unknown_fields == NULL)
		return false;
	for (unsigned i = 0; i < m->n_unknown_fields; i++) {
		ProtobufCMessageUnknownField *field = &m->unknown_fields[i];
		field->data = hy_arena_memdup(arena, field->data, field->len);
		if (field->data == NULL)
			return false;
	}
	return true;
}

ProtobufCMessage *pb_copy(const ProtobufCMessage *m, struct hy_arena *arena)
{
	const ProtobufCMessageDescriptor *d = m->descriptor;
	ProtobufCMessage *copy = hy_arena_memdup(arena, m, d->sizeof_message);
	if (copy == NULL || !copy_unknown_fields(copy, arena))
		return NULL;
	for (unsigned i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &d->fields[i];
		void *value = (char *)copy + field->offset;
		const void *quantifier = (const char *)copy + field->quantifier_offset;
		bool copied;
		if (field->label == PROTOBUF_C_LABEL_REPEATED)
			copied = copy_repeated(field, *(const size_t *)quantifier, value, arena);
		else if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) && *(const uint32_t *)quantifier != field->id)
			copied = true; /* another member's value stands there */
		else
			copied = copy_value(field, value, arena);
		if (!copied)
			return NULL;
	}
	return copy;
}
