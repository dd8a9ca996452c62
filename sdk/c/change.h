/**
 * change.h - the changes of a sync's answer, unpacked.
 */
#ifndef HONGYAN_CHANGE_H
#define HONGYAN_CHANGE_H

#include "base/arena.h"
#include "hongyan.h"
#include "sync.pb-c.h"

struct changes {
	struct hongyan_change *list;
	size_t count;
	struct hy_arena arena; /* what they point into */
};

/** `response` must live as long. */
void changes_unpack(struct changes *c, const Hy__SyncResponse *response);
void changes_fini(struct changes *c);

#endif
