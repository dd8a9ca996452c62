/**
 * sockaddr.h - env_addr to the kernel's form and back.
 */
#ifndef ENV_REAL_SOCKADDR_H
#define ENV_REAL_SOCKADDR_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "env/env.h"

union sockaddr_any {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

/** Returns the length to give to the kernel; 0: no address of a family that we know. */
socklen_t sockaddr_from(const struct env_addr *addr, union sockaddr_any *ret_sa);
/** `len` as the kernel gave it. An unnamed Unix socket has an empty path. IPv4 inside IPv6 becomes IPv4. */
void sockaddr_to(const union sockaddr_any *sa, socklen_t len, struct env_addr *ret_addr);

#endif
