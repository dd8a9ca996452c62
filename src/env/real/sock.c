#include <limits.h>
#include <netinet/tcp.h>

#include "env/real/internal.h"
#include "env/real/sockaddr.h"

int env_connect(struct env_loop *loop, const struct env_addr *addr, struct env_sock *sock)
{
	assert(sock->on_event);
	union sockaddr_any sa;
	socklen_t len = sockaddr_from(addr, &sa);
	if (len == 0)
		return -EINVAL;
	int fd = socket(addr->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int on = 1, r = 0;
	if (addr->family != AF_UNIX && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
		r = -errno;
	if (r == 0 && connect(fd, &sa.any, len) != 0 && errno != EINPROGRESS)
		r = -errno;
	if (r == 0) {
		sock->fd = fd;
		r = loop_add_stream(loop, sock, addr->family == AF_UNIX);
	}
	if (r != 0) {
		close(fd);
		sock->fd = -1;
	}
	return r;
}

int env_sock_error(struct env_sock *sock)
{
	int error = 0;
	socklen_t len = sizeof error;
	if (getsockopt(sock->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		return -errno;
	return -error;
}

ssize_t env_recv(struct env_sock *sock, void *p, size_t len)
{
	if (sock->state & SOCK_READ_OUT)
		return -EAGAIN;
	ssize_t n = result(RETRY(recv(sock->fd, p, len, 0)));
	/* What comes after it took all there was is told again, so that nobody needs to ask once more. What came with
	 * the end of the stream may not be. */
	if (n > 0 && (size_t)n < len && !(sock->state & SOCK_HUNG_UP))
		sock->state |= SOCK_READ_OUT;
	return n;
}

ssize_t env_sendv(struct env_sock *sock, const struct iovec *iov, int count)
{
	struct msghdr msg = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)HY_MIN(count, IOV_MAX)};
	size_t wanted = 0;
	for (int i = 0; i < count; i++)
		wanted += iov[i].iov_len;
	/* most are one piece, for which there is the cheaper call */
	ssize_t n = result(count == 1 ? RETRY(send(sock->fd, iov->iov_base, wanted, MSG_NOSIGNAL))
				      : RETRY(sendmsg(sock->fd, &msg, MSG_NOSIGNAL)));
	if (n == -EAGAIN || (n >= 0 && (size_t)n < wanted))
		loop_await_room(sock); /* from now on the caller waits to be told */
	return n;
}

void env_sock_close(struct env_sock *sock)
{
	if (sock->loop)
		loop_remove(sock);
	else if (sock->fd <= STDERR_FILENO) /* never ours: closed, or never opened */
		return;
	close(sock->fd);
	sock->fd = -1;
}

void env_sock_detach(struct env_sock *sock)
{
	loop_remove(sock);
}

int env_sock_attach(struct env_sock *sock, struct env_loop *loop)
{
	assert(!sock->loop && sock->on_event);
	return loop_add_stream(loop, sock, sock->state & SOCK_LOCAL);
}
