#include "marks.h"

#include <inttypes.h>
#include <stdio.h>

/* A sweep that never came by these has not tested what stands there. */
static const char *const expected[] = {
	"access: input ends inside a request",
	"access: link moved",
	"contacts: a repeat changed nothing",
	"contacts: an older half was dropped",
	"contacts: both changed at once",
	"contacts: intent driven again",
	"kt: cold load",
	"kt: death between batch and moved position",
	"kt: eviction",
	"kt: eviction during a read or write",
	"kt: flushed",
	"kt: gate held",
	"kt: moved",
	"kt: recovered after a death",
	"kt: retry meets a pending row",
	"log: failed",
	"log: last batch copied",
	"log: nearly full",
	"log: segment recycled",
	"log: torn tail cut",
	"message: own copies go at the bound",
	"session: tombstones were forgotten",
	"session: what one device has goes at the bound",
	"sim: a change of long ago was repeated",
	"sim: a foreign snapshot was refused",
	"sim: a text of whom one blocks was not let in",
	"sim: a sync of several pages",
	"sim: administration saw rows",
	"sim: one text over two links",
	"sim: signed out",
	"svrkit: hop",
	"sweep: contacts were told",
};

void marks_add(void *arg, const char *name, uint64_t count)
{
	struct marks *m = arg;
	unsigned i = 0;
	while (i < m->count && strcmp(m->seen[i].name, name) != 0)
		i++;
	if (i == m->count) {
		assert(m->count < MARKS_MAX);
		m->seen[m->count++].name = name;
	}
	m->seen[i].count += count;
	m->seen[i].seeds++;
}

static uint64_t count_of(const struct marks *m, const char *name)
{
	for (unsigned i = 0; i < m->count; i++)
		if (strcmp(m->seen[i].name, name) == 0)
			return m->seen[i].count;
	return 0;
}

void marks_print(const struct marks *m)
{
	printf("%12s %8s  mark\n", "times", "seeds");
	for (unsigned i = 0; i < m->count; i++)
		printf("%12" PRIu64 " %8" PRIu64 "  %s\n", m->seen[i].count, m->seen[i].seeds, m->seen[i].name);
	for (size_t i = 0; i < HY_COUNT_OF(expected); i++)
		if (count_of(m, expected[i]) == 0)
			printf("%12u %8u  %s (expected)\n", 0, 0, expected[i]);
}

bool marks_complete(const struct marks *m)
{
	bool complete = true;
	for (size_t i = 0; i < HY_COUNT_OF(expected); i++)
		if (count_of(m, expected[i]) == 0) {
			printf("never seen: %s\n", expected[i]);
			complete = false;
		}
	return complete;
}
