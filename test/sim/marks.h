/**
 * marks.h - rare paths that were taken (env_mark), summed over a sweep, and those that a sweep must have seen.
 */
#ifndef SIM_MARKS_H
#define SIM_MARKS_H

#include "base/base.h"

#define MARKS_MAX 128u

struct marks {
	struct {
		const char *name;
		uint64_t count, seeds; /* how often, in how many seeds */
	} seen[MARKS_MAX];
	unsigned count;
};

/** For sim_marks_each(). `arg`: the struct marks. */
void marks_add(void *arg, const char *name, uint64_t count);
void marks_print(const struct marks *m);
/** False when an expected mark was never seen: says which. */
bool marks_complete(const struct marks *m);

#endif
