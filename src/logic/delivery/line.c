#include "logic/delivery/line.h"

#include "base/mem.h"

#define WAITING_MAX 1024u

static uint64_t hash_uin(const struct lines *lines, uint32_t uin)
{
	return hy_hash(&uin, sizeof uin, lines->seed);
}

void lines_init(struct lines *lines, uint64_t seed)
{
	hy_map_init(&lines->map);
	lines->seed = seed;
	lines->number = 0;
}

void lines_fini(struct lines *lines)
{
	assert(lines->map.count == 0);
	hy_map_fini(&lines->map);
}

static struct line *find(const struct lines *lines, uint32_t uin)
{
	for (struct hy_map_node *n = hy_map_first(&lines->map, hash_uin(lines, uin)); n; n = hy_map_next(n)) {
		struct line *line = hy_container_of(n, struct line, node);
		if (line->uin == uin)
			return line;
	}
	return NULL;
}

void line_come(struct lines *lines, struct line_place *place)
{
	hy_link_init(&place->link);
	place->line = NULL;
	place->number = ++lines->number;
}

bool line_is_there(const struct lines *lines, uint32_t uin)
{
	return lines->map.count > 0 && find(lines, uin);
}

static struct line *begin(struct lines *lines, uint32_t uin)
{
	struct line *line = hy_zalloc(sizeof *line);

	line->lines = lines;
	line->uin = uin;
	hy_link_init(&line->waiting);
	hy_map_insert(&lines->map, &line->node, hash_uin(lines, uin));
	return line;
}

/** Most come last. */
static void insert(struct line *line, struct line_place *place)
{
	struct hy_link *at = &line->waiting;

	while (at->prev != &line->waiting && hy_container_of(at->prev, struct line_place, link)->number > place->number)
		at = at->prev;
	hy_list_insert_before(at, &place->link);
	line->count++;
}

static void pass_on(struct line *line)
{
	struct line_place *next = hy_list_first(&line->waiting, struct line_place, link);

	if (!next) {
		hy_map_remove(&line->lines->map, &line->node);
		hy_free(line);
		return;
	}
	hy_list_remove(&next->link);
	line->count--;
	next->line = line;
	co_wake(&next->wait, HY_OK);
}

int line_join(struct lines *lines, struct call *call, uint32_t uin, struct line_place *place)
{
	struct line *line = find(lines, uin);

	if (!line) {
		place->line = begin(lines, uin);
		return HY_OK;
	}
	if (line->count >= WAITING_MAX)
		return call_fail_retry(call, HY_RESOURCE_EXHAUSTED, 1000, "too many messages wait for room");
	co_wait_init(&place->wait, call->loop);
	insert(line, place);
	int rc = co_wait(&place->wait, call->deadline_us);
	if (rc == HY_OK)
		return HY_OK;
	if (place->line) { /* it got the turn and lost its patience at once */
		line_leave(place);
	} else {
		hy_list_remove(&place->link);
		line->count--;
	}
	return rc;
}

void line_leave(struct line_place *place)
{
	struct line *line = place->line;

	place->line = NULL;
	pass_on(line);
}
