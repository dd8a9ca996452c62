/**
 * hongyan_loop.h - a client on a loop that is there already: for programs of this tree, and for the simulation.
 *
 * As hongyan.h says, but: all calls come from the loop's thread and take effect at once; callbacks come there too, and
 * on_state() may come from inside a call. The loop's owner runs it: hongyan_start_thread(), hongyan_fd() and
 * hongyan_turn() are not for such a client.
 */
#ifndef HONGYAN_LOOP_H
#define HONGYAN_LOOP_H

#include "hongyan.h"

struct env_loop;

/** config.server holds addresses, as env_addr_parse() takes them, and no names: else INVALID_ARGUMENT. */
int hongyan_create_on_loop(struct env_loop *loop, const struct hongyan_config *config, struct hongyan **ret_client);

#endif
