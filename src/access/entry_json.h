/**
 * entry_json.h - inside access: what a sync entry's body is, so that JSON shows it as an object and not as base64.
 */
#ifndef ACCESS_ENTRY_JSON_H
#define ACCESS_ENTRY_JSON_H

#include <protobuf-c/protobuf-c.h>

/** A pb_inner_fn: the message in SyncEntry.body by the entry's type; NULL for all else and for types not known. */
const ProtobufCMessageDescriptor *entry_json_inner(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *field);

#endif
