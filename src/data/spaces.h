/**
 * spaces.h - the tables that data at rest is kept in, and how their rows are named. These bytes are on disk for ever.
 *
 *	space       shape   key    rows
 *	account     MAP     user   "p": ProfileRow; "s": SettingsRow; "d/" + device: DeviceRow. Synced to devices
 *	inbox       LOG     user   InboxRow
 *	sent        WINDOW  user   one for each message taken and each change made, so that a repeat is recognised: its
 *	                           content's hash
 *	credential  MAP     user   "p": CredentialRow; "g": GoneTicketsRow; "t/" + device: TicketRow
 *	position    MAP     user   "d/" + device: PositionRow. What the device has brought (rule R4)
 *	name        MAP     name   "p": NameRow; of a key "+" and a code: "i": InvitationRow
 *	contact     MAP     user   "c/" + peer's UIN, big-endian: ContactRow. Synced to devices
 *	intent      MAP     user   "c/" + peer's UIN: IntentRow: half, or (UIN 0) card, is to be told (rule R9)
 *	                           "e": IntentRow: the account is gone, and its deletion goes on
 */
#ifndef DATA_SPACES_H
#define DATA_SPACES_H

#include "kt/kt.h"

enum spaces_id {
	SPACES_ACCOUNT = 1,
	SPACES_INBOX = 2,
	SPACES_SENT = 3,
	SPACES_CREDENTIAL = 4,
	SPACES_POSITION = 5,
	SPACES_NAME = 6,
	SPACES_CONTACT = 7,
	SPACES_INTENT = 8,
};

/** For kt_config; ended by id 0. */
extern const struct kt_space spaces_table[];

#define SPACES_OWNER "p"      /* the row of the key as such, in account, credential and name */
#define SPACES_GONE "g"       /* in credential: tickets that are no longer valid */
#define SPACES_SETTINGS "s"   /* in account */
#define SPACES_INVITATION "i" /* in name */
#define SPACES_ERASURE "e"    /* in intent; behind those about peers */

/** A row about another user: "c/" and the UIN. */
#define SPACES_PEER_NAME_SIZE 6u
void spaces_peer_name(uint8_t out[SPACES_PEER_NAME_SIZE], uint32_t peer);
/** False: another row. */
bool spaces_peer_of(struct hy_bytes name, uint32_t *ret_peer) HY_MUST_USE;

enum spaces_device_kind { SPACES_DEVICE = 'd', SPACES_TICKET = 't' };

#define SPACES_DEVICE_MAX 32u
/** A row of a device: kind, '/', device. */
struct spaces_device_name {
	size_t len;
	uint8_t bytes[2 + SPACES_DEVICE_MAX];
};
/** False: the device's name is empty or longer than SPACES_DEVICE_MAX. */
bool spaces_device_name(
	enum spaces_device_kind kind, const char *device, struct spaces_device_name *ret_name) HY_MUST_USE;
static inline struct hy_bytes spaces_device_bytes(const struct spaces_device_name *n)
{
	return hy_bytes(n->bytes, n->len);
}
/** Just the prefix: with kt_read_range, what all names of this kind come after. */
static inline struct hy_bytes spaces_device_prefix(enum spaces_device_kind kind)
{
	return kind == SPACES_DEVICE ? hy_bytes("d/", 2) : hy_bytes("t/", 2);
}
/** The device in a row's name, copied with a NUL into `device` (at least SPACES_DEVICE_MAX + 1 bytes). False: another
 * row. */
bool spaces_device_of(enum spaces_device_kind kind, struct hy_bytes name, char *device) HY_MUST_USE;

/** Whether a message came in or is the user's own copy of what went out: both may have the same client ID. */
enum spaces_role {
	SPACES_INCOMING = 0,
	SPACES_OWN = 1,
	SPACES_CONTACT_CHANGE = 2, /* the peer: whom it is about */
	SPACES_ACCOUNT_CHANGE = 3, /* the peer: 0 */
};

#define SPACES_CLIENT_ID_SIZE 16u
#define SPACES_HASH_SIZE 16u
/** made_ms (8 bytes, big-endian), the other party (4), role (1), client ID. */
#define SPACES_SENT_NAME_SIZE (8u + 4u + 1u + SPACES_CLIENT_ID_SIZE)
void spaces_sent_name(uint8_t out[SPACES_SENT_NAME_SIZE], uint64_t made_ms, uint32_t peer, enum spaces_role role,
	const uint8_t client_id[SPACES_CLIENT_ID_SIZE]);

/** What an InboxRow says; `body` points into the row. */
struct spaces_inbox {
	uint32_t type;
	struct hy_bytes body;
	bool own;
	uint64_t time_ms;
};
/**
 * Reads an InboxRow without unpacking it: handing out messages is what a server does most. Unknown fields are skipped.
 * False: malformed, also when the body is of a type that is known here and is no message of that type.
 */
bool spaces_inbox_read(struct hy_bytes value, struct spaces_inbox *ret_inbox) HY_MUST_USE;
/** Writes one, as protobuf would, into memory with room for SPACES_INBOX_MORE bytes beside the body; returns its
 * length. */
#define SPACES_INBOX_MORE 34u
size_t spaces_inbox_write(uint8_t *out, const struct spaces_inbox *inbox);

/** What decides of a ContactHalf. All 0: there is none. */
struct spaces_half {
	uint64_t generation, lapsed;
	bool wishes;
};
/** What decides of a ContactRow. */
struct spaces_contact {
	struct spaces_half mine, theirs;
	bool blocked;
};
/** Reads it without unpacking the row: every message asks. False: malformed. */
bool spaces_contact_read(struct hy_bytes value, struct spaces_contact *ret_contact) HY_MUST_USE;
/** Whether `half` counts: its owner wishes, and the other one did not let it lapse. */
static inline bool spaces_half_is_live(const struct spaces_half *half, const struct spaces_half *other)
{
	return half->wishes && half->generation > other->lapsed;
}
/** An enum Relation of contacts.proto. */
uint32_t spaces_relation(const struct spaces_half *mine, const struct spaces_half *theirs);

/** A SettingsRow. False: malformed. */
bool spaces_settings_read(struct hy_bytes value, uint32_t *ret_may_write, uint32_t *ret_may_ask) HY_MUST_USE;

#endif
