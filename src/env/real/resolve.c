/*
 * Names become addresses on a thread that nobody waits for: getaddrinfo() cannot be interrupted, so a look-up that is
 * not wanted any more is left to end by itself.
 */
#include <netdb.h>
#include <signal.h>
#include <stdio.h>

#include "env/real/internal.h"
#include "env/real/real.h"
#include "env/real/sockaddr.h"

/** Two hold it: its owner's side and the thread. Who comes second frees it. */
struct env_real_lookup {
	struct env_msg msg;
	pthread_mutex_t lock;
	bool cancelled, posted;
	struct env_inbox *inbox;
	char host[256], port[8];
	struct env_addr addrs[LOOKUP_ADDRS_MAX];
	size_t count;
	void (*done)(void *arg, const struct env_addr *addrs, size_t count);
	void *arg;
};

static void lookup_free(struct env_real_lookup *l)
{
	pthread_mutex_lock(&l->lock); /* until the other side is out */
	pthread_mutex_unlock(&l->lock);
	pthread_mutex_destroy(&l->lock);
	hy_free(l);
}

static void collect(struct env_real_lookup *l)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *list;
	if (getaddrinfo(l->host, l->port, &hints, &list) != 0)
		return;
	for (struct addrinfo *a = list; a && l->count < LOOKUP_ADDRS_MAX; a = a->ai_next) {
		union sockaddr_any sa;
		if (a->ai_addrlen > sizeof sa)
			continue;
		memcpy(&sa, a->ai_addr, a->ai_addrlen);
		sockaddr_to(&sa, a->ai_addrlen, &l->addrs[l->count++]);
	}
	freeaddrinfo(list);
}

static void tell(struct env_msg *msg)
{
	struct env_real_lookup *l = hy_container_of(msg, struct env_real_lookup, msg);
	if (!l->cancelled) /* only the loop sets it, once the message is posted */
		l->done(l->arg, l->addrs, l->count);
	lookup_free(l);
}

static void *look_up(void *arg)
{
	struct env_real_lookup *l = arg;
	collect(l);
	pthread_mutex_lock(&l->lock);
	bool cancelled = l->cancelled;
	if (!cancelled) {
		l->posted = true;
		l->msg.fn = tell;
		env_inbox_post(l->inbox, &l->msg);
	}
	pthread_mutex_unlock(&l->lock);
	if (cancelled)
		lookup_free(l);
	return NULL;
}

struct env_real_lookup *env_real_lookup_start(struct env_loop *loop, const char *host, uint16_t port,
	void (*done)(void *arg, const struct env_addr *addrs, size_t count), void *arg)
{
	struct env_real_lookup *l = hy_zalloc(sizeof *l);
	pthread_t thread;
	sigset_t all, before;
	pthread_mutex_init(&l->lock, NULL);
	l->inbox = env_loop_inbox(loop);
	snprintf(l->host, sizeof l->host, "%s", host);
	snprintf(l->port, sizeof l->port, "%u", port);
	l->done = done;
	l->arg = arg;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = thread_start(&thread, "lookup", look_up, l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0) {
		lookup_free(l);
		return NULL;
	}
	pthread_detach(thread);
	return l;
}

bool env_real_lookup_cancel(struct env_real_lookup *l)
{
	pthread_mutex_lock(&l->lock);
	l->cancelled = true;
	bool posted = l->posted;
	pthread_mutex_unlock(&l->lock);
	return posted;
}
