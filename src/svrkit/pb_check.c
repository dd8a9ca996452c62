/* pb_check.c - the walk over wire bytes that comes before protobuf-c (rule W3). */
#include "svrkit/pb.h"

#include <limits.h>

#define WIRE_VARINT 0
#define WIRE_64BIT 1
#define WIRE_LENGTH 2
#define WIRE_32BIT 5

#define TAG_BYTES_MAX 5 /* protobuf-c reads no longer tags or lengths */
#define LENGTH_BYTES_MAX 5
#define VARINT_BYTES_MAX 10

#define SEEN_WORDS 4

/* A message whose end the walk has not reached. */
struct frame {
	const ProtobufCMessageDescriptor *descriptor;
	const uint8_t *end;
	uint64_t seen[SEEN_WORDS]; /* which sub-messages that are not repeated were there, by field index */
};

struct walk {
	const uint8_t *at;
	uint32_t fields;
	unsigned depth;
	struct frame frames[PB_DEPTH_MAX];
};

static bool take_varint(struct walk *w, const uint8_t *end, unsigned bytes_max, uint64_t *ret_v)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < bytes_max && w->at < end; i++) {
		uint8_t byte = *w->at++;
		v |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte < 0x80) {
			*ret_v = v;
			return true;
		}
	}
	return false;
}

static bool skip(struct walk *w, const uint8_t *end, size_t len)
{
	if ((size_t)(end - w->at) < len)
		return false;
	w->at += len;
	return true;
}

static bool take_length(struct walk *w, const uint8_t *end, struct hy_bytes *ret_value)
{
	uint64_t len;
	if (!take_varint(w, end, LENGTH_BYTES_MAX, &len) || len > (uint64_t)(end - w->at))
		return false;
	*ret_value = hy_bytes(w->at, (size_t)len);
	return true;
}

static unsigned wire_type_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_BOOL:
	case PROTOBUF_C_TYPE_ENUM:
		return WIRE_VARINT;
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return WIRE_32BIT;
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return WIRE_64BIT;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		return WIRE_LENGTH;
	}
	assert(!"a type that protobuf-c does not have");
	return WIRE_LENGTH;
}

/* Many numbers behind one length. Leaves the cursor behind them. */
static bool check_packed(struct walk *w, unsigned wire_type, struct hy_bytes value)
{
	const uint8_t *end = value.data + value.len;
	if (wire_type != WIRE_VARINT) {
		w->at = end;
		return value.len % (wire_type == WIRE_32BIT ? 4 : 8) == 0;
	}
	while (w->at < end) {
		uint64_t number;
		if (!take_varint(w, end, VARINT_BYTES_MAX, &number))
			return false;
	}
	return true;
}

static bool push(struct walk *w, const ProtobufCMessageDescriptor *d, struct hy_bytes value)
{
	if (w->depth == PB_DEPTH_MAX)
		return false;
	w->at = value.data;
	w->frames[w->depth++] = (struct frame){.descriptor = d, .end = value.data + value.len};
	return true;
}

/*
 * A sub-message that is not repeated may come once. Encoders never write it twice; protobuf would merge the two, and
 * protobuf-c's merge loses plain numbers and fails on a oneof that is not set.
 */
static bool first_time(struct frame *f, const ProtobufCFieldDescriptor *field)
{
	size_t index = (size_t)(field - f->descriptor->fields);
	assert(index < SEEN_WORDS * 64);
	uint64_t bit = UINT64_C(1) << (index % 64);
	bool first = !(f->seen[index / 64] & bit);
	f->seen[index / 64] |= bit;
	return first;
}

/* The cursor stands at the value's first byte. */
static bool check_length_delimited(
	struct walk *w, struct frame *f, const ProtobufCFieldDescriptor *field, struct hy_bytes value)
{
	if (field == NULL || field->type == PROTOBUF_C_TYPE_BYTES)
		return skip(w, f->end, value.len);
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return skip(w, f->end, value.len) && (value.len == 0 || memchr(value.data, 0, value.len) == NULL) &&
		       pb_utf8_valid(value.data, value.len);
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return (field->label == PROTOBUF_C_LABEL_REPEATED || first_time(f, field)) &&
		       push(w, field->descriptor, value);
	return field->label == PROTOBUF_C_LABEL_REPEATED && check_packed(w, wire_type_of(field->type), value);
}

static bool check_field(struct walk *w, struct frame *f)
{
	uint64_t tag, number;
	if (!take_varint(w, f->end, TAG_BYTES_MAX, &tag) || tag > UINT32_MAX || tag >> 3 == 0)
		return false;
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field(f->descriptor, (unsigned)(tag >> 3));
	unsigned wire_type = tag & 7;
	if (field != NULL && wire_type != WIRE_LENGTH && wire_type != wire_type_of(field->type))
		return false;

	struct hy_bytes value;
	switch (wire_type) {
	case WIRE_VARINT:
		return take_varint(w, f->end, VARINT_BYTES_MAX, &number);
	case WIRE_64BIT:
		return skip(w, f->end, 8);
	case WIRE_32BIT:
		return skip(w, f->end, 4);
	case WIRE_LENGTH:
		return take_length(w, f->end, &value) && check_length_delimited(w, f, field, value);
	default:
		return false; /* groups, and what is not in use */
	}
}

bool pb_check(const ProtobufCMessageDescriptor *d, struct hy_bytes wire)
{
	if (wire.len == 0)
		return true;
	if (wire.len > INT_MAX)
		return false;
	struct walk w;
	w.fields = 0;
	w.depth = 0;
	if (!push(&w, d, wire))
		return false;
	while (w.depth > 0) {
		struct frame *f = &w.frames[w.depth - 1];
		if (w.at == f->end)
			w.depth--;
		else if (++w.fields > PB_FIELDS_MAX || !check_field(&w, f))
			return false;
	}
	return true;
}

/* How many bytes the character at `s` has; 0: none that Unicode knows. The bounds are those of its table 3-7. */
static size_t utf8_char_len(const uint8_t *s, size_t len)
{
	uint8_t low = 0x80, high = 0xBF;
	size_t n;
	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xC2 || s[0] > 0xF4)
		return 0;
	if (s[0] < 0xE0)
		n = 2;
	else if (s[0] < 0xF0)
		n = 3;
	else
		n = 4;
	if (s[0] == 0xE0)
		low = 0xA0;
	else if (s[0] == 0xED)
		high = 0x9F;
	else if (s[0] == 0xF0)
		low = 0x90;
	else if (s[0] == 0xF4)
		high = 0x8F;
	if (len < n || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((s[i] & 0xC0) != 0x80)
			return 0;
	return n;
}

bool pb_utf8_valid(const uint8_t *s, size_t len)
{
	size_t i = 0;
	while (i < len) {
		uint64_t eight;
		if (len - i >= 8 && (memcpy(&eight, s + i, 8), (eight & UINT64_C(0x8080808080808080)) == 0)) {
			i += 8;
			continue;
		}
		size_t n = utf8_char_len(s + i, len - i);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}
