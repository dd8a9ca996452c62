/**
 * mon_live.h - `hongyan mon` as it refreshes itself: in place on a terminal, one look after the other elsewhere.
 */
#ifndef MAIN_MON_LIVE_H
#define MAIN_MON_LIVE_H

#include "env/env.h"
#include "main/mon_screen.h"

struct mon_live {
	const char *data;
	uint64_t interval_ms;
	bool json;
	bool reads_keys; /* set by mon_live(): an actor of `env` does, for as long as the process lives */
};

/** [blocks] Until the person ends it, or nobody reads its output. The process's exit status. */
int mon_live(struct env *env, struct mon_live *live, const struct mon_filter *filter);

#endif
