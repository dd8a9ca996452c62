/**
 * chat_state.h - what `hongyan chat` keeps of an account on this machine: device, ticket and the newest snapshot, in
 * one small file, $XDG_STATE_HOME/hongyan/NAME (or ~/.local/state/hongyan/NAME), mode 0600.
 */
#ifndef MAIN_CHAT_STATE_H
#define MAIN_CHAT_STATE_H

#include "base/buf.h"
#include "env/env.h"

struct chat_state {
	char path[512];
	char device[33];
	uint32_t uin; /* 0: not signed in */
	struct hy_buf ticket, snapshot;
};

/** Reads the file, or begins with a new device. All [block]. 0 or a negative errno value. */
int chat_state_load(struct env *env, const char *name, struct chat_state *s);
int chat_state_save(struct env *env, const struct chat_state *s);
void chat_state_fini(struct chat_state *s);

#endif
