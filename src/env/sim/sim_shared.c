/*
 * sim_shared.c - nobody looks into a simulated process from outside: its shared memory is plain memory, gone when it
 * dies.
 */
#include "base/mem.h"
#include "env/env.h"

struct env_shared {
	void *data;
};

int env_shared_create(struct env *env, const char *path, size_t size, struct env_shared **ret_shared)
{
	struct env_shared *s = hy_alloc(sizeof *s);
	s->data = hy_zalloc(size);
	*ret_shared = s;
	return 0;
}

void *env_shared_data(const struct env_shared *s)
{
	return s->data;
}

int env_shared_show(struct env_shared *s)
{
	return 0;
}

void env_shared_destroy(struct env_shared *s)
{
	if (!s)
		return;
	hy_free(s->data);
	hy_free(s);
}

unsigned env_process_id(struct env *env)
{
	return 1;
}

uint64_t env_memory_bytes(struct env *env)
{
	return 0;
}

uint64_t env_files_open(struct env *env)
{
	return 0;
}

uint64_t env_files_max(struct env *env)
{
	return 0;
}
