/*
 * pb_json_read.c - proto3 JSON to messages.
 *
 * cJSON reads the text into a tree, with malloc (its hooks are global, so not ours to set); the tree is gone when
 * pb_from_json() returns, and nothing in between suspends. What cJSON is too lenient for, or too greedy, is refused by
 * a scan before: depth, number of values, UTF-8, escapes (a bad \u becomes a NUL in cJSON, and a NUL cuts the string).
 */
#include "svrkit/pb_impl.h"

#include <cjson/cJSON.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#define EXACT_MAX 9007199254740991.0 /* 2^53 - 1: beyond it a double skips integers */

static const char too_large[] = "the message is too large";

struct reader {
	struct hy_arena *arena;
	const char *error;
};

/* Where in the message we are, for the error's text; a list on the stack, from the inside out. */
struct place {
	const struct place *outer;
	const char *name; /* NULL: an array's element */
	int index;
};

static const char *place_text(struct hy_arena *arena, const struct place *place)
{
	if (place->outer == NULL)
		return place->name;
	const char *outer = place_text(arena, place->outer);
	if (outer == NULL)
		return NULL;
	if (place->name == NULL)
		return hy_arena_printf(arena, "%s[%d]", outer, place->index);
	return hy_arena_printf(arena, "%s.%s", outer, place->name);
}

static bool fail(struct reader *r, const struct place *place, const char *what)
{
	const char *where = place_text(r->arena, place);
	r->error = where ? hy_arena_printf(r->arena, "%s: %s", where, what) : NULL;
	if (r->error == NULL)
		r->error = too_large;
	return false;
}

static bool fail_at(struct reader *r, size_t offset, const char *what)
{
	r->error = hy_arena_printf(r->arena, "%s at byte %zu", what, offset);
	if (r->error == NULL)
		r->error = too_large;
	return false;
}

/* ---- the scan before cJSON ---- */

static bool is_hex(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* `s` starts after the backslash. Bytes that the escape has there; 0: none that may be. */
static size_t escape_len(const uint8_t *s, size_t len)
{
	if (len == 0 || s[0] == 0)
		return 0;
	if (s[0] != 'u')
		return strchr("\"\\/bfnrt", s[0]) ? 1 : 0;
	if (len < 5 || !is_hex(s[1]) || !is_hex(s[2]) || !is_hex(s[3]) || !is_hex(s[4]))
		return 0;
	return memcmp(s + 1, "0000", 4) == 0 ? 0 : 5;
}

/* From a string's opening quote, at *i, to its closing one. */
static bool scan_string(struct reader *r, struct hy_bytes json, size_t *i)
{
	for (++*i; *i < json.len && json.data[*i] != '"'; ++*i) {
		if (json.data[*i] < 0x20)
			return fail_at(r, *i, "a control character in a string");
		if (json.data[*i] == '\\') {
			size_t n = escape_len(json.data + *i + 1, json.len - *i - 1);
			if (n == 0)
				return fail_at(r, *i, "an escape that may not be");
			*i += n;
		}
	}
	return *i < json.len || fail_at(r, *i, "a string without an end");
}

static bool scan(struct reader *r, struct hy_bytes json)
{
	unsigned depth = 0, values = 0;
	if (!pb_utf8_valid(json.data, json.len))
		return fail_at(r, 0, "no UTF-8 in the text that starts");
	for (size_t i = 0; i < json.len; i++) {
		switch (json.data[i]) {
		case '"':
			if (!scan_string(r, json, &i))
				return false;
			break;
		case '{':
		case '[':
			if (++depth > PB_JSON_DEPTH_MAX)
				return fail_at(r, i, "nested too deeply");
			values++;
			break;
		case '}':
		case ']':
			if (depth > 0)
				depth--;
			break;
		case ',':
			values++;
			break;
		case '\t':
		case '\n':
		case '\r':
			break;
		default:
			if (json.data[i] < 0x20)
				return fail_at(r, i, "a control character");
		}
		if (values > PB_FIELDS_MAX)
			return fail_at(r, i, "too many values");
	}
	return true;
}

/* ---- values ---- */

struct integer {
	bool negative;
	uint64_t magnitude;
};

static bool integer_from_text(const char *text, struct integer *ret)
{
	uint64_t v = 0;
	ret->negative = *text == '-';
	text += ret->negative;
	if (*text == '\0')
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*text - '0'), &v))
			return false;
	}
	ret->magnitude = v;
	return true;
}

static bool integer_from_json(const cJSON *item, struct integer *ret)
{
	if (cJSON_IsString(item))
		return integer_from_text(item->valuestring, ret);
	if (!cJSON_IsNumber(item) || !(fabs(item->valuedouble) <= EXACT_MAX) ||
		(double)(int64_t)item->valuedouble != item->valuedouble)
		return false;
	ret->negative = item->valuedouble < 0;
	ret->magnitude = (uint64_t)fabs(item->valuedouble);
	return true;
}

static bool read_signed(const cJSON *item, unsigned bits, int64_t *ret_value)
{
	struct integer n;
	if (!integer_from_json(item, &n))
		return false;
	uint64_t limit = (UINT64_C(1) << (bits - 1)) - (n.negative ? 0 : 1);
	if (n.magnitude > limit)
		return false;
	*ret_value = (int64_t)(n.negative ? 0 - n.magnitude : n.magnitude);
	return true;
}

static bool read_unsigned(const cJSON *item, unsigned bits, uint64_t *ret_value)
{
	struct integer n;
	if (!integer_from_json(item, &n) || (n.negative && n.magnitude > 0) || n.magnitude > UINT64_MAX >> (64 - bits))
		return false;
	*ret_value = n.magnitude;
	return true;
}

/* strtod() knows more spellings than JSON. */
static bool double_from_text(const char *text, double *ret_value)
{
	static const struct {
		const char *name;
		double value;
	} names[] = {{"NaN", NAN}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}};
	for (size_t i = 0; i < HY_COUNT_OF(names); i++) {
		if (strcmp(text, names[i].name) == 0) {
			*ret_value = names[i].value;
			return true;
		}
	}
	char *end;
	*ret_value = strtod(text, &end);
	return text[0] != '\0' && text[strspn(text, "0123456789+-.eE")] == '\0' && *end == '\0' && isfinite(*ret_value);
}

static bool read_double(const cJSON *item, double limit, double *ret_value)
{
	if (cJSON_IsString(item))
		return double_from_text(item->valuestring, ret_value) &&
		       (!isfinite(*ret_value) || fabs(*ret_value) <= limit);
	*ret_value = item->valuedouble;
	return cJSON_IsNumber(item) && fabs(*ret_value) <= limit;
}

static bool read_enum(const cJSON *item, const ProtobufCEnumDescriptor *d, int *ret_value)
{
	if (cJSON_IsString(item)) {
		const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value_by_name(d, item->valuestring);
		if (v == NULL)
			return false;
		*ret_value = v->value;
		return true;
	}
	int64_t number;
	if (!read_signed(item, 32, &number))
		return false;
	*ret_value = (int)number;
	return true;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	if (c == '/' || c == '_')
		return 63;
	return -1;
}

/* With padding or without. `out` has room for three bytes for each four characters begun. */
static bool base64_decode(const char *text, size_t len, uint8_t *out, size_t *ret_len)
{
	size_t digits = len, n = 0;
	while (digits > 0 && len - digits < 2 && text[digits - 1] == '=')
		digits--;
	if (digits % 4 == 1 || (digits != len && len % 4 != 0))
		return false;
	uint32_t bits = 0;
	for (size_t i = 0; i < digits; i++) {
		int digit = base64_digit(text[i]);
		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4 != 0)
			out[n++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	*ret_len = n;
	return true;
}

static bool read_bytes(struct reader *r, const struct place *place, const cJSON *item, ProtobufCBinaryData *ret)
{
	if (!cJSON_IsString(item))
		return fail(r, place, "base64 is expected");
	size_t len = strlen(item->valuestring);
	ret->data = hy_arena_alloc(r->arena, (len + 3) / 4 * 3);
	if (ret->data == NULL)
		return fail(r, place, too_large);
	return base64_decode(item->valuestring, len, ret->data, &ret->len) || fail(r, place, "base64 is expected");
}

static bool read_string(struct reader *r, const struct place *place, const cJSON *item, char **ret)
{
	if (!cJSON_IsString(item))
		return fail(r, place, "a string is expected");
	*ret = hy_arena_strndup(r->arena, item->valuestring, strlen(item->valuestring));
	return *ret != NULL || fail(r, place, too_large);
}

/* Everything that needs no memory. `slot` is the field in the struct, or an element. */
static bool read_scalar(struct reader *r, const struct place *place, const ProtobufCFieldDescriptor *field,
	const cJSON *item, void *slot)
{
	int64_t i;
	uint64_t u;
	double d;
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		if (!read_signed(item, 32, &i))
			return fail(r, place, "a 32-bit integer is expected");
		*(int32_t *)slot = (int32_t)i;
		return true;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return read_signed(item, 64, slot) ||
		       fail(r, place, "a 64-bit integer is expected (past 2^53 as a string)");
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		if (!read_unsigned(item, 32, &u))
			return fail(r, place, "a 32-bit integer without sign is expected");
		*(uint32_t *)slot = (uint32_t)u;
		return true;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return read_unsigned(item, 64, slot) ||
		       fail(r, place, "a 64-bit integer without sign is expected (past 2^53 as a string)");
	case PROTOBUF_C_TYPE_FLOAT:
		if (!read_double(item, FLT_MAX, &d))
			return fail(r, place, "a number is expected");
		*(float *)slot = (float)d;
		return true;
	case PROTOBUF_C_TYPE_DOUBLE:
		return read_double(item, DBL_MAX, slot) || fail(r, place, "a number is expected");
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)slot = cJSON_IsTrue(item);
		return cJSON_IsBool(item) || fail(r, place, "true or false is expected");
	case PROTOBUF_C_TYPE_ENUM:
		return read_enum(item, field->descriptor, slot) || fail(r, place, "no such value");
	default:
		assert(!"a type that is no scalar");
		return false;
	}
}

/* ---- messages ---- */

static ProtobufCMessage *read_message(struct reader *r, const struct place *place, const ProtobufCMessageDescriptor *d,
	const cJSON *object, unsigned depth);

static bool read_value(struct reader *r, const struct place *place, const ProtobufCFieldDescriptor *field,
	const cJSON *item, unsigned depth, void *slot)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		return read_string(r, place, item, slot);
	case PROTOBUF_C_TYPE_BYTES:
		return read_bytes(r, place, item, slot);
	case PROTOBUF_C_TYPE_MESSAGE:
		*(ProtobufCMessage **)slot = read_message(r, place, field->descriptor, item, depth + 1);
		return *(ProtobufCMessage **)slot != NULL;
	default:
		return read_scalar(r, place, field, item, slot);
	}
}

static bool read_array(struct reader *r, const struct place *place, const ProtobufCFieldDescriptor *field,
	const cJSON *array, unsigned depth, ProtobufCMessage *m)
{
	if (!cJSON_IsArray(array))
		return fail(r, place, "an array is expected");
	size_t size = pb_type_size(field->type), count = (size_t)cJSON_GetArraySize(array);
	char *values = hy_arena_zalloc(r->arena, count * size);
	if (values == NULL)
		return fail(r, place, too_large);
	struct place element = {.outer = place};
	for (const cJSON *item = array->child; item; item = item->next) {
		if (!read_value(r, &element, field, item, depth, values + (size_t)element.index * size))
			return false;
		element.index++;
	}
	*(void **)((char *)m + field->offset) = values;
	*(size_t *)((char *)m + field->quantifier_offset) = count;
	return true;
}

static bool read_field(struct reader *r, const struct place *place, const ProtobufCFieldDescriptor *field,
	const cJSON *item, unsigned depth, ProtobufCMessage *m)
{
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return read_array(r, place, field, item, depth, m);
	union {
		uint64_t number;
		double real;
		void *pointer;
		ProtobufCBinaryData bytes;
	} value;
	if (!read_value(r, place, field, item, depth, &value))
		return false;
	memcpy((char *)m + field->offset, &value, pb_type_size(field->type));
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		*(uint32_t *)((char *)m + field->quantifier_offset) = field->id;
	return true;
}

/* Whether `camel` is the lowerCamelCase of `snake`. */
static bool is_camel_of(const char *camel, const char *snake)
{
	bool upper = false;
	for (; *snake; snake++) {
		if (*snake == '_') {
			upper = true;
			continue;
		}
		char c = upper && *snake >= 'a' && *snake <= 'z' ? (char)(*snake - 'a' + 'A') : *snake;
		upper = false;
		if (*camel++ != c)
			return false;
	}
	return *camel == '\0';
}

static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *d, const char *name)
{
	for (unsigned i = 0; i < d->n_fields; i++)
		if (strcmp(name, d->fields[i].name) == 0 || is_camel_of(name, d->fields[i].name))
			return &d->fields[i];
	return NULL;
}

static ProtobufCMessage *read_message(struct reader *r, const struct place *place, const ProtobufCMessageDescriptor *d,
	const cJSON *object, unsigned depth)
{
	const char *wrong = NULL;
	if (!cJSON_IsObject(object))
		wrong = "an object is expected";
	else if (depth > PB_DEPTH_MAX)
		wrong = "nested too deeply";
	ProtobufCMessage *m = wrong ? NULL : hy_arena_alloc(r->arena, d->sizeof_message);
	if (m == NULL) {
		fail(r, place, wrong ? wrong : too_large);
		return NULL;
	}
	protobuf_c_message_init(d, m);
	for (const cJSON *item = object->child; item; item = item->next) {
		const ProtobufCFieldDescriptor *field = find_field(d, item->string);
		if (field == NULL || cJSON_IsNull(item))
			continue;
		struct place inside = {.outer = place, .name = field->name};
		if (!read_field(r, &inside, field, item, depth, m))
			return NULL;
	}
	return m;
}

/* The offset of what is no JSON, or the text's length when it is one whole value and nothing else. */
static size_t parse(struct hy_bytes json, cJSON **ret_root)
{
	const char *text = (const char *)json.data, *end = text;
	*ret_root = cJSON_ParseWithLengthOpts(text, json.len, &end, false);
	size_t i = (size_t)(end - text);
	if (*ret_root != NULL)
		while (i < json.len && strchr(" \t\r\n", text[i]))
			i++;
	return i;
}

/** Some are passwords. The scan has bounded the depth. */
static void wipe_strings(cJSON *item)
{
	for (; item; item = item->next) {
		if (item->valuestring)
			explicit_bzero(item->valuestring, strlen(item->valuestring));
		wipe_strings(item->child);
	}
}

ProtobufCMessage *pb_from_json(
	const ProtobufCMessageDescriptor *d, struct hy_bytes json, struct hy_arena *arena, const char **ret_error)
{
	struct reader r = {.arena = arena};
	ProtobufCMessage *m = NULL;
	if (scan(&r, json)) {
		cJSON *root;
		size_t parsed = parse(json, &root);
		struct place place = {.name = "the message"};
		if (json.len == 0)
			r.error = "the body is empty: a JSON object is expected";
		else if (root == NULL || parsed < json.len)
			fail_at(&r, parsed, "no JSON");
		else
			m = read_message(&r, &place, d, root, 1);
		wipe_strings(root);
		cJSON_Delete(root);
	}
	*ret_error = m ? NULL : r.error;
	return m;
}
