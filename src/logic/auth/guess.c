#include "logic/auth/guess.h"

#include "logic/limit_calls.h"

#define OF_DEVICE HY__LIMIT_ACTION__LIMIT_SIGN_IN_FAILED_DEVICE
#define OF_NAME HY__LIMIT_ACTION__LIMIT_SIGN_IN_FAILED_NAME
#define OF_NAME_AND_ADDRESS HY__LIMIT_ACTION__LIMIT_SIGN_IN_FAILED_NAME_ADDRESS

static int stranger_begins(struct call *call, const struct guess *g)
{
	int rc = limit_address(call, HY__LIMIT_ACTION__LIMIT_SIGN_IN_ADDRESS);

	if (rc == HY_OK && call->address)
		rc = limit_name(call, OF_NAME_AND_ADDRESS, g->name, call->address);
	if (rc != HY_OK)
		return rc;
	rc = limit_name(call, OF_NAME, g->name, NULL);
	if (rc != HY_OK && call->address)
		limit_name_give_back(call, OF_NAME_AND_ADDRESS, g->name, call->address);
	return rc;
}

int guess_begins(struct call *call, const struct guess *g)
{
	return g->known ? limit_name(call, OF_DEVICE, g->name, g->device) : stranger_begins(call, g);
}

void guess_was_none(struct call *call, const struct guess *g)
{
	if (g->known) {
		limit_name_give_back(call, OF_DEVICE, g->name, g->device);
		return;
	}
	if (call->address)
		limit_name_give_back(call, OF_NAME_AND_ADDRESS, g->name, call->address);
	limit_name_give_back(call, OF_NAME, g->name, NULL);
}
