#include "base/config.h"

#include <ini.h>

#include "base/config_value.h"
#include "base/mem.h"

/* inih cuts longer lines in two without a word; its own limit is 200. */
#define LINE_MAX_BYTES 190

enum source { FROM_DEFAULT, FROM_FILE, FROM_OPTION };

struct hy_config {
	const struct hy_config_item *items;
	size_t count;
	uint8_t *settings;
	enum source *sources; /* of each item's value */
	char **texts;         /* each text item's value */
};

static bool is_end(const struct hy_config_item *item)
{
	return !item->name && !item->option;
}

/* Refused when the text does not fit; ignored when the value there has a stronger source. */
static bool set_value(struct hy_config *c, size_t index, const char *text, enum source source)
{
	const struct hy_config_item *item = &c->items[index];
	struct hy_config_value v = {0};
	if (!hy_config_value_parse(item, text, &v))
		return false;
	if (source < c->sources[index])
		return true;
	c->sources[index] = source;
	void *to = c->settings + item->offset;
	if (hy_config_is_text(item->type)) {
		hy_free(c->texts[index]);
		c->texts[index] = hy_strdup(text);
		memcpy(to, &c->texts[index], sizeof c->texts[index]);
	} else if (item->type == HY_CONFIG_BOOL) {
		memcpy(to, &v.truth, sizeof v.truth);
	} else if (item->type == HY_CONFIG_RATE) {
		memcpy(to, &v.rate, sizeof v.rate);
	} else {
		memcpy(to, &v.number, sizeof v.number);
	}
	return true;
}

struct hy_config *hy_config_create(const struct hy_config_item *items, void *settings)
{
	struct hy_config *c = hy_zalloc(sizeof *c);
	c->items = items;
	c->settings = settings;
	while (!is_end(&items[c->count]))
		c->count++;
	c->sources = hy_zalloc(c->count * sizeof *c->sources);
	c->texts = hy_zalloc(c->count * sizeof *c->texts);
	for (size_t i = 0; i < c->count; i++) {
		bool fits = set_value(c, i, items[i].preset, FROM_DEFAULT);
		assert(fits);
	}
	return c;
}

void hy_config_destroy(struct hy_config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->count; i++)
		hy_free(c->texts[i]);
	hy_free(c->texts);
	hy_free(c->sources);
	hy_free(c);
}

static char *buf_to_text(struct hy_buf *b)
{
	hy_buf_append(b, "", 1);
	char *text = hy_memdup(hy_buf_data(b), hy_buf_len(b));
	hy_buf_fini(b);
	return text;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

struct file_reading {
	struct hy_config *c;
	const char *name;
	struct hy_bytes rest;
	size_t line;
	size_t *first_lines; /* where each item stood in this file, 0: not yet */
	struct hy_buf why;   /* empty: no error so far */
};

static bool file_failed(const struct file_reading *r)
{
	return hy_buf_len(&r->why) > 0;
}

/* Gives inih one line; also counts them, which inih does not tell its handler. */
static char *next_line(char *out, int size, void *arg)
{
	struct file_reading *r = arg;
	if (file_failed(r) || r->rest.len == 0)
		return NULL;
	const uint8_t *end = memchr(r->rest.data, '\n', r->rest.len);
	size_t len = end ? (size_t)(end - r->rest.data) : r->rest.len;
	const char *line = (const char *)r->rest.data;
	size_t taken = len + (end ? 1 : 0);
	r->rest = hy_bytes(r->rest.data + taken, r->rest.len - taken);
	r->line++;
	/* inih takes an indented line for more of the value before it; here it is a line like any other. */
	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	if (len > LINE_MAX_BYTES || len + 2 > (size_t)size) {
		hy_buf_printf(&r->why, "%s:%zu: the line is longer than %d bytes", r->name, r->line, LINE_MAX_BYTES);
		return NULL;
	}
	if (memchr(line, 0, len)) {
		hy_buf_printf(&r->why, "%s:%zu: the line holds a zero byte", r->name, r->line);
		return NULL;
	}
	memcpy(out, line, len);
	memcpy(out + len, "\n", 2);
	return out;
}

static bool in_section(const struct hy_config_item *item, const char *section, const char **ret_key)
{
	size_t len = strlen(section);
	if (!item->name || strncmp(item->name, section, len) != 0 || item->name[len] != '.')
		return false;
	*ret_key = item->name + len + 1;
	return true;
}

/* "unknown key "lisen" in [server]; allowed: listen, loops" or the sections, when that is what is wrong. */
static void say_unknown(struct file_reading *r, const char *section, const char *key)
{
	const char *sep = "", *known, *last = "";
	size_t keys = 0;
	for (size_t i = 0; i < r->c->count; i++)
		keys += in_section(&r->c->items[i], section, &known);
	hy_buf_printf(&r->why, "%s:%zu: ", r->name, r->line);
	if (keys)
		hy_buf_printf(&r->why, "unknown key \"%s\" in [%s]; allowed: ", key, section);
	else if (*section)
		hy_buf_printf(&r->why, "unknown section [%s]; allowed: ", section);
	else
		hy_buf_printf(&r->why, "\"%s\" stands in no section; allowed: ", key);
	for (size_t i = 0; i < r->c->count; i++) {
		const char *name = r->c->items[i].name;
		if (keys && in_section(&r->c->items[i], section, &known)) {
			hy_buf_printf(&r->why, "%s%s", sep, known);
			sep = ", ";
		} else if (!keys && name) {
			/* Items of a section stand together in the table. */
			size_t len = (size_t)(strchr(name, '.') - name);
			if (strncmp(last, name, len + 1) != 0)
				hy_buf_printf(&r->why, "%s[%.*s]", sep, (int)len, name);
			sep = ", ";
			last = name;
		}
	}
}

static int on_value(void *arg, const char *section, const char *key, const char *value)
{
	struct file_reading *r = arg;
	if (file_failed(r))
		return 0;
	for (size_t i = 0; i < r->c->count; i++) {
		const char *known;
		const struct hy_config_item *item = &r->c->items[i];
		if (!in_section(item, section, &known) || strcmp(known, key) != 0)
			continue;
		if (r->first_lines[i]) {
			hy_buf_printf(&r->why, "%s:%zu: %s was given in line %zu already", r->name, r->line, item->name,
				r->first_lines[i]);
			return 0;
		}
		r->first_lines[i] = r->line;
		if (set_value(r->c, i, value, FROM_FILE))
			return 1;
		hy_buf_printf(
			&r->why, "%s:%zu: \"%s\" does not do for %s: it must be ", r->name, r->line, value, item->name);
		hy_config_value_allowed(item, &r->why);
		return 0;
	}
	say_unknown(r, section, key);
	return 0;
}

int hy_config_read_file_text(struct hy_config *c, const char *file_name, const char *text, size_t len, char **ret_why)
{
	struct file_reading r = {.c = c, .name = file_name, .rest = hy_bytes(text, len)};
	r.first_lines = hy_zalloc(c->count * sizeof *r.first_lines);
	int bad_line = ini_parse_stream(next_line, &r, on_value, &r);
	hy_free(r.first_lines);
	/* A line that inih itself cannot read; it goes on after it, so our own finding may be of a later one. */
	if (bad_line > 0 && (!file_failed(&r) || (size_t)bad_line < r.line)) {
		hy_buf_clear(&r.why);
		hy_buf_printf(&r.why,
			"%s:%d: expected \"[section]\", \"key = value\" or a comment that begins with # or ;",
			file_name, bad_line);
	}
	if (!file_failed(&r)) {
		hy_buf_fini(&r.why);
		return HY_OK;
	}
	*ret_why = buf_to_text(&r.why);
	return HY_INVALID_ARGUMENT;
}

/* ---- options ----------------------------------------------------------------------------------------------------- */

static bool find_option(const struct hy_config *c, const char *name, size_t len, size_t *ret_index)
{
	for (size_t i = 0; i < c->count; i++) {
		const char *option = c->items[i].option;
		if (option && strlen(option) == len && memcmp(option, name, len) == 0) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}

static int option_unknown(const struct hy_config *c, const char *arg, char **ret_why)
{
	struct hy_buf why = {0};
	const char *sep = "";
	hy_buf_printf(&why, "unknown option %s; allowed: ", arg);
	for (size_t i = 0; i < c->count; i++) {
		if (c->items[i].option) {
			hy_buf_printf(&why, "%s--%s", sep, c->items[i].option);
			sep = ", ";
		}
	}
	*ret_why = buf_to_text(&why);
	return HY_INVALID_ARGUMENT;
}

static int option_bad(const struct hy_config_item *item, const char *value, char **ret_why)
{
	struct hy_buf why = {0};
	if (value)
		hy_buf_printf(&why, "\"%s\" does not do for --%s: it must be ", value, item->option);
	else
		hy_buf_printf(&why, "--%s needs a value: ", item->option);
	hy_config_value_allowed(item, &why);
	*ret_why = buf_to_text(&why);
	return HY_INVALID_ARGUMENT;
}

/* Reads argv[*at], with the argument behind it where it is the value; *at then stands after what was read. */
static int read_option(struct hy_config *c, int argc, char *const *argv, int *at, char **ret_why)
{
	const char *arg = argv[*at], *name = arg + 2, *equals = strchr(name, '=');
	const char *value = equals ? equals + 1 : NULL;
	size_t len = equals ? (size_t)(equals - name) : strlen(name), index;
	++*at;
	if (!find_option(c, name, len, &index)) {
		bool no = !equals && strncmp(name, "no-", 3) == 0 && find_option(c, name + 3, len - 3, &index);
		if (!no || c->items[index].type != HY_CONFIG_BOOL)
			return option_unknown(c, arg, ret_why);
		value = "false";
	} else if (!value && c->items[index].type == HY_CONFIG_BOOL) {
		value = "true";
	} else if (!value && *at < argc) {
		value = argv[(*at)++];
	}
	if (!value || !set_value(c, index, value, FROM_OPTION))
		return option_bad(&c->items[index], value, ret_why);
	return HY_OK;
}

int hy_config_read_options(struct hy_config *c, int argc, char *const *argv, int *ret_next, char **ret_why)
{
	int at = 0;
	while (at < argc && strncmp(argv[at], "--", 2) == 0) {
		if (strcmp(argv[at], "--") == 0) {
			at++;
			break;
		}
		int status = read_option(c, argc, argv, &at, ret_why);
		if (status != HY_OK)
			return status;
	}
	*ret_next = at;
	return HY_OK;
}

/* ---- what people read -------------------------------------------------------------------------------------------- */

static void put_help(const struct hy_config_item *item, struct hy_buf *out)
{
	const char *word = hy_config_value_word(item->type);
	if (!item->option)
		hy_buf_printf(out, "  %s = %s", item->name, word);
	else if (item->type == HY_CONFIG_BOOL)
		hy_buf_printf(out, "  --%s", item->option);
	else
		hy_buf_printf(out, "  --%s=%s", item->option, word);
	if (item->option && item->name)
		hy_buf_printf(out, "  (in the file: %s)", item->name);
	hy_buf_printf(out, "\n        %s", item->help);
	if (*item->preset && !(item->type == HY_CONFIG_BOOL && strcmp(item->preset, "false") == 0))
		hy_buf_printf(out, " (default: %s)", item->preset);
	hy_buf_printf(out, "\n");
}

void hy_config_help(const struct hy_config_item *items, struct hy_buf *out)
{
	bool file_only = false;
	for (const struct hy_config_item *item = items; !is_end(item); item++) {
		if (item->option)
			put_help(item, out);
		file_only |= !item->option;
	}
	if (file_only)
		hy_buf_printf(out, "\nIn the configuration file only:\n");
	for (const struct hy_config_item *item = items; !is_end(item); item++)
		if (!item->option)
			put_help(item, out);
}

void hy_config_example(const struct hy_config_item *items, struct hy_buf *out)
{
	const char *last = "";
	for (const struct hy_config_item *item = items; !is_end(item); item++) {
		if (!item->name)
			continue;
		size_t section = (size_t)(strchr(item->name, '.') - item->name);
		if (strncmp(last, item->name, section + 1) != 0)
			hy_buf_printf(out, "%s[%.*s]\n", *last ? "\n" : "", (int)section, item->name);
		last = item->name;
		hy_buf_printf(out, "# %s: ", item->help);
		hy_config_value_allowed(item, out);
		hy_buf_printf(out, "\n#%s = %s\n", item->name + section + 1, item->preset);
	}
}
