/**
 * list.h - intrusive, circular, doubly linked lists. Nothing here allocates.
 *
 * An element that is in no list points at itself, so removing it twice is harmless.
 */
#ifndef HY_LIST_H
#define HY_LIST_H

#include "base/base.h"

struct hy_link {
	struct hy_link *next, *prev;
};

static inline void hy_link_init(struct hy_link *l)
{
	l->next = l->prev = l;
}

static inline bool hy_link_linked(const struct hy_link *l)
{
	return l->next != l;
}

static inline bool hy_list_empty(const struct hy_link *head)
{
	return head->next == head;
}

/** Puts `l` before `at`: with a list's head, at the list's end. */
static inline void hy_list_insert_before(struct hy_link *at, struct hy_link *l)
{
	assert(!hy_link_linked(l));
	l->prev = at->prev;
	l->next = at;
	l->prev->next = l;
	at->prev = l;
}

static inline void hy_list_push_back(struct hy_link *head, struct hy_link *l)
{
	hy_list_insert_before(head, l);
}

static inline void hy_list_push_front(struct hy_link *head, struct hy_link *l)
{
	hy_list_insert_before(head->next, l);
}

static inline void hy_list_remove(struct hy_link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	hy_link_init(l);
}

/** Moves all of `from` into `to`, which need not be initialised. */
static inline void hy_list_take_all(struct hy_link *from, struct hy_link *to)
{
	hy_link_init(to);
	if (hy_list_empty(from))
		return;
	hy_list_insert_before(from, to); /* `to` becomes a head within the ring, then the old head leaves it */
	hy_list_remove(from);
}

/** First element or NULL. */
#define hy_list_first(head, type, member) \
	(hy_list_empty(head) ? (type *)NULL : hy_container_of((head)->next, type, member))

/** Walks a list; the current element may be removed. */
#define hy_list_each(it, head, type, member)                                              \
	for (struct hy_link *it##_l = (head)->next, *it##_n = it##_l->next;               \
		it##_l != (head) && ((it) = hy_container_of(it##_l, type, member), true); \
		it##_l = it##_n, it##_n = it##_n->next)

#endif
