/**
 * pb.h - protobuf bytes and JSON, checked before they become structs (rule W3).
 *
 * Nothing here suspends; all memory is the arena's.
 */
#ifndef PB_H
#define PB_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/buf.h"

#define PB_DEPTH_MAX 16     /* messages within messages, the outermost counted */
#define PB_FIELDS_MAX 65536 /* fields in one message with all its children */

/**
 * Walks the wire bytes against the descriptor: lengths, depth, counts, wire types, no NUL and valid UTF-8 in strings.
 * Enums may have numbers that this version does not know; unknown fields are let through when they are well-formed;
 * groups are refused. So is a sub-message that is there twice and not repeated: protobuf would merge the two, no
 * encoder writes it. Takes about 1 KiB of stack.
 */
bool pb_check(const ProtobufCMessageDescriptor *d, struct hy_bytes wire) HY_MUST_USE;
/**
 * pb_check(), then unpacks into the arena; nothing in the message points into `wire`. NULL: malformed, or over the
 * arena's cap. Takes up to 24 KiB of stack for messages that are PB_DEPTH_MAX deep.
 */
ProtobufCMessage *pb_unpack(const ProtobufCMessageDescriptor *d, struct hy_bytes wire, struct hy_arena *arena);
/** Appends the packed message. */
void pb_pack(const ProtobufCMessage *m, struct hy_buf *out);
/** Copies a message with all that it points to into the arena. NULL over its cap. */
ProtobufCMessage *pb_copy(const ProtobufCMessage *m, struct hy_arena *arena);

/**
 * proto3 JSON (field names in lowerCamelCase or as in proto/; 64-bit integers as strings or numbers; bytes in base64,
 * both alphabets; enums by name or number; null is absent; unknown fields are ignored; of a name that comes twice the
 * last one counts). A 64-bit number past 2^53 must be a string. Depth is checked before cJSON sees the text: at most
 * PB_JSON_DEPTH_MAX, and PB_FIELDS_MAX values. NULL: malformed; *ret_error then says what and where, in the arena.
 */
#define PB_JSON_DEPTH_MAX 32
ProtobufCMessage *pb_from_json(
	const ProtobufCMessageDescriptor *d, struct hy_bytes json, struct hy_arena *arena, const char **ret_error);

/**
 * For a bytes field that holds another message: its descriptor, or NULL to print base64. `m` is the message that has
 * the field.
 */
typedef const ProtobufCMessageDescriptor *pb_inner_fn(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *field);
/**
 * Appends the message as proto3 JSON: lowerCamelCase names, zero values left out. `inner` may be NULL; what it names is
 * unpacked into the arena, and printed as base64 where that fails.
 */
void pb_to_json(const ProtobufCMessage *m, pb_inner_fn *inner, struct hy_arena *arena, struct hy_buf *out);

bool pb_utf8_valid(const uint8_t *s, size_t len);

#endif
