/* entry_json.c - see entry_json.h. */
#include "access/entry_json.h"

#include <string.h>

#include "sync.pb-c.h"

const ProtobufCMessageDescriptor *entry_json_inner(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *field)
{
	if (m->descriptor != &hy__sync_entry__descriptor || strcmp(field->name, "body") != 0)
		return NULL;
	switch (((const Hy__SyncEntry *)m)->type) {
	case HY__SYNC_TYPE__SYNC_TYPE_PROFILE:
		return &hy__profile__descriptor;
	case HY__SYNC_TYPE__SYNC_TYPE_DEVICE:
		return &hy__device__descriptor;
	case HY__SYNC_TYPE__SYNC_TYPE_SETTINGS:
		return &hy__settings__descriptor;
	case HY__SYNC_TYPE__SYNC_TYPE_CONTACT:
		return &hy__contact_entry__descriptor;
	case HY__SYNC_TYPE__SYNC_TYPE_TEXT:
		return &hy__text_message__descriptor;
	default:
		return NULL;
	}
}
