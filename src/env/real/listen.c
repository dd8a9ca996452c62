/*
 * Listening sockets. SO_REUSEPORT is not used: with it a second server would take half the links without a word. Every
 * loop attaches a duplicate of the one listening socket; EPOLLEXCLUSIVE wakes one of those that sleep for each
 * connection.
 */
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

#include "env/real/internal.h"
#include "env/real/sockaddr.h"

struct env_listener {
	int fd;
	struct env_addr addr;
	dev_t dev; /* of the Unix socket's file, to remove no other */
	ino_t ino;
};

enum { BACKLOG = 4096, SOCKET_TYPE = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC };

static bool is_any(const struct env_addr *addr)
{
	static const uint8_t zero[16];
	return addr->family == AF_INET6 && memcmp(addr->ip, zero, sizeof zero) == 0;
}

/* Options must be set before bind; accepted sockets inherit TCP_NODELAY. */
static int set_options(int fd, const struct env_addr *addr)
{
	int on = 1, off = 0;
	if (addr->family == AF_UNIX)
		return fchmod(fd, 0600) == 0 ? 0 : -errno; /* the mode that bind gives the file */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
		return -errno;
	if (addr->family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0)
		return -errno;
	return 0;
}

/* A socket file without a process behind it: one was killed here. */
static bool is_stale(const union sockaddr_any *sa, socklen_t len)
{
	struct stat st;
	if (lstat(sa->un.sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return false;
	int fd = socket(AF_UNIX, SOCKET_TYPE, 0);
	if (fd < 0)
		return false;
	bool refused = connect(fd, &sa->any, len) != 0 && errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static int bind_and_listen(int fd, const struct env_addr *addr)
{
	union sockaddr_any sa;
	socklen_t len = sockaddr_from(addr, &sa);
	int r = bind(fd, &sa.any, len);
	if (r != 0 && errno == EADDRINUSE && addr->family == AF_UNIX) {
		if (!is_stale(&sa, len))
			return -EADDRINUSE;
		unlink(sa.un.sun_path);
		r = bind(fd, &sa.any, len);
	}
	if (r != 0 || listen(fd, BACKLOG) != 0)
		return -errno;
	return 0;
}

static int open_listening(const struct env_addr *addr)
{
	int fd = socket(addr->family, SOCKET_TYPE, 0);
	if (fd < 0)
		return -errno;
	int r = set_options(fd, addr);
	if (r == 0)
		r = bind_and_listen(fd, addr);
	if (r != 0) {
		close(fd);
		return r;
	}
	return fd;
}

/* What was really bound: the port, or the identity of the file. */
static void learn_address(struct env_listener *l)
{
	if (l->addr.family == AF_UNIX) {
		struct stat st;
		if (lstat(l->addr.path, &st) == 0) {
			l->dev = st.st_dev;
			l->ino = st.st_ino;
		}
		return;
	}
	union sockaddr_any sa;
	socklen_t len = sizeof sa;
	if (getsockname(l->fd, &sa.any, &len) == 0)
		sockaddr_to(&sa, len, &l->addr);
}

int env_listen(struct env *env, const struct env_addr *addr, struct env_listener **ret_listener)
{
	union sockaddr_any sa;
	if (sockaddr_from(addr, &sa) == 0)
		return -EINVAL;
	struct env_addr real = *addr;
	int fd = open_listening(&real);
	if (fd == -EAFNOSUPPORT && is_any(addr)) { /* a kernel without IPv6 */
		real = (struct env_addr){.family = AF_INET, .port = addr->port};
		fd = open_listening(&real);
	}
	if (fd < 0)
		return fd;
	struct env_listener *l = hy_zalloc(sizeof *l);
	l->fd = fd;
	l->addr = real;
	learn_address(l);
	*ret_listener = l;
	return 0;
}

void env_listener_addr(const struct env_listener *l, struct env_addr *ret_addr)
{
	*ret_addr = l->addr;
}

int env_listener_attach(struct env_listener *l, struct env_loop *loop, struct env_sock *sock)
{
	assert(sock->on_event);
	int fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	sock->fd = fd;
	int r = loop_add(loop, sock, EPOLLIN | EPOLLET | EPOLLEXCLUSIVE);
	if (r != 0) {
		close(fd);
		sock->fd = -1;
	}
	return r;
}

void env_listener_close(struct env_listener *l)
{
	struct stat st;
	if (l->addr.family == AF_UNIX && lstat(l->addr.path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->addr.path);
	close(l->fd);
	hy_free(l);
}

/* Errors of the one connection, which is gone, as accept(2) tells them; the next may be well. */
static bool connection_lost(int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case ENETDOWN:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH:
	case EPERM: /* a firewall */
		return true;
	}
	return false;
}

int env_accept(struct env_sock *listening, struct env_sock *sock, struct env_addr *ret_peer)
{
	assert(sock->on_event);
	union sockaddr_any sa;
	socklen_t len;
	int fd;
	do {
		len = sizeof sa;
		fd = accept4(listening->fd, &sa.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (fd < 0 && connection_lost(errno));
	if (fd < 0)
		return errno == EAGAIN ? -EAGAIN : -EMFILE; /* of files or memory, the system's or ours */
	sock->fd = fd;
	if (loop_add_stream(listening->loop, sock, sa.any.sa_family == AF_UNIX) != 0) {
		close(fd);
		sock->fd = -1;
		return -EMFILE;
	}
	if (ret_peer)
		sockaddr_to(&sa, len, ret_peer);
	return 0;
}
