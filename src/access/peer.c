/* peer.c - where a connection comes from, as limits name it. */
#include <stdio.h>
#include <sys/socket.h>

#include "access/conn.h"

#define IP_NETWORK 8 /* bytes of an IPv6 address: a customer is given 64 bits or more, and every address below them */
#define IP_TEXT_MAX 64

static bool is_proxy(const struct access_config *config, const struct conn_peer *peer)
{
	for (unsigned i = 0; i < config->proxy_count; i++) {
		const struct env_addr *proxy = &config->proxies[i];
		if (proxy->family == peer->family &&
			memcmp(proxy->ip, peer->ip, peer->family == AF_INET ? 4 : sizeof peer->ip) == 0)
			return true;
	}
	return false;
}

struct conn_peer conn_peer_of(const struct access_config *config, const struct env_addr *addr)
{
	struct conn_peer peer = {.family = (uint8_t)addr->family, .loopback = env_addr_is_loopback(addr)};
	if (addr->family != AF_UNIX)
		memcpy(peer.ip, addr->ip, addr->family == AF_INET ? 4 : sizeof peer.ip);
	peer.proxy = addr->family != AF_UNIX && is_proxy(config, &peer);
	return peer;
}

static size_t counted_bytes(const struct conn_peer *peer)
{
	return peer->loopback ? 0 : peer->family == AF_INET6 ? IP_NETWORK : 4;
}

bool conn_peer_same(const struct conn_peer *a, const struct conn_peer *b)
{
	if (a->loopback || b->loopback)
		return a->loopback == b->loopback;
	return a->family == b->family && memcmp(a->ip, b->ip, counted_bytes(a)) == 0;
}

uint64_t conn_peer_hash(const struct conn_peer *peer, uint64_t seed)
{
	return hy_hash(peer->ip, counted_bytes(peer), seed);
}

const char *conn_peer_text(const struct conn_peer *peer, char text[CONN_PEER_TEXT_MAX])
{
	const uint8_t *ip = peer->ip;

	if (peer->loopback || (peer->family != AF_INET && peer->family != AF_INET6))
		return NULL;
	if (peer->family == AF_INET)
		snprintf(text, CONN_PEER_TEXT_MAX, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
	else
		snprintf(text, CONN_PEER_TEXT_MAX, "%x:%x:%x:%x::/64", ip[0] << 8 | ip[1], ip[2] << 8 | ip[3],
			ip[4] << 8 | ip[5], ip[6] << 8 | ip[7]);
	return text;
}

/* ---- whom proxies speak for -------------------------------------------------------------------------------------- */

bool access_address_parse(struct hy_bytes text, struct env_addr *ret_addr)
{
	char word[IP_TEXT_MAX], whole[IP_TEXT_MAX + 8];
	unsigned colons = 0;

	if (text.len == 0 || text.len >= sizeof word)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		word[i] = (char)text.data[i];
		colons += word[i] == ':';
		if (!strchr("0123456789abcdefABCDEF.:[]", word[i]) || word[i] == '\0')
			return false;
	}
	word[text.len] = '\0';
	bool bracketed = word[0] == '[', bare6 = !bracketed && colons >= 2;
	bool port = bracketed ? word[text.len - 1] != ']' : colons == 1;
	snprintf(whole, sizeof whole, "%s%s%s%s", bare6 ? "[" : "", word, bare6 ? "]" : "", port ? "" : ":0");
	return env_addr_parse(whole, ret_addr) == 0;
}

/** Takes the last entry off the list, without the blanks around it. */
static struct hy_bytes take_last(struct hy_bytes *list)
{
	size_t begin = list->len, end = list->len;

	while (begin > 0 && list->data[begin - 1] != ',')
		begin--;
	list->len = begin > 0 ? begin - 1 : 0;
	while (begin < end && (list->data[begin] == ' ' || list->data[begin] == '\t'))
		begin++;
	while (begin < end && (list->data[end - 1] == ' ' || list->data[end - 1] == '\t'))
		end--;
	return hy_bytes(list->data + begin, end - begin);
}

bool conn_peer_forwarded(const struct access_config *config, struct hy_bytes list, struct conn_peer *ret_peer)
{
	while (list.len > 0) {
		struct env_addr addr;
		if (!access_address_parse(take_last(&list), &addr))
			return false;
		struct conn_peer peer = conn_peer_of(config, &addr);
		if (!peer.proxy) {
			*ret_peer = peer;
			return true;
		}
	}
	return false;
}
