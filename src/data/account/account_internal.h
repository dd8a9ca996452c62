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

/* In account_profile.c */
int account_handle_get_card(
	void *self, struct call *call, const Hy__AccountGetCardRequest *request, Hy__AccountGetCardResponse *response);
int account_handle_put_profile(void *self, struct call *call, const Hy__AccountPutProfileRequest *request,
	Hy__AccountPutProfileResponse *response);
int account_handle_put_settings(void *self, struct call *call, const Hy__AccountPutSettingsRequest *request,
	Hy__AccountPutSettingsResponse *response);
/** What others see of it: the stored card or, of an account that never changed it, one made of name and UIN. Points
 * into `profile`. */
void account_card_of(const Hy__ProfileRow *profile, uint32_t uin, Hy__AccountCard *ret_card);
static inline bool account_profile_is_gone(const Hy__ProfileRow *profile)
{
	return profile->card && profile->card->gone;
}
/** With the row's version. NOT_FOUND; DATA_LOSS. SUSPENDS. */
int account_read_profile(struct account *account, struct call *call, const struct hy_key *key,
	Hy__ProfileRow **ret_profile, uint64_t *ret_version) HY_MUST_USE;

/** The user's name; "" if the profile is damaged: one bad row keeps nobody out (R8). NOT_FOUND. SUSPENDS. */
int account_read_name(
	struct account *account, struct call *call, const struct hy_key *key, char **ret_name) HY_MUST_USE;

/* In account_gone.c: tickets that were dropped or replaced. */

/** With room for more; none yet if the row is missing or damaged. SUSPENDS. */
int account_read_gone(struct account *account, struct call *call, const struct hy_key *key,
	Hy__GoneTicketsRow **ret_gone) HY_MUST_USE;
bool account_is_gone(const Hy__GoneTicketsRow *gone, ProtobufCBinaryData ticket_hash);
/** The oldest makes room. `ticket_hash` is borrowed. */
void account_add_gone(Hy__GoneTicketsRow *gone, ProtobufCBinaryData ticket_hash);

#endif
