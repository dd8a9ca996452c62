/* All users, with what a round over them needs to know. */
#include "data/account/account_internal.h"

#define LISTED_MAX 1000u

int account_handle_list_users(void *self, struct call *call, const Hy__AccountListUsersRequest *request,
	Hy__AccountListUsersResponse *response)
{
	struct account *account = self;
	struct hy_key after = {.len = 1, .bytes = {HY_KEY_USER}};
	size_t count, limit = request->limit == 0 ? LISTED_MAX : HY_MIN(request->limit, LISTED_MAX);
	struct kt_listed *listed;
	bool more;

	if (request->after.len > HY_KEY_MAX)
		return call_fail(call, HY_INVALID_ARGUMENT, "what comes after is no key");
	if (request->after.len > 0) {
		after.len = (uint8_t)request->after.len;
		memcpy(after.bytes, request->after.data, after.len);
	}
	int rc = kt_list_heads(account->kt, call, &after, limit, &listed, &count, &more);
	if (rc != HY_OK)
		return rc;
	Hy__AccountListedUser *users = hy_arena_alloc(call->arena, count * sizeof *users);
	response->users = hy_arena_alloc(call->arena, count * sizeof *response->users);
	if (!users || !response->users)
		return call_fail(call, HY_RESOURCE_EXHAUSTED, "the request takes too much memory");
	for (size_t i = 0; i < count && listed[i].key.bytes[0] == HY_KEY_USER; i++) {
		const struct kt_head *heads = listed[i].heads;
		Hy__AccountListedUser *u = &users[response->n_users];
		if (listed[i].key.len != 5 || heads[SPACES_ACCOUNT].rows == 0)
			continue;
		hy__account_listed_user__init(u);
		u->uin = hy_get_be32(listed[i].key.bytes + 1);
		u->inbox_rows = heads[SPACES_INBOX].rows;
		u->inbox_bytes = heads[SPACES_INBOX].bytes;
		u->intents = heads[SPACES_INTENT].rows;
		u->contacts = heads[SPACES_CONTACT].rows;
		u->tombstones = heads[SPACES_ACCOUNT].tombstones + heads[SPACES_CONTACT].tombstones;
		u->gone = heads[SPACES_CREDENTIAL].rows == 0;
		response->users[response->n_users++] = u;
	}
	response->more = more && count > 0 && listed[count - 1].key.bytes[0] == HY_KEY_USER;
	if (response->more)
		response->next = row_binary(hy_key_bytes(&listed[count - 1].key));
	return HY_OK;
}
