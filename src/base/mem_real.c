#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *p, size_t size)
{
	if (!p && size) {
		fprintf(stderr, "out of memory: %zu bytes were refused; a limit is set too high for this machine\n",
			size);
		abort();
	}
	return p;
}

/* A size of 0 still gives a pointer: the caller is promised that there is never a NULL. */
static size_t at_least_one(size_t size)
{
	return size ? size : 1;
}

void *hy_alloc(size_t size)
{
	return checked(malloc(at_least_one(size)), at_least_one(size));
}

void *hy_zalloc(size_t size)
{
	return checked(calloc(1, at_least_one(size)), at_least_one(size));
}

void *hy_realloc(void *p, size_t size)
{
	return checked(realloc(p, at_least_one(size)), at_least_one(size));
}

void hy_free(void *p)
{
	free(p);
}

char *hy_strdup(const char *s)
{
	return hy_memdup(s, strlen(s) + 1);
}

void *hy_memdup(const void *p, size_t len)
{
	void *copy = hy_alloc(len);
	if (len)
		memcpy(copy, p, len);
	return copy;
}
