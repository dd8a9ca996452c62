/**
 * profile.h - the Profiles service (proto/profile.proto): what users tell about themselves, and their settings.
 *
 * A change of the profile is answered when it is durable; contacts are told behind that (rule R9), by Contacts.Settle
 * in a coroutine of its own: one at a time for each user.
 *
 * Threads: the user's loop. Made before svr_start, destroyed after svr_stop.
 */
#ifndef LOGIC_PROFILE_H
#define LOGIC_PROFILE_H

#include "svrkit/svr.h"

#define PROFILE_NICKNAME_MAX 64u
#define PROFILE_SIGNATURE_MAX 256u
#define PROFILE_REGION_MAX 64u

struct profile;

int profile_create(struct svr *svr, struct profile **ret_profile) HY_MUST_USE;
void profile_destroy(struct profile *profile);

#endif
