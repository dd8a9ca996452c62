/**
 * heartbeat.h - how long a long link may be silent: learnt for each network, as the Mars client library does it.
 *
 * Between the device and the server stand boxes that forget a silent connection after some minutes, each network's
 * after its own. A heartbeat just before that keeps the link and costs least. So: begin at the minimum; after five
 * heartbeats in a row that were answered after a whole interval of silence, try a longer one; after two links in a row
 * that died at the edge, go back behind the last good one and stay there; when even that fails, begin anew. A figure
 * that has stood for a week is tried a little longer. The first three heartbeats of a link are at the minimum.
 *
 * Pure: no clock, no timers, no memory of its own. Times are Unix ms, only for the week.
 */
#ifndef HONGYAN_HEARTBEAT_H
#define HONGYAN_HEARTBEAT_H

#include "base/buf.h"

#define HEARTBEAT_MIN_S 270u
#define HEARTBEAT_MAX_S 580u
#define HEARTBEAT_NETWORKS 20u
#define HEARTBEAT_NAME_MAX 48u

struct heartbeat_network {
	char name[HEARTBEAT_NAME_MAX + 1]; /* "": unknown */
	uint32_t interval_s;               /* learnt so far */
	uint32_t good_s;                   /* the longest that held five times */
	unsigned held, failed;             /* in a row, at interval_s; not kept */
	bool stable;                       /* not learning */
	uint64_t changed_ms;
};

struct heartbeat {
	struct heartbeat_network networks[HEARTBEAT_NETWORKS]; /* [0] is the present one, the others by last use */
	unsigned count, beats;                                 /* beats: answered on this link */
	uint32_t limit_s;                                      /* the server's */
};

/** On an unknown network, with nothing learnt. */
void heartbeat_init(struct heartbeat *hb);
/** The device is there now. False, and nothing changes: the name is too long, or has white space. */
bool heartbeat_set_network(struct heartbeat *hb, const char *name);
/** A new link; the server wants a heartbeat every `limit_s` at least (0: has no wish). */
void heartbeat_link_up(struct heartbeat *hb, uint32_t limit_s);
/** After how much silence the next heartbeat is due. */
uint32_t heartbeat_interval_s(const struct heartbeat *hb);
/** A heartbeat that ended `idle_s` of silence was answered. True: what is worth keeping has changed. */
bool heartbeat_answered(struct heartbeat *hb, uint32_t idle_s, uint64_t now_ms);
/** The link was found dead after `idle_s` of silence. True: as above. */
bool heartbeat_died(struct heartbeat *hb, uint32_t idle_s, uint64_t now_ms);

/** What is worth keeping, as lines of text, with a NUL behind. */
void heartbeat_export(const struct heartbeat *hb, struct hy_buf *out);
/** Into a heartbeat just initialised. Lines that cannot be read are passed over. */
void heartbeat_import(struct heartbeat *hb, const char *text);

#endif
