/* peer.c - where a connection comes from, as limits name it. */
#include <stdio.h>
#include <sys/socket.h>

#include "access/conn.h"

const char *conn_peer_text(const struct conn_peer *peer, char text[CONN_PEER_TEXT_MAX])
{
	const uint8_t *ip = peer->ip;

	if (peer->loopback || (peer->family != AF_INET && peer->family != AF_INET6))
		return NULL;
	if (peer->family == AF_INET)
		snprintf(text, CONN_PEER_TEXT_MAX, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
	else /* a customer is given 64 bits or more, and every address below them */
		snprintf(text, CONN_PEER_TEXT_MAX, "%x:%x:%x:%x::/64", ip[0] << 8 | ip[1], ip[2] << 8 | ip[3],
			ip[4] << 8 | ip[5], ip[6] << 8 | ip[7]);
	return text;
}
