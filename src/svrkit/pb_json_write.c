/* pb_json_write.c - messages to proto3 JSON, straight into a buffer. */
#include "svrkit/pb_impl.h"

#include <inttypes.h>
#include <math.h>

struct writer {
	pb_inner_fn *inner;
	struct hy_arena *arena; /* for what is unpacked from bytes fields */
	struct hy_buf *out;
};

static void put(struct writer *w, const char *text)
{
	hy_buf_append(w->out, text, strlen(text));
}

static void put_char(struct writer *w, char c)
{
	hy_buf_append(w->out, &c, 1);
}

static const char *short_escape(uint8_t c)
{
	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	default:
		return NULL;
	}
}

/*
 * Strings from the wire were checked; in one that our own code made, what is no UTF-8 is replaced, so that the whole
 * stays JSON.
 */
static void put_string(struct writer *w, const char *text)
{
	size_t len = strlen(text), done = 0;
	bool valid = pb_utf8_valid((const uint8_t *)text, len);
	put_char(w, '"');
	for (size_t i = 0; i < len; i++) {
		uint8_t c = (uint8_t)text[i];
		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f && (c < 0x80 || valid))
			continue;
		hy_buf_append(w->out, text + done, i - done);
		done = i + 1;
		if (c >= 0x80)
			put(w, "\\ufffd");
		else if (short_escape(c))
			put(w, short_escape(c));
		else
			hy_buf_printf(w->out, "\\u%04x", c);
	}
	hy_buf_append(w->out, text + done, len - done);
	put_char(w, '"');
}

static void put_base64(struct writer *w, const uint8_t *data, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t *out = hy_buf_reserve(w->out, (len + 2) / 3 * 4 + 2);
	size_t n = 0;
	out[n++] = '"';
	for (size_t i = 0; i < len; i += 3) {
		uint32_t bits = (uint32_t)data[i] << 16;
		bits |= i + 1 < len ? (uint32_t)data[i + 1] << 8 : 0;
		bits |= i + 2 < len ? data[i + 2] : 0;
		out[n++] = (uint8_t)digits[bits >> 18];
		out[n++] = (uint8_t)digits[bits >> 12 & 63];
		out[n++] = i + 1 < len ? (uint8_t)digits[bits >> 6 & 63] : '=';
		out[n++] = i + 2 < len ? (uint8_t)digits[bits & 63] : '=';
	}
	out[n++] = '"';
	hy_buf_commit(w->out, n);
}

/* proto3 JSON has names for what JSON's numbers cannot say. */
static void put_double(struct writer *w, double v, int digits)
{
	if (isnan(v))
		put(w, "\"NaN\"");
	else if (isinf(v))
		put(w, v < 0 ? "\"-Infinity\"" : "\"Infinity\"");
	else
		hy_buf_printf(w->out, "%.*g", digits, v);
}

static void put_enum(struct writer *w, const ProtobufCEnumDescriptor *d, int value)
{
	const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(d, value);
	if (known != NULL)
		put_string(w, known->name);
	else
		hy_buf_printf(w->out, "%d", value);
}

static void put_field_name(struct writer *w, const char *name)
{
	bool upper = false;
	put_char(w, '"');
	for (; *name; name++) {
		if (*name == '_') {
			upper = true;
			continue;
		}
		put_char(w, upper && *name >= 'a' && *name <= 'z' ? (char)(*name - 'a' + 'A') : *name);
		upper = false;
	}
	put(w, "\":");
}

static void put_message(struct writer *w, const ProtobufCMessage *m, unsigned depth);

/* The hook's messages nest no deeper than others, whatever it answers. */
static void put_bytes(struct writer *w, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *field,
	const ProtobufCBinaryData *value, unsigned depth)
{
	const ProtobufCMessageDescriptor *d = w->inner && depth <= PB_DEPTH_MAX ? w->inner(m, field) : NULL;
	ProtobufCMessage *inner = d ? pb_unpack(d, hy_bytes(value->data, value->len), w->arena) : NULL;
	if (inner != NULL)
		put_message(w, inner, depth + 1);
	else
		put_base64(w, value->data, value->len);
}

static void put_value(struct writer *w, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *field,
	const void *value, unsigned depth)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		hy_buf_printf(w->out, "%" PRId32, *(const int32_t *)value);
		break;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		hy_buf_printf(w->out, "%" PRIu32, *(const uint32_t *)value);
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		hy_buf_printf(w->out, "\"%" PRId64 "\"", *(const int64_t *)value);
		break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		hy_buf_printf(w->out, "\"%" PRIu64 "\"", *(const uint64_t *)value);
		break;
	case PROTOBUF_C_TYPE_FLOAT:
		put_double(w, *(const float *)value, 9);
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		put_double(w, *(const double *)value, 17);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		put(w, *(const protobuf_c_boolean *)value ? "true" : "false");
		break;
	case PROTOBUF_C_TYPE_ENUM:
		put_enum(w, field->descriptor, *(const int *)value);
		break;
	case PROTOBUF_C_TYPE_STRING:
		put_string(w, *(char *const *)value ? *(char *const *)value : "");
		break;
	case PROTOBUF_C_TYPE_BYTES:
		put_bytes(w, m, field, value, depth);
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		put_message(w, *(ProtobufCMessage *const *)value, depth + 1);
		break;
	}
}

static void put_array(
	struct writer *w, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *field, unsigned depth)
{
	size_t count = *(const size_t *)((const char *)m + field->quantifier_offset);
	const char *values = *(char *const *)((const char *)m + field->offset);
	put_char(w, '[');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			put_char(w, ',');
		put_value(w, m, field, values + i * pb_type_size(field->type), depth);
	}
	put_char(w, ']');
}

/* proto3: what is zero is not there; members of a oneof are there when chosen. */
static bool is_there(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *field)
{
	const void *value = (const char *)m + field->offset;
	const void *quantifier = (const char *)m + field->quantifier_offset;
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return *(const size_t *)quantifier > 0;
	bool is_message = field->type == PROTOBUF_C_TYPE_MESSAGE;
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		return *(const uint32_t *)quantifier == field->id && (!is_message || *(void *const *)value != NULL);
	if (is_message)
		return *(void *const *)value != NULL;
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return *(char *const *)value != NULL && **(char *const *)value != '\0';
	if (field->type == PROTOBUF_C_TYPE_BYTES)
		return ((const ProtobufCBinaryData *)value)->len > 0;
	static const char zero[8];
	return memcmp(value, zero, pb_type_size(field->type)) != 0;
}

static void put_message(struct writer *w, const ProtobufCMessage *m, unsigned depth)
{
	const ProtobufCMessageDescriptor *d = m->descriptor;
	bool first = true;
	put_char(w, '{');
	for (unsigned i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &d->fields[i];
		if (!is_there(m, field))
			continue;
		if (!first)
			put_char(w, ',');
		first = false;
		put_field_name(w, field->name);
		if (field->label == PROTOBUF_C_LABEL_REPEATED)
			put_array(w, m, field, depth);
		else
			put_value(w, m, field, (const char *)m + field->offset, depth);
	}
	put_char(w, '}');
}

void pb_to_json(const ProtobufCMessage *m, pb_inner_fn *inner, struct hy_arena *arena, struct hy_buf *out)
{
	struct writer w = {.inner = inner, .arena = arena, .out = out};
	put_message(&w, m, 1);
}
