/**
 * sim_test.h - for the tests of this folder: failures on fibers and loops are noted, and asserted when the run is
 * over.
 */
#ifndef ENV_SIM_TEST_H
#define ENV_SIM_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "env/sim/sim.h"

struct noted {
	unsigned failures;
};

#define NOTE(noted, condition)                                                                      \
	do {                                                                                        \
		if (!(condition)) {                                                                 \
			(noted)->failures++;                                                        \
			fprintf(stderr, "# %s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
		}                                                                                   \
	} while (0)

static inline uint8_t pattern(uint64_t at)
{
	return (uint8_t)((at * 0x9e3779b97f4a7c15u) >> 56);
}

#endif
