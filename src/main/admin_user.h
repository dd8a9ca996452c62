/**
 * admin_user.h - the Admin service's part that is about users. Each change leaves an audit line.
 *
 * Deleting is a chain of steps, each of which may be done again: the account is disabled (its tickets and links end)
 * and erased, its contacts are told that it is gone and wishes for nothing, then contacts, messages, and last the name
 * go. The name points to the account until all else is done, so that a deletion that was cut short is found by the same
 * name and goes on.
 *
 * All of it SUSPENDS.
 */
#ifndef MAIN_ADMIN_USER_H
#define MAIN_ADMIN_USER_H

#include "admin.rpc.h"
#include "svrkit/svr.h"

/* Handlers of the Admin service; `self` is a struct admin. */
int admin_user_list(
	void *self, struct call *call, const Hy__AdminListUsersRequest *request, Hy__AdminListUsersResponse *response);
int admin_user_show(
	void *self, struct call *call, const Hy__AdminShowUserRequest *request, Hy__AdminShowUserResponse *response);
int admin_user_create(void *self, struct call *call, const Hy__AdminCreateUserRequest *request,
	Hy__AdminCreateUserResponse *response);
int admin_user_reset_password(void *self, struct call *call, const Hy__AdminResetPasswordRequest *request,
	Hy__AdminResetPasswordResponse *response);
int admin_user_disable(void *self, struct call *call, const Hy__AdminDisableUserRequest *request,
	Hy__AdminDisableUserResponse *response);
int admin_user_delete(void *self, struct call *call, const Hy__AdminDeleteUserRequest *request,
	Hy__AdminDeleteUserResponse *response);
int admin_user_invite(
	void *self, struct call *call, const Hy__AdminInviteRequest *request, Hy__AdminInviteResponse *response);

/* between admin_user.c and admin_erase.c */
int admin_user_put_disabled(struct call *call, uint32_t uin, bool disabled);
int admin_user_erase(struct call *call, const char *name, bool free_name, uint32_t *ret_uin);

#endif
