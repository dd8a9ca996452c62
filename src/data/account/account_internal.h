/**
 * account_internal.h - what the files of the Account service share.
 */
#ifndef DATA_ACCOUNT_INTERNAL_H
#define DATA_ACCOUNT_INTERNAL_H

#include "account.rpc.h"
#include "data/account/account.h"
#include "data/row.h"
#include "data/spaces.h"

struct account {
	struct kt *kt;
};

/* Handlers that stand in account_device.c; see proto/account.proto. */
int account_handle_put_ticket(void *self, struct call *call, const Hy__AccountPutTicketRequest *request,
	Hy__AccountPutTicketResponse *response);
int account_handle_drop_ticket(void *self, struct call *call, const Hy__AccountDropTicketRequest *request,
	Hy__AccountDropTicketResponse *response);
int account_handle_check_ticket(void *self, struct call *call, const Hy__AccountCheckTicketRequest *request,
	Hy__AccountCheckTicketResponse *response);
int account_handle_list_devices(void *self, struct call *call, const Hy__AccountListDevicesRequest *request,
	Hy__AccountListDevicesResponse *response);
int account_handle_put_position(void *self, struct call *call, const Hy__AccountPutPositionRequest *request,
	Hy__AccountPutPositionResponse *response);

/** The user's name; "" if the profile is damaged: one bad row keeps nobody out (R8). NOT_FOUND. SUSPENDS. */
int account_read_name(struct account *account, struct call *call, const struct hy_key *key, char **ret_name) HY_MUST_USE;

#endif
