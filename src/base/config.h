/**
 * config.h - a program's settings: one table says what there is; an INI file and command-line options give values.
 *
 *	struct settings { const char *listen; uint64_t memory; bool verbose; };
 *	#define AT(member) offsetof(struct settings, member)
 *	static const struct hy_config_item items[] = {
 *		{"server.listen", "listen", HY_CONFIG_ADDRESS, AT(listen), "127.0.0.1:7600", "where clients connect"},
 *		{"kt.memory", "memory", HY_CONFIG_BYTES, AT(memory), "256M", "of all tables", 16 << 20, 1ull << 40},
 *		{NULL, "verbose", HY_CONFIG_BOOL, AT(verbose), "false", "log more"},
 *		{0},
 *	};
 *
 * Order of force: option, file, default, whatever is read first (so a program can take the file's name from the
 * options). Of two options the later wins; a key that stands twice in a file is an error. Reads no file by itself: the
 * program does, by its env.
 *
 * Errors: HY_INVALID_ARGUMENT, and *ret_why (hy_alloc'd, the caller's) names file and line or the option, and what is
 * allowed. Settings then hold some of the values; a program ends there. Threads: one at a time. Nothing here suspends.
 */
#ifndef HY_CONFIG_H
#define HY_CONFIG_H

#include "base/base.h"
#include "base/buf.h"

/** What a value looks like in text, and what it is in the settings. */
enum hy_config_type {
	HY_CONFIG_STRING,   /* any text: const char *, never NULL; lives as long as the hy_config */
	HY_CONFIG_ADDRESS,  /* [::1]:7600, *:7600, unix:/run/x.sock: const char *, as above; only the form is checked */
	HY_CONFIG_BOOL,     /* true, false, yes, no, on, off, 1, 0; an option alone means true: bool */
	HY_CONFIG_UNSIGNED, /* 42: uint64_t */
	HY_CONFIG_BYTES,    /* 512M: K, M, G, T are powers of 1,024; a plain number is bytes: uint64_t, bytes */
	HY_CONFIG_DURATION, /* 250ms, 30s, 5m, 2h, 7d; 0: uint64_t, milliseconds */
	HY_CONFIG_PERCENT,  /* 80 or 80%: uint64_t, 0 to 100 */
	HY_CONFIG_RATE,     /* 50/s:500, 1/2s:30, 30/h, off: struct hy_rate */
};

/**
 * How often something may be done: one each `interval_us`, and `burst` at once after a pause. In text COUNT/TIME:BURST,
 * where TIME is s, m, h, d or a number of them (1/10s), and :BURST may be left out: it is COUNT then. "off" and "0"
 * are no limit: interval_us 0.
 */
struct hy_rate {
	uint64_t interval_us; /* 1 us to 30 days */
	uint64_t burst;       /* 1 to HY_RATE_COUNT_MAX */
};
#define HY_RATE_COUNT_MAX 1000000u
/** False: the text is none. */
bool hy_rate_parse(const char *text, struct hy_rate *ret_rate) HY_MUST_USE;

struct hy_config_item {
	const char *name;   /* "section.key" in the file; NULL: an option only */
	const char *option; /* "listen" for --listen; NULL: in the file only */
	enum hy_config_type type;
	size_t offset;      /* of the value in the settings */
	const char *preset; /* the default, in the same form; "" is allowed for texts, and then "" may be given */
	const char *help;   /* one line */
	uint64_t min, max;  /* numbers, in the setting's unit; max 0: no maximum (percent: 100) */
};

struct hy_config;

/**
 * Fills the settings with the defaults. `items` ends with an entry of neither name nor option; both outlive the result.
 */
struct hy_config *hy_config_create(const struct hy_config_item *items, void *settings);
/** The texts in the settings go with it. NULL is fine. */
void hy_config_destroy(struct hy_config *c);

/** The text of an INI file; `file_name` is for messages only. Lines of at most 190 bytes. */
int hy_config_read_file_text(
	struct hy_config *c, const char *file_name, const char *text, size_t len, char **ret_why) HY_MUST_USE;
/**
 * --name value, --name=value, for a bool also --name and --no-name; ends before the first argument that is none, or
 * after "--". *ret_next: index of the first argument not read.
 */
int hy_config_read_options(struct hy_config *c, int argc, char *const *argv, int *ret_next, char **ret_why) HY_MUST_USE;

/** Appends what --help says of the items: options, then what stands in the file only. */
void hy_config_help(const struct hy_config_item *items, struct hy_buf *out);
/** Appends an INI file with every key, its default and its meaning, all commented out: a file to begin with. */
void hy_config_example(const struct hy_config_item *items, struct hy_buf *out);

#endif
