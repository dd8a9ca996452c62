/**
 * doctor.h - the parts of `hongyan doctor`: what it knows, what it says. One line for each check.
 */
#ifndef MAIN_DOCTOR_H
#define MAIN_DOCTOR_H

#include "env/env.h"

struct doctor {
	struct env *env;
	const char *dir, *listen;
	bool there;    /* the data folder */
	bool running;  /* somebody holds it */
	bool answered; /* the numbers below are of its store */
	uint64_t server_wall_ms, asked_wall_ms, floor_ms, log_bytes, log_limit, memory_budget;
	bool failed; /* the store takes no writes */
	unsigned warnings, problems;
};

enum doctor_word { DOCTOR_OK, DOCTOR_WARNING, DOCTOR_PROBLEM };

/** "ok       disk      ...". What is wrong says what to do. */
void doctor_say(struct doctor *d, enum doctor_word word, const char *what, const char *fmt, ...) HY_PRINTF(4, 5);

/* The checks. All [block]. */
void doctor_check_versions(struct doctor *d);
void doctor_check_files(struct doctor *d);
void doctor_check_clock(struct doctor *d);
void doctor_check_folder(struct doctor *d);
void doctor_check_disk(struct doctor *d);
void doctor_check_memory(struct doctor *d);
void doctor_check_store(struct doctor *d);
void doctor_check_ports(struct doctor *d);

#endif
