#include "base/config_value.h"

struct unit {
	const char *suffix;
	uint64_t factor;
};

/* From the largest down, so that the first that divides a number is the shortest way to write it. */
static const struct unit byte_units[] = {
	{"T", UINT64_C(1) << 40}, {"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1}, {0}};
static const struct unit duration_units[] = {
	{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {0}};
static const struct unit percent_units[] = {{"%", 1}, {"", 1}, {0}};
static const struct unit plain_units[] = {{"", 1}, {0}};
/* What a rate is counted by; in microseconds. */
static const struct unit rate_units[] = {{"d", 86400000000}, {"h", 3600000000}, {"m", 60000000}, {"s", 1000000}, {0}};
#define RATE_DAYS_MAX 30u

static const struct kind {
	const char *word, *what, *example;
	const struct unit *units; /* NULL: not a number */
} kinds[] = {
	[HY_CONFIG_STRING] = {"TEXT", "a text", "x", NULL},
	[HY_CONFIG_ADDRESS] = {"ADDRESS", "an address", "127.0.0.1:7600, [::1]:7600, *:7600 or unix:/run/hongyan.sock",
		NULL},
	[HY_CONFIG_BOOL] = {"BOOL", "true or false", "true", NULL},
	[HY_CONFIG_UNSIGNED] = {"NUMBER", "a whole number", "42", plain_units},
	[HY_CONFIG_BYTES] = {"BYTES", "a size", "512M (K, M, G, T)", byte_units},
	[HY_CONFIG_DURATION] = {"DURATION", "a duration", "30s (ms, s, m, h, d)", duration_units},
	[HY_CONFIG_PERCENT] = {"PERCENT", "a percentage", "80%", percent_units},
	[HY_CONFIG_RATE] = {"RATE", "a rate", "50/s:500 (50 a second, 500 at once), 1/10s, 30/h or off", NULL},
};

bool hy_config_is_text(enum hy_config_type type)
{
	return type == HY_CONFIG_STRING || type == HY_CONFIG_ADDRESS;
}

const char *hy_config_value_word(enum hy_config_type type)
{
	return kinds[type].word;
}

static uint64_t maximum(const struct hy_config_item *item)
{
	if (item->max)
		return item->max;
	return item->type == HY_CONFIG_PERCENT ? 100 : UINT64_MAX;
}

/* Digits at the front of *s. False when there are none or they pass `max`. */
static bool take_number(const char **s, uint64_t max, uint64_t *ret_v)
{
	uint64_t v = 0;
	const char *at = *s;
	for (; *at >= '0' && *at <= '9'; at++) {
		uint64_t digit = (uint64_t)(*at - '0');
		if (v > (max - digit) / 10 || digit > max)
			return false;
		v = v * 10 + digit;
	}
	if (at == *s)
		return false;
	*s = at;
	*ret_v = v;
	return true;
}

static bool parse_number(const struct hy_config_item *item, const char *text, uint64_t *ret_v)
{
	uint64_t v;
	if (!take_number(&text, UINT64_MAX, &v))
		return false;
	const struct unit *u = kinds[item->type].units;
	while (u->suffix && strcmp(u->suffix, text) != 0)
		u++;
	/* A duration without a unit would be read by half of the people as seconds; 0 is 0 in all of them. */
	uint64_t factor = u->suffix ? u->factor : 0;
	if (!u->suffix && !(v == 0 && *text == 0))
		return false;
	if (factor && v > UINT64_MAX / factor)
		return false;
	v *= factor;
	if (v < item->min || v > maximum(item))
		return false;
	*ret_v = v;
	return true;
}

static bool parse_bool(const char *text, bool *ret_truth)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
	for (size_t i = 0; i < HY_COUNT_OF(words); i++) {
		if (strcmp(text, words[i]) == 0) {
			*ret_truth = i % 2;
			return true;
		}
	}
	return false;
}

/* The time in "50/s" and "1/10s"; *s then stands after it. */
static bool take_rate_time(const char **s, uint64_t *ret_us)
{
	uint64_t times = 1;
	if (**s >= '0' && **s <= '9' && !take_number(s, HY_RATE_COUNT_MAX, &times))
		return false;
	const struct unit *u = rate_units;
	while (u->suffix && u->suffix[0] != **s)
		u++;
	if (!u->suffix)
		return false;
	++*s;
	*ret_us = times * u->factor;
	return times > 0 && *ret_us <= RATE_DAYS_MAX * rate_units[0].factor;
}

bool hy_rate_parse(const char *text, struct hy_rate *ret_rate)
{
	uint64_t count, us;
	*ret_rate = (struct hy_rate){0};
	if (strcmp(text, "off") == 0 || strcmp(text, "0") == 0)
		return true;
	if (!take_number(&text, HY_RATE_COUNT_MAX, &count) || count == 0 || *text++ != '/' ||
		!take_rate_time(&text, &us))
		return false;
	uint64_t burst = count;
	if (*text == ':') {
		text++;
		if (!take_number(&text, HY_RATE_COUNT_MAX, &burst) || burst == 0)
			return false;
	}
	if (*text != 0)
		return false;
	*ret_rate = (struct hy_rate){us / count, burst};
	return true;
}

static bool is_host(const char *s, size_t len)
{
	if (len == 1 && *s == '*')
		return true;
	const char *allowed = "0123456789.";
	if (len > 2 && s[0] == '[' && s[len - 1] == ']') {
		allowed = "0123456789abcdefABCDEF:.";
		s++;
		len -= 2;
	}
	return len > 0 && strspn(s, allowed) >= len;
}

static bool is_address(const char *text)
{
	if (strncmp(text, "unix:", 5) == 0)
		return text[5] != 0 && strlen(text + 5) < 108;
	const char *colon = strrchr(text, ':');
	if (!colon || !is_host(text, (size_t)(colon - text)))
		return false;
	const char *port = colon + 1;
	uint64_t v;
	return take_number(&port, UINT16_MAX, &v) && *port == 0;
}

bool hy_config_value_parse(const struct hy_config_item *item, const char *text, struct hy_config_value *ret_v)
{
	switch (item->type) {
	case HY_CONFIG_STRING:
		return *text || *item->preset == 0;
	case HY_CONFIG_ADDRESS:
		return *text ? is_address(text) : *item->preset == 0;
	case HY_CONFIG_BOOL:
		return parse_bool(text, &ret_v->truth);
	case HY_CONFIG_UNSIGNED:
	case HY_CONFIG_BYTES:
	case HY_CONFIG_DURATION:
	case HY_CONFIG_PERCENT:
		return parse_number(item, text, &ret_v->number);
	case HY_CONFIG_RATE:
		return hy_rate_parse(text, &ret_v->rate);
	}
	return false;
}

static void put_number(const struct unit *u, uint64_t v, struct hy_buf *out)
{
	if (v == 0) {
		hy_buf_printf(out, "0");
		return;
	}
	while (v % u->factor)
		u++;
	hy_buf_printf(out, "%lu%s", v / u->factor, u->suffix);
}

void hy_config_value_allowed(const struct hy_config_item *item, struct hy_buf *out)
{
	const struct kind *k = &kinds[item->type];
	uint64_t max = maximum(item);
	hy_buf_printf(out, "%s", k->what);
	if (k->units && (item->min > 0 || max != UINT64_MAX)) {
		hy_buf_printf(out, max == UINT64_MAX ? " of at least " : " from ");
		put_number(k->units, item->min, out);
		if (max != UINT64_MAX) {
			hy_buf_printf(out, " to ");
			put_number(k->units, max, out);
		}
	}
	if (item->type == HY_CONFIG_STRING)
		hy_buf_printf(out, " that is not empty");
	else if (item->type != HY_CONFIG_BOOL)
		hy_buf_printf(out, ", such as %s", k->example);
}
