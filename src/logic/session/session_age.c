/* What time alone does to a user's data (rule R5), also when nobody touches it: the round over all users comes by here.
 */
#include "account.rpc.h"
#include "logic/session/session_internal.h"
#include "message.rpc.h"

/** Tombstones that wait for devices which do not come are kept up to here; those devices then get the reset flag. */
#define TOMBSTONES_MAX 1000u

/** Older than so many days: everything stored before this. */
static uint64_t days_before(uint64_t now_ms, unsigned days)
{
	uint64_t span = days * SESSION_DAY_MS;
	return now_ms > span ? now_ms - span : 1;
}

/** Whether the first entry that no device has brought (`any`: the last one that one has) is past the bound. SUSPENDS.
 */
static int note_overdue(struct call *call, uint32_t uin, uint64_t any, uint64_t bound_ms)
{
	Hy__MessageHeadRequest head_request = HY__MESSAGE_HEAD_REQUEST__INIT;
	Hy__MessageHeadResponse head = HY__MESSAGE_HEAD_RESPONSE__INIT;
	Hy__MessageSetOverdueRequest request = HY__MESSAGE_SET_OVERDUE_REQUEST__INIT;
	Hy__MessageSetOverdueResponse response = HY__MESSAGE_SET_OVERDUE_RESPONSE__INIT;

	head_request.uin = request.uin = uin;
	head_request.with_oldest = true;
	head_request.oldest_after = any;
	int rc = message_head(call, &head_request, &head);
	if (rc != HY_OK)
		return rc;
	request.overdue = head.oldest_ms != 0 && head.oldest_ms < bound_ms;
	return message_set_overdue(call, &request, &response);
}

/** SUSPENDS. */
static int age_messages(const struct session *session, struct call *call, uint32_t uin, uint64_t now_ms,
	const struct session_standing *all, uint64_t any)
{
	uint64_t bound_ms = days_before(now_ms, session->config.inbox_days);
	unsigned retain = session->config.retain_days;

	int rc = session_trim(call, uin, all->messages, retain > 0 ? days_before(now_ms, retain) : 0, true);
	if (rc == HY_OK && any > all->messages)
		rc = session_trim(call, uin, any, bound_ms, true);
	return rc == HY_OK ? note_overdue(call, uin, any, bound_ms) : rc;
}

/** SUSPENDS. */
static int forget(struct call *call, const Hy__SessionAgeRequest *aged, const struct session_standing *all)
{
	Hy__AccountForgetRequest request = HY__ACCOUNT_FORGET_REQUEST__INIT;
	Hy__AccountForgetResponse response = HY__ACCOUNT_FORGET_RESPONSE__INIT;
	bool too_many = aged->tombstones > TOMBSTONES_MAX;

	request.uin = aged->uin;
	request.account = too_many ? UINT64_MAX : all->account;
	request.contacts = too_many ? UINT64_MAX : all->contacts;
	int rc = account_forget(call, &request, &response);
	if (rc == HY_OK)
		env_mark(svr_env(svr_of_loop(call->loop)), "session: tombstones were forgotten");
	return rc;
}

int session_handle_age(
	void *self, struct call *call, const Hy__SessionAgeRequest *request, Hy__SessionAgeResponse *response)
{
	struct session *session = self;
	Hy__AccountListDevicesResponse devices = HY__ACCOUNT_LIST_DEVICES_RESPONSE__INIT;
	struct session_standing all;

	int rc = session_list_devices(call, request->uin, &devices);
	if (rc != HY_OK)
		return rc;
	/* before the next wait: what is brought meanwhile is for the next round */
	const struct session_user *user = session_table_find(session_table_of(session, call), request->uin);
	uint64_t now_ms = env_wall_ms(svr_env(svr_of_loop(call->loop)));
	(void)session_brought_by_all(user, &devices, now_ms, &all);
	rc = age_messages(session, call, request->uin, now_ms, &all, session_brought_by_any(user, &devices));
	if (rc == HY_OK && request->tombstones > 0)
		rc = forget(call, request, &all);
	return rc;
}
