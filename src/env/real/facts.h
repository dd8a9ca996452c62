/**
 * facts.h - what a program can tell its operator about files, ports and the machine. The real env alone: nothing that
 * serves depends on it.
 *
 * Threads: any. All of it [blocks] for a moment.
 */
#ifndef ENV_REAL_FACTS_H
#define ENV_REAL_FACTS_H

#include "base/base.h"

struct env_facts_file {
	bool is_folder, is_own; /* is_own: of the user that this process runs as */
	unsigned mode;          /* permission bits */
};
/** 0 or a negative errno value. */
int env_facts_file(const char *path, struct env_facts_file *ret_facts);

/** It is there, or may be, and this process may not read and write it. */
bool env_facts_forbidden(const char *path);

struct env_facts_machine {
	char kernel[128];
	uint64_t memory_bytes;           /* of the machine, or of what this process is confined to; 0: unknown */
	uint64_t memory_available_bytes; /* 0: unknown */
};
void env_facts_machine(struct env_facts_machine *ret_facts);

/**
 * Who listens on a TCP port of this machine: "hongyan (process 42)"; ENV_FACTS_HIDDEN for one of this user that is not
 * dumpable, as the server. False: nobody, or it cannot be seen (a process of another user).
 */
#define ENV_FACTS_HIDDEN "a process of this user that shows nobody its files"
bool env_facts_listener(uint16_t port, char *text, size_t size);

#endif
