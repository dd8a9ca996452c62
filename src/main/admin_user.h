/**
 * admin_user.h - the Admin service's part that is about users. Each change leaves an audit line, and is made to its end
 * whether or not the operator waits for it (admin_task.h). Deleting: logic/deletion/deletion.h.
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

#endif
