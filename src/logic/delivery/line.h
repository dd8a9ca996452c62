/**
 * line.h - who waits until there is room in an inbox (rule R7).
 *
 * A message that finds its recipient's inbox full is tried again when room was made. Meanwhile whoever comes later must
 * not pass it: there is a line for that recipient, and they join it. The first in a line has the turn; the others wait,
 * in the order of their numbers, which is the order in which they came to this loop.
 *
 * Threads: one table per loop, its loop's alone. A line has a request in work for each who stands in it, so there are
 * never more of them than of those.
 */
#ifndef LOGIC_DELIVERY_LINE_H
#define LOGIC_DELIVERY_LINE_H

#include "base/map.h"
#include "svrkit/svr.h"

struct lines {
	struct hy_map map; /* of struct line */
	uint64_t seed, number;
};

struct line {
	struct hy_map_node node;
	struct lines *lines;
	struct hy_link waiting; /* of struct line_place, lowest number first */
	uint32_t uin;
	unsigned count;   /* of those who wait */
	uint64_t version; /* of the inbox, when one who had the turn got in and nobody else had come in between */
	uint64_t got_in;  /* the highest number of those */
};

/** On the stack of whoever comes. */
struct line_place {
	struct hy_link link;
	struct co_wait wait;
	struct line *line; /* not NULL: it has the turn */
	uint64_t number;
};

void lines_init(struct lines *lines, uint64_t seed);
/** When nobody is at work any more. */
void lines_fini(struct lines *lines);

/** Takes a number. */
void line_come(struct lines *lines, struct line_place *place);
bool line_is_there(const struct lines *lines, uint32_t uin);
/**
 * Joins the line, made if need be. OK: it has the turn, and calls line_leave() whatever happens. RESOURCE_EXHAUSTED:
 * too many wait. SUSPENDS unless there was no line.
 */
int line_join(struct lines *lines, struct call *call, uint32_t uin, struct line_place *place) HY_MUST_USE;
/** The next one has the turn and goes on when this coroutine waits; or the line ends. */
void line_leave(struct line_place *place);

#endif
