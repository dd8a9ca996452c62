/**
 * mon_file.h - how the monitor's memory looks: what mon.c writes and mon_view.h reads, also of another version.
 *
 * A header, a table of entries that says what is where, then the strips. Numbers are the machine's own. A reader takes
 * all sizes and places from the header, sums a slot over the strips, and skips entries of a kind that it does not know:
 * so entries may grow at their end, and kinds and names may come and go, without a new layout number.
 */
#ifndef MON_FILE_H
#define MON_FILE_H

#include "monitor/mon.h"

#define MON_FILE_NAME "monitor" /* in the data folder */
#define MON_FILE_MAGIC "hongmon\n"
#define MON_FILE_LAYOUT 1u
#define MON_FILE_MAX (64u << 20) /* larger is no such file */

struct mon_file_header {
	char magic[8];
	uint32_t layout;
	uint32_t header_bytes; /* the entries begin there */
	uint32_t entry_bytes, entry_count;
	uint32_t strip_count, slot_count;
	uint64_t strips_at, strip_bytes; /* each begins with its slots, uint64_t */
	uint64_t file_bytes;
	char program[32], version[32];
	uint64_t process;
	uint64_t started_ms, beat_ms; /* Unix time; beat: the process's last sign of life */
	uint64_t ended_ms;            /* 0: it runs, or it was killed */
};

struct mon_file_entry {
	uint32_t slot;
	uint16_t slot_count;
	uint8_t kind; /* enum mon_kind */
	uint8_t unused;
	char name[40], label[64], help[80]; /* printable ASCII, ended by a NUL */
};

_Static_assert(sizeof(struct mon_file_header) == 152, "readers know this layout");
_Static_assert(sizeof(struct mon_file_entry) == 192, "readers know this layout");

#endif
