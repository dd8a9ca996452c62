#include "env/real/sockaddr.h"

socklen_t sockaddr_from(const struct env_addr *addr, union sockaddr_any *ret_sa)
{
	memset(ret_sa, 0, sizeof *ret_sa);
	ret_sa->any.sa_family = addr->family;
	switch (addr->family) {
	case AF_INET:
		ret_sa->in.sin_port = __builtin_bswap16(addr->port);
		memcpy(&ret_sa->in.sin_addr, addr->ip, 4);
		return sizeof ret_sa->in;
	case AF_INET6:
		ret_sa->in6.sin6_port = __builtin_bswap16(addr->port);
		memcpy(&ret_sa->in6.sin6_addr, addr->ip, 16);
		return sizeof ret_sa->in6;
	case AF_UNIX:
		memcpy(ret_sa->un.sun_path, addr->path, sizeof ret_sa->un.sun_path);
		return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strnlen(addr->path, sizeof addr->path - 1) +
				   1);
	}
	return 0;
}

static void from_in6(const struct sockaddr_in6 *sa, struct env_addr *a)
{
	a->port = __builtin_bswap16(sa->sin6_port);
	if (IN6_IS_ADDR_V4MAPPED(&sa->sin6_addr)) {
		a->family = AF_INET;
		memcpy(a->ip, sa->sin6_addr.s6_addr + 12, 4);
	} else {
		memcpy(a->ip, &sa->sin6_addr, 16);
	}
}

void sockaddr_to(const union sockaddr_any *sa, socklen_t len, struct env_addr *ret_addr)
{
	*ret_addr = (struct env_addr){.family = sa->any.sa_family};
	switch (sa->any.sa_family) {
	case AF_INET:
		ret_addr->port = __builtin_bswap16(sa->in.sin_port);
		memcpy(ret_addr->ip, &sa->in.sin_addr, 4);
		break;
	case AF_INET6:
		from_in6(&sa->in6, ret_addr);
		break;
	case AF_UNIX:
		if (len > offsetof(struct sockaddr_un, sun_path))
			memcpy(ret_addr->path, sa->un.sun_path, sizeof ret_addr->path - 1);
		break;
	}
}
