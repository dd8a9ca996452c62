/* Addresses as people write them; the same in both envs. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "env/env.h"

static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool port_parse(const char *text, uint16_t *ret_port)
{
	unsigned port = 0;
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 5 || text[digits])
		return false;
	for (size_t i = 0; i < digits; i++)
		port = port * 10 + (unsigned)(text[i] - '0');
	if (port > UINT16_MAX)
		return false;
	*ret_port = (uint16_t)port;
	return true;
}

static bool unix_parse(const char *path, struct env_addr *a)
{
	size_t len = strlen(path);
	if (len == 0 || len >= sizeof a->path)
		return false;
	a->family = AF_UNIX;
	memcpy(a->path, path, len + 1);
	return true;
}

static bool host_parse(const char *host, bool bracketed, struct env_addr *a)
{
	if (!bracketed) {
		a->family = strcmp(host, "*") == 0 ? AF_INET6 : AF_INET;
		return a->family == AF_INET6 || inet_pton(AF_INET, host, a->ip) == 1;
	}
	a->family = AF_INET6;
	if (inet_pton(AF_INET6, host, a->ip) != 1)
		return false;
	if (memcmp(a->ip, v4_mapped, sizeof v4_mapped) == 0) {
		a->family = AF_INET;
		memmove(a->ip, a->ip + 12, 4);
		memset(a->ip + 4, 0, 12);
	}
	return true;
}

int env_addr_parse(const char *text, struct env_addr *ret_addr)
{
	struct env_addr a = {0};
	if (strncmp(text, "unix:", 5) == 0) {
		if (!unix_parse(text + 5, &a))
			return -EINVAL;
		*ret_addr = a;
		return 0;
	}
	bool bracketed = text[0] == '[';
	const char *start = text + bracketed;
	const char *end = strrchr(text, bracketed ? ']' : ':');
	char host[INET6_ADDRSTRLEN];
	if (!end || end < start || (size_t)(end - start) >= sizeof host)
		return -EINVAL;
	memcpy(host, start, (size_t)(end - start));
	host[end - start] = '\0';
	if (bracketed && *++end != ':')
		return -EINVAL;
	if (!host_parse(host, bracketed, &a) || !port_parse(end + 1, &a.port))
		return -EINVAL;
	*ret_addr = a;
	return 0;
}

char *env_addr_text(const struct env_addr *addr, char *text, size_t size)
{
	static const uint8_t any[16];
	char host[INET6_ADDRSTRLEN];
	switch (addr->family) {
	case AF_UNIX:
		snprintf(text, size, "unix:%s", addr->path);
		break;
	case AF_INET:
		inet_ntop(AF_INET, addr->ip, host, sizeof host);
		snprintf(text, size, "%s:%u", host, (unsigned)addr->port);
		break;
	case AF_INET6:
		if (memcmp(addr->ip, any, sizeof any) == 0) {
			snprintf(text, size, "*:%u", (unsigned)addr->port);
			break;
		}
		inet_ntop(AF_INET6, addr->ip, host, sizeof host);
		snprintf(text, size, "[%s]:%u", host, (unsigned)addr->port);
		break;
	default:
		snprintf(text, size, "none");
	}
	return text;
}

bool env_addr_is_loopback(const struct env_addr *addr)
{
	static const uint8_t one[16] = {[15] = 1};
	return addr->family == AF_UNIX || (addr->family == AF_INET && addr->ip[0] == 127) ||
	       (addr->family == AF_INET6 && memcmp(addr->ip, one, sizeof one) == 0);
}
