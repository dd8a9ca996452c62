/**
 * kt_sim_test_maps.h - for the simulation of a store that dies again and again: what is known of one map, and what it
 * must answer. One writer at a time, which may not learn what became of a change; any number of readers.
 */
#ifndef KT_SIM_TEST_MAPS_H
#define KT_SIM_TEST_MAPS_H

#include "kt/conf.h"

struct sim;

#define SIM_MAP_NAMES 6
#define SIM_MAP_CHANGES 4000

struct sim_map {
	struct sim *sim;
	struct hy_key key;
	uint8_t space;
	bool followed;
	/* change n, from 1 on, put the value n under a name, or deleted the name */
	struct {
		uint8_t name;
		bool deletes;
		uint64_t version; /* 0: not known */
	} changes[SIM_MAP_CHANGES + 1];
	uint32_t count;
	/* a change of this name that was answered or seen; later ones may have been made */
	uint32_t known[SIM_MAP_NAMES];
	uint64_t version; /* answered or seen */
	uint64_t trim_asked, trim_answered;
	uint64_t reads;
	char *failure; /* of the run, of 300 bytes; empty: none */
};

void sim_map_change(struct sim_map *m, struct conf *c, struct call *call);
/** `all`: everything, and no refusal is taken. */
void sim_map_read(struct sim_map *m, struct conf *c, struct call *call, bool all);

#endif
