/**
 * message_internal.h - what the files of the Message service share.
 */
#ifndef DATA_MESSAGE_INTERNAL_H
#define DATA_MESSAGE_INTERNAL_H

#include "data/message/message.h"
#include "data/row.h"
#include "data/spaces.h"
#include "message.rpc.h"

struct message {
	struct kt *kt;
	struct message_config config;
};

/** See proto/message.proto; in message_append.c. */
int message_handle_append(
	void *self, struct call *call, const Hy__MessageAppendRequest *request, Hy__MessageAppendResponse *response);

/** Seven eighths of a bound. */
bool message_nearly_full(const struct message *message, const struct kt_head *head);

#endif
