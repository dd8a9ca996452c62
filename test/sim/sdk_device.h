/**
 * sdk_device.h - what sdk_device.c and sdk_contacts.c share: a device's process on the client library.
 */
#ifndef SIM_SDK_DEVICE_H
#define SIM_SDK_DEVICE_H

#include "hongyan_loop.h"
#include "world.h"

#define SDK_CHANGES_MAX 8u

struct sdk_run;
/** A change that was asked for and has no answer. */
struct sdk_change {
	struct sdk_run *run; /* NULL: none */
	unsigned number;
};

struct sdk_run {
	unsigned lane; /* of changes */
	struct device *device;
	struct env_loop *loop;
	struct hongyan *h;
	struct env_timer act, store;
	bool entering, may_exist; /* may_exist: a registration whose outcome is unknown */
	struct sdk_change changes[SDK_CHANGES_MAX];
	unsigned looked_up; /* user */
	/* what on_sync() answered LATER to: in memory alone until the timer */
	struct hongyan_sync later;
	struct hongyan_change *later_changes;
	struct book_people later_people;
	uint8_t later_snapshot[SNAPSHOT_MAX];
};

/** Asks for a change, or looks somebody up. */
void sdk_contacts_act(struct sdk_run *r);
/** What a sync tells of contacts, profile and settings. */
void sdk_contacts_read(struct sdk_run *r, const struct hongyan_sync *sync, struct book_people *ret_people);

#endif
