/**
 * auth_internal.h - what the files of the Auth service share.
 */
#ifndef LOGIC_AUTH_INTERNAL_H
#define LOGIC_AUTH_INTERNAL_H

#include "account.rpc.h"
#include "auth.rpc.h"
#include "logic/auth/auth.h"
#include "logic/auth/password.h"

#define AUTH_CLIENT_ID_SIZE 16u

struct auth {
	struct svr *svr;
	struct auth_config config;
	struct password_cost cost;
	struct svr_pool *pool;
	char nobody[PASSWORD_HASH_MAX];
};

/** Of registration and sign-in. */
struct candidate {
	const Hy__RequestHead *head;
	const char *name, *password, *device_name;
};

/** Whose password was right, and when: what makes it wrong ends the generation. */
struct authenticated {
	uint32_t uin;
	uint64_t generation;
};

/* auth.c */
void auth_count(struct call *call, enum mon_id id);
int auth_check_name(struct call *call, const char *name) HY_MUST_USE;
/** Itself, or words in its place if it is no name: people type passwords into the wrong field. */
const char *auth_name_for_log(const char *name);
int auth_check_new_password(struct call *call, const char *password) HY_MUST_USE;
int auth_check_candidate(struct call *call, const struct candidate *c) HY_MUST_USE;
/** That there is a user, and that the head names the device of the ticket, if any. */
int auth_check_signed_in(struct call *call, const Hy__RequestHead *head) HY_MUST_USE;
/** The user's devices may sync: who is signed in has changed. SUSPENDS. */
void auth_hint(struct call *call, uint32_t uin);
/**
 * A call with time of its own: whoever waits may lose patience, but what was begun (a ticket's end, then its links')
 * goes on. auth_own_ended() gives the caller what it says.
 */
struct call auth_own_call(const struct call *call);
void auth_own_ended(struct call *call, const struct call *own);
/** The user's credential. NOT_FOUND: there is none, or the account is gone. SUSPENDS. */
int auth_credential(struct call *call, uint32_t uin, Hy__AccountGetCredentialResponse *ret_credential) HY_MUST_USE;

/* auth_sign_in.c */
int auth_handle_sign_in(void *self, struct call *call, const Hy__SignInRequest *request, Hy__SignInResponse *response);
/**
 * UNAUTHENTICATED: another password, or (after the same work) there is no such user, or uin is 0. PERMISSION_DENIED:
 * the right one, of an account that is disabled. RESOURCE_EXHAUSTED before it was looked at: there were too many wrong
 * ones. SUSPENDS.
 */
int auth_check_password(struct auth *auth, struct call *call, const struct candidate *c, uint32_t uin,
	struct authenticated *ret_who) HY_MUST_USE;
/** Gives the device a ticket; what held its earlier one ends. ABORTED: the password is to be looked at again. SUSPENDS.
 */
int auth_sign_device_in(struct auth *auth, struct call *call, const struct candidate *c,
	const struct authenticated *who, ProtobufCBinaryData *ret_ticket) HY_MUST_USE;
/** How often a password is looked at for one sign-in; then auth_too_often(). */
#define AUTH_TRIES 4u
int auth_too_often(struct call *call);

/* auth_register.c */
int auth_handle_register(
	void *self, struct call *call, const Hy__RegisterRequest *request, Hy__RegisterResponse *response);

/** ALREADY_EXISTS: somebody has the name, or nobody gets it. SUSPENDS. */
int auth_check_name_free(struct call *call, const struct candidate *c) HY_MUST_USE;
/** A new account, or one that an earlier attempt began; `c` needs name, password and a head with a client ID. SUSPENDS.
 */
int auth_register_new(
	struct auth *auth, struct call *call, const struct candidate *c, struct authenticated *ret_who) HY_MUST_USE;

/* Invitations: 16 of 34 letters, more than 80 bits. */
#define AUTH_CODE_LENGTH 16u
#define AUTH_CODE_LETTERS "abcdefghijklmnopqrstuvwxyz23456789"

/* auth_operator.c */
int auth_handle_create_account(void *self, struct call *call, const Hy__AuthCreateAccountRequest *request,
	Hy__AuthCreateAccountResponse *response);
int auth_handle_reset_password(void *self, struct call *call, const Hy__AuthResetPasswordRequest *request,
	Hy__AuthResetPasswordResponse *response);
int auth_handle_invite(
	void *self, struct call *call, const Hy__AuthInviteRequest *request, Hy__AuthInviteResponse *response);

/* auth_devices.c */
int auth_handle_sign_out(
	void *self, struct call *call, const Hy__SignOutRequest *request, Hy__SignOutResponse *response);
int auth_handle_change_password(
	void *self, struct call *call, const Hy__ChangePasswordRequest *request, Hy__ChangePasswordResponse *response);
int auth_handle_list_devices(
	void *self, struct call *call, const Hy__ListDevicesRequest *request, Hy__ListDevicesResponse *response);
int auth_handle_sign_out_device(
	void *self, struct call *call, const Hy__SignOutDeviceRequest *request, Hy__SignOutDeviceResponse *response);
/** Writes the hash of a new password, ends all tickets but one device's (empty: none) and closes the links.
 * ABORTED: the password is not `expected_hash` (not empty) any more. SUSPENDS. */
int auth_put_password(struct auth *auth, struct call *call, uint32_t uin, const char *password,
	const char *expected_hash, const char *keep_device) HY_MUST_USE;
/** If it was hashed at another cost than new ones are: hashes it anew, and no ticket ends. `password` is the right one.
 * That it cannot be done now is no harm. SUSPENDS. */
void auth_renew_password(struct auth *auth, struct call *call, uint32_t uin, const char *password, const char *hash);

#endif
