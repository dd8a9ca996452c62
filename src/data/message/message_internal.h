/**
 * message_internal.h - what the files of the Message service share.
 */
#ifndef DATA_MESSAGE_INTERNAL_H
#define DATA_MESSAGE_INTERNAL_H

#include "base/list.h"
#include "base/map.h"
#include "data/message/message.h"
#include "data/row.h"
#include "data/spaces.h"
#include "message.rpc.h"

/** Users whose inboxes were erased lately: requests that were in work by then must not bring them back. */
struct message_gone {
	struct hy_map map;
	struct hy_link oldest;
};

struct message {
	struct kt *kt;
	struct message_config config;
	uint64_t seed;
	unsigned loop_count;
	struct hy_map overdue[SVR_LOOPS_MAX]; /* message_age.c */
	struct message_gone gone[SVR_LOOPS_MAX];
};

/** See proto/message.proto; in message_append.c. */
int message_handle_append(
	void *self, struct call *call, const Hy__MessageAppendRequest *request, Hy__MessageAppendResponse *response);

/* In message_age.c; the handlers: see proto/message.proto. */
int message_handle_set_overdue(void *self, struct call *call, const Hy__MessageSetOverdueRequest *request,
	Hy__MessageSetOverdueResponse *response);
bool message_is_overdue(struct message *message, const struct call *call, uint32_t uin);
/** The user's entries are being fetched: no longer overdue. */
void message_fetched(struct message *message, const struct call *call, uint32_t uin);
/** When the first entry above `after` was stored; 0: there is none, or it cannot be read. SUSPENDS. */
int message_oldest(struct message *message, struct call *call, const struct hy_key *key, const struct kt_head *head,
	uint64_t after, uint64_t *ret_ms) HY_MUST_USE;
void message_age_fini(struct message *message);

/* In message_gone.c. */
int message_handle_erase(
	void *self, struct call *call, const Hy__MessageEraseRequest *request, Hy__MessageEraseResponse *response);
/** No row tells: that the account is gone is nothing that every append should have to look up. */
bool message_is_gone(struct message *message, const struct call *call, uint32_t uin);
void message_gone_init(struct message *message);
void message_gone_fini(struct message *message);

/** Seven eighths of a bound. */
bool message_nearly_full(const struct message *message, const struct kt_head *head);

#endif
