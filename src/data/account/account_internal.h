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

/** A change that others were faster than is read and made again so often. */
#define ACCOUNT_CHANGES_TRIED 20u

#define ACCOUNT_HANDLER(name, Type)                                                                         \
	int account_handle_##name(void *self, struct call *call, const Hy__Account##Type##Request *request, \
		Hy__Account##Type##Response *response)

/* Handlers, by the file that has them; see proto/account.proto. */
/* account_ticket.c */
ACCOUNT_HANDLER(put_ticket, PutTicket);
ACCOUNT_HANDLER(drop_ticket, DropTicket);
ACCOUNT_HANDLER(check_ticket, CheckTicket);
/* account_device.c */
ACCOUNT_HANDLER(list_devices, ListDevices);
ACCOUNT_HANDLER(put_position, PutPosition);
/* account_profile.c */
ACCOUNT_HANDLER(get_card, GetCard);
ACCOUNT_HANDLER(put_profile, PutProfile);
ACCOUNT_HANDLER(put_settings, PutSettings);
/* account_credential.c */
ACCOUNT_HANDLER(get_credential, GetCredential);
ACCOUNT_HANDLER(put_password, PutPassword);
ACCOUNT_HANDLER(put_disabled, PutDisabled);
ACCOUNT_HANDLER(drop_tickets, DropTickets);
/* account_erase.c */
ACCOUNT_HANDLER(erase, Erase);
ACCOUNT_HANDLER(forget, Forget);
ACCOUNT_HANDLER(get_erasure, GetErasure);
ACCOUNT_HANDLER(erased, Erased);
/* account_registration.c */
ACCOUNT_HANDLER(drop_user, DropUser);
/* account_list.c */
ACCOUNT_HANDLER(list_users, ListUsers);
/* account_name.c */
ACCOUNT_HANDLER(resolve_name, ResolveName);
ACCOUNT_HANDLER(claim_name, ClaimName);
ACCOUNT_HANDLER(release_name, ReleaseName);
ACCOUNT_HANDLER(put_invitation, PutInvitation);
ACCOUNT_HANDLER(use_invitation, UseInvitation);

/* ---- registrations (account_registration.c) --------------------------------------------------------------------- */

#define ACCOUNT_REGISTRATION_SIZE 16u

/** A registration, without what a ticket could be made of. */
struct account_registration {
	uint8_t hash[ACCOUNT_REGISTRATION_SIZE];
};

struct account_registration account_registration_of(const char *name, ProtobufCBinaryData client_id);
static inline ProtobufCBinaryData account_registration_binary(struct account_registration *r)
{
	return (ProtobufCBinaryData){sizeof r->hash, r->hash};
}
/** Whether a row's fields say that this one has made it; a row of earlier servers has the client ID in clear. */
bool account_is_registration(ProtobufCBinaryData stored, ProtobufCBinaryData stored_client_id, const char *name,
	ProtobufCBinaryData client_id);

/* ---- profiles -------------------------------------------------------------------------------------------------- */

/** What others see of it: the stored card or, of an account that never changed it, one made of name and UIN. Points
 * into `profile`. */
void account_card_of(const Hy__ProfileRow *profile, uint32_t uin, Hy__AccountCard *ret_card);
/** Gives a new account's row its card, kept in `ret_card`: the name for a nickname, a colour that goes by the UIN. */
void account_first_card(Hy__ProfileRow *profile, uint32_t uin, Hy__AccountCard *ret_card);
static inline bool account_profile_is_gone(const Hy__ProfileRow *profile)
{
	return profile->card && profile->card->gone;
}
/** The version of the card that comes after this one. */
uint64_t account_card_version(const struct call *call, const Hy__AccountCard *earlier);
/** With the row's version. NOT_FOUND; DATA_LOSS. SUSPENDS. */
int account_read_profile(struct account *account, struct call *call, const struct hy_key *key,
	Hy__ProfileRow **ret_profile, uint64_t *ret_version) HY_MUST_USE;
/** The user's name; "" if the profile is damaged: one bad row keeps nobody out (R8). NOT_FOUND. SUSPENDS. */
int account_read_name(
	struct account *account, struct call *call, const struct hy_key *key, char **ret_name) HY_MUST_USE;

/* ---- who holds tickets ----------------------------------------------------------------------------------------- */

struct account_device {
	char name[SPACES_DEVICE_MAX + 1];
	Hy__TicketRow *ticket;
	uint64_t ticket_version;   /* of its row */
	Hy__PositionRow *position; /* NULL: nothing brought yet, or not asked for */
};

/** The credential table, as it was read at one moment. */
struct account_devices {
	Hy__CredentialRow *credential; /* NULL: no such user, or one that is gone; then nobody holds a ticket */
	Hy__GoneTicketsRow *gone;      /* of this generation, with room for more */
	struct account_device *list;   /* whose tickets are valid */
	size_t count;
	struct account_device *stale; /* whose tickets ended with all others, but whose rows are still there */
	size_t stale_count;
	uint64_t version; /* to be expected by a write that rests on it; 0: no such user */
};

/** DATA_LOSS: the credential is damaged; nobody's ticket is valid then. SUSPENDS. */
int account_read_tickets(struct account *account, struct call *call, const struct hy_key *key,
	struct account_devices *ret_devices) HY_MUST_USE;
/** The same with positions. SUSPENDS. */
int account_read_devices(struct account *account, struct call *call, const struct hy_key *key,
	struct account_devices *ret_devices) HY_MUST_USE;
struct account_device *account_find_device(const struct account_devices *devices, const char *name);
uint64_t account_device_seen_ms(const struct account_device *d);
bool account_ticket_matches(const Hy__TicketRow *ticket, ProtobufCBinaryData hash);
/** Forgets what is left of devices whose tickets have ended, but for those that have new ones meanwhile; does not wait
 * for the disk. SUSPENDS. */
void account_sweep(struct account *account, struct call *call, const struct hy_key *key,
	const struct account_device *stale, size_t count);
/** Too often ABORTED. */
int account_too_many_at_once(struct call *call);

/* In account_gone.c: tickets that were dropped or replaced. */

/** With room for more; none yet if `stored` is NULL or of another generation. NULL: over the arena's cap. */
Hy__GoneTicketsRow *account_gone_of(
	struct call *call, const Hy__GoneTicketsRow *stored, uint64_t generation) HY_MUST_USE;
bool account_is_gone(const Hy__GoneTicketsRow *gone, ProtobufCBinaryData ticket_hash);
/** `ticket_hash` is borrowed. False: there is no room; a new generation has to begin. */
bool account_add_gone(Hy__GoneTicketsRow *gone, ProtobufCBinaryData ticket_hash) HY_MUST_USE;

#endif
