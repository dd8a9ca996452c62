/* trouble.c - why the server cannot be reached, or does not answer as one should: for people. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "internal.h"

static void note(struct hongyan *h, const char *fmt, ...) HY_PRINTF(2, 3);
static void note(struct hongyan *h, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(h->trouble, sizeof h->trouble, fmt, ap);
	va_end(ap);
}

/** The address that was tried last, or that won. */
static const char *address(const struct hongyan *h, char text[ADDR_TEXT_MAX])
{
	if (h->addr_count == 0)
		snprintf(text, ADDR_TEXT_MAX, "the server");
	else
		env_addr_text(&h->addrs[h->addr_at % h->addr_count], text, ADDR_TEXT_MAX);
	return text;
}

void trouble_unreachable(struct hongyan *h, const struct env_addr *addr, int error)
{
	char text[ADDR_TEXT_MAX], why[80];
	snprintf(why, sizeof why, "%s", strerror(-error));
	why[0] = (char)tolower((unsigned char)why[0]);
	note(h, "cannot reach %s: %s", env_addr_text(addr, text, sizeof text), why);
}

void trouble_unknown_name(struct hongyan *h, const char *name)
{
	note(h, "cannot reach %.100s: no address is known for this name", name);
}

void trouble_no_answer(struct hongyan *h, bool connected)
{
	char text[ADDR_TEXT_MAX];
	if (connected)
		note(h, "%s takes connections and does not answer", address(h, text));
	else if (h->addr_count > 0)
		note(h, "cannot reach %s: no answer", address(h, text));
}

void trouble_ended(struct hongyan *h)
{
	char text[ADDR_TEXT_MAX];
	note(h, "%s has ended the connection", address(h, text));
}

void trouble_other_protocol(struct hongyan *h, unsigned http_status)
{
	char text[ADDR_TEXT_MAX], http[40] = "";
	address(h, text);
	if (http_status == 429 || http_status == 503)
		note(h, "%s has too much to do (HTTP status %u)", text, http_status);
	else if (http_status != 0 && http_status != 200)
		snprintf(http, sizeof http, " (HTTP status %u)", http_status);
	if (http_status != 429 && http_status != 503)
		note(h, "%s is no Hongyan server%s", text, http);
}

void trouble_refused(struct hongyan *h, const char *why)
{
	char text[ADDR_TEXT_MAX];
	note(h, "%s answers: %s", address(h, text), why);
}

void trouble_tell(struct hongyan *h, uint64_t retry_us)
{
	char why[sizeof h->trouble];
	snprintf(why, sizeof why, "%s", h->trouble);
	h->trouble[0] = '\0';
	if (why[0] && h->events.on_trouble)
		h->events.on_trouble(h->arg, why, retry_us / 1000);
}
