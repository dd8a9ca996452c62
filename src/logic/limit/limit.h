/**
 * limit.h - the Limit service (proto/limit.proto): how often something may be done.
 *
 * A limit is a rate with a burst (base/config.h), for each user, name or address of its own; how it is kept:
 * limit_table.h. All of it is in memory, so a restart forgets; nothing is written for it. A refusal is
 * RESOURCE_EXHAUSTED with the time to come back, is counted, and is logged the first time and then once a minute for
 * each kind and loop, with how many there were.
 *
 * Sign-in. What stands against guessing must not become a way to keep somebody out. So whoever signs in from a *device
 * that holds a ticket* of the account is counted by (name, device) alone, and by nothing that others can use up. The
 * device is a word of the client's choice; sdk/c's is random, and it is shown to nobody but its own user: an attacker
 * does not know it. A client with a name that can be guessed ("phone") gives its user less: guesses under that name are
 * bounded likewise, but can use up what its own next sign-in would need (the ticket that it holds stays good).
 *	One address can guess 5 times, then once a minute, at one name (1,440 a day), and at all names together 30
 *	  times, then every two seconds. It keeps nobody out who comes from elsewhere, unless it holds the next limit
 *too. Many addresses can guess at one name 50 times, then every ten seconds (8,640 a day), however many they are. While
 *	  they do, a device that is new to the account has to win one of these places; it is told when the next one is
 *	  free. All devices that hold tickets go on, and sign in again, as ever; ten seconds after the end so does
 *everybody. In the victim's own network (one address for all behind a NAT) a guesser can use up the address's sign-ins,
 *its registrations, and the guesses at a name from there: a *new* device has to wait, or to come by another network.
 *	  Devices that hold tickets are not counted there.
 *	After a password change or an operator's reset that ended all tickets no device is known, and all are new.
 * An unknown name is counted as a known one is, and a refusal is the same sentence whichever limit it was. One thing is
 * left: who uses up a name's guesses, and then has some more under the name of a device, knows that there is such a
 * device. It takes a guess at both, and all who sign in anew at that name meanwhile wait; random names of devices, as
 * sdk/c's, are not guessed. A place is taken before
 * the password is looked at, and given back when it was right: a look before and a place taken afterwards would let
 * through as many guesses at once as passwords are hashed at once.
 *
 * Of this machine (call->address is NULL) there are no limits by address: a proxy's users would all be one.
 *
 * Threads: the loop of the key; TakeUser on the user's own loop never suspends. Made before svr_start, destroyed after
 * svr_stop.
 */
#ifndef LOGIC_LIMIT_H
#define LOGIC_LIMIT_H

#include "base/config.h"
#include "svrkit/svr.h"

#define LIMIT_ACTIONS 10u /* as many as enum LimitAction has */

struct limit_config {
	/** By enum LimitAction; interval_us 0: no limit. */
	struct hy_rate rates[LIMIT_ACTIONS];
	size_t entries_max; /* remembered at once, for each loop; 0: 262,144 (4 MiB, when there are so many) */
};

/* clang-format off */
/* action, preset, name ("send": rates.send in the file, --limit-send), what it is of */
#define LIMIT_MAP(X) \
	X(SEND, "50/s:500", "send", "messages of one user") \
	X(SEARCH, "1/s:60", "search", "searches of one user") \
	X(ASK, "30/h:30", "ask", "contact requests of one user") \
	X(CHANGE, "1/s:60", "change", "changes of one user: profile, settings, password, contacts") \
	X(REGISTER_ADDRESS, "1/m:10", "register", "registrations from one address") \
	X(SIGN_IN_ADDRESS, "1/2s:30", "sign-in", "sign-ins from one address, of devices new to the account") \
	X(SIGN_IN_FAILED_NAME_ADDRESS, "1/m:5", "guess-address", "wrong passwords for one name from one address") \
	X(SIGN_IN_FAILED_NAME, "1/10s:50", "guess-name", "wrong passwords for one name from all devices new to it") \
	X(SIGN_IN_FAILED_DEVICE, "1/m:10", "guess-device", "wrong passwords for one name from one device known to it")
/* clang-format on */

/** The presets. */
struct limit_config limit_config_default(void);

struct limit;

/** `config` is copied. */
int limit_create(struct svr *svr, const struct limit_config *config, struct limit **ret_limit) HY_MUST_USE;
/** NULL is fine. */
void limit_destroy(struct limit *limit);

#endif
