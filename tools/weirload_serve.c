/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirload_serve.c - the far end of `transfers` and `udp`. Runs until SIGTERM or SIGINT, then
 * prints what it saw. */
#include "weirload.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "weir/api.h"

#define TICK_MS  10
#define SLOTS    10 /* a limited peer is served once in so many ticks: no bursts of all at once */
#define AT_ONCE  16 /* blocks to an unlimited peer before others have a turn */
#define MAX_ENDS 16
#define QUEUE    (4 << 20) /* bytes of datagrams: a busy machine lets them wait */

enum kind {
	LISTENER,
	UDP,
	PEER
};

struct source {
	enum kind kind;
	int fd;
};

struct peer {
	struct source source; /* first */
	struct peer *prev, *next;
	uint32_t slot;
	struct load_hello hello;
	size_t hello_len;
	uint64_t up, down; /* payload bytes: right ones received, begun to be sent */
	uint64_t paid_ms;  /* until when tokens were given */
	uint64_t tokens;   /* payload bytes that may be sent, of a limited peer */
	struct load_block block;
	size_t left; /* of block, still to be sent */
};

struct server {
	char name[LOAD_NAME];
	int epoll;
	struct peer list;
	uint64_t accepted, open, corrupt, datagrams;
	struct source ends[MAX_ENDS * 2];
	uint32_t n_ends;
};

static void drop(struct server *s, struct peer *p, bool reset)
{
	struct linger now = { .l_onoff = 1 };

	if (reset)
		setsockopt(p->source.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(p->source.fd);
	p->prev->next = p->next;
	p->next->prev = p->prev;
	s->open--;
	free(p);
}

static void greet(struct server *s, int listener)
{
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct peer *p = weir_new(struct peer);

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		p->source = (struct source){ PEER, fd };
		p->slot = (uint32_t)(s->accepted++ % SLOTS);
		p->prev = s->list.prev;
		p->next = &s->list;
		p->prev->next = p->next->prev = p;
		s->open++;
		load_watch(s->epoll, EPOLL_CTL_ADD, fd, EPOLLIN, p);
	}
}

static void echo(struct server *s, int fd)
{
	struct sockaddr_storage from;
	struct load_datagram d;
	socklen_t len = sizeof(from);

	while (recvfrom(fd, &d, sizeof(d), 0, (struct sockaddr *)&from, &len) == sizeof(d)) {
		memcpy(d.name, s->name, sizeof(d.name));
		sendto(fd, &d, sizeof(d), 0, (struct sockaddr *)&from, len);
		s->datagrams++;
		len = sizeof(from);
	}
}

static void fill_block(const struct server *s, struct peer *p)
{
	p->block.magic = LOAD_BLOCK;
	memcpy(p->block.name, s->name, sizeof(p->block.name));
	p->block.up = p->up;
	load_pattern(p->hello.down_seed, p->down, p->block.payload, LOAD_PAYLOAD);
	p->down += LOAD_PAYLOAD;
	p->left = sizeof(p->block);
}

/* Sends up to max blocks. False: the peer is gone. */
static bool pump(struct server *s, struct peer *p, uint64_t max)
{
	while (p->left || max) {
		ssize_t n;

		if (!p->left) {
			fill_block(s, p);
			max--;
		}
		n = send(p->source.fd, (uint8_t *)&p->block + sizeof(p->block) - p->left, p->left,
			 MSG_NOSIGNAL);
		if (n < 0) {
			if (errno == EAGAIN)
				return true;
			drop(s, p, false);
			return false;
		}
		p->left -= (size_t)n;
	}
	return true;
}

/* Gives a limited peer the time that has passed, and what it may have for it. */
static void pay(struct server *s, struct peer *p, uint64_t now)
{
	p->tokens += p->hello.rate * (now - p->paid_ms) / 1000;
	p->paid_ms = now;
	if (p->tokens > p->hello.rate + LOAD_PAYLOAD) /* a second's worth at the most */
		p->tokens = p->hello.rate + LOAD_PAYLOAD;
	if (p->tokens >= LOAD_PAYLOAD || p->left) {
		uint64_t before = p->down;

		if (pump(s, p, p->tokens / LOAD_PAYLOAD))
			p->tokens -= p->down - before;
	}
}

/* Takes the hello in. Returns how many of the bytes belonged to it; p may be gone when it was
 * none (then false). */
static bool take_hello(struct server *s, struct peer *p, const uint8_t **bytes, size_t *len)
{
	size_t n = sizeof(p->hello) - p->hello_len;

	if (!n)
		return true;
	n = n < *len ? n : *len;
	memcpy((uint8_t *)&p->hello + p->hello_len, *bytes, n);
	p->hello_len += n;
	*bytes += n;
	*len -= n;
	if (p->hello_len < sizeof(p->hello))
		return true;
	if (p->hello.magic != LOAD_HELLO || p->hello.rate > 1000000000) {
		drop(s, p, true);
		return false;
	}
	p->paid_ms = load_mono_ms();
	p->tokens = LOAD_PAYLOAD; /* the first block goes out at once: it says that all is well */
	if (!p->hello.rate)
		load_watch(s->epoll, EPOLL_CTL_MOD, p->source.fd, EPOLLIN | EPOLLOUT, p);
	return pump(s, p, 1);
}

static void hear(struct server *s, struct peer *p)
{
	uint8_t buf[16384];
	const uint8_t *bytes = buf;
	ssize_t n = recv(p->source.fd, buf, sizeof(buf), 0);
	size_t len;

	if (n <= 0) {
		if (!n || errno != EAGAIN)
			drop(s, p, false);
		return;
	}
	len = (size_t)n;
	if (!take_hello(s, p, &bytes, &len))
		return;
	if (!load_pattern_ok(p->hello.up_seed, p->up, bytes, len)) {
		fprintf(stderr, "weirload serve %s: wrong bytes near %llu\n", s->name,
			(unsigned long long)p->up);
		s->corrupt++;
		drop(s, p, true); /* the client counts it as broken */
		return;
	}
	p->up += len;
}

static void tick(struct server *s, uint64_t number)
{
	uint64_t now = load_mono_ms();

	for (struct peer *p = s->list.next, *next; p != &s->list; p = next) {
		next = p->next;
		if (p->hello.rate && p->hello_len == sizeof(p->hello) && p->slot == number % SLOTS)
			pay(s, p, now);
	}
}

static void handle(struct server *s, struct epoll_event *ev)
{
	struct source *source = ev->data.ptr;
	struct peer *p = ev->data.ptr;

	if (source->kind == LISTENER)
		greet(s, source->fd);
	else if (source->kind == UDP)
		echo(s, source->fd);
	else if (!(ev->events & EPOLLOUT) || pump(s, p, AT_ONCE))
		if (ev->events & ~(uint32_t)EPOLLOUT)
			hear(s, p);
}

static void loop(struct server *s)
{
	struct epoll_event ev[64];
	uint64_t begin = load_mono_ms(), ticks = 0;

	for (;;) {
		uint64_t now = load_mono_ms() - begin;
		int wait = ticks * TICK_MS <= now ? 0 : (int)(ticks * TICK_MS - now), n;

		if (!wait) {
			tick(s, ticks);
			ticks = ticks + 1 < now / TICK_MS ? now / TICK_MS : ticks + 1;
			continue;
		}
		n = epoll_wait(s->epoll, ev, 64, s->open ? wait : -1);
		for (int i = 0; i < n; i++) {
			if (!ev[i].data.ptr)
				return;
			handle(s, &ev[i]);
		}
	}
}

static void listen_on(struct server *s, const char *text)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM };
	struct weir_sockaddr at;
	struct sockaddr_storage ss;
	socklen_t len;
	int one = 1, queue = QUEUE;

	if (!weir_sockaddr_parse(text, 0, &at))
		load_usage("--listen %s: must be ADDR:PORT", text);
	if (s->n_ends + 2 > sizeof(s->ends) / sizeof(s->ends[0]))
		load_usage("--listen: at most %d times", MAX_ENDS);
	len = weir_sockaddr_native(&at, &ss);
	for (int i = 0; i < 2; i++) {
		int fd = socket(ss.ss_family, types[i] | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		struct source *e = &s->ends[s->n_ends++];

		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (i)
			setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof(queue));
		if (fd < 0 || bind(fd, (struct sockaddr *)&ss, len) || (!i && listen(fd, 4096))) {
			fprintf(stderr, "weirload serve: %s: %s\n", text, strerror(errno));
			exit(WEIR_EXIT_FAILED);
		}
		*e = (struct source){ i ? UDP : LISTENER, fd };
		load_watch(s->epoll, EPOLL_CTL_ADD, fd, EPOLLIN, e);
	}
}

int load_cmd_serve(int argc, char **argv)
{
	static const struct option names[] = { { "name", 1, 0, 'n' },
					       { "listen", 1, 0, 'l' },
					       { 0 } };
	struct server s = { .epoll = load_epoll() };
	int c, at;

	s.list.next = s.list.prev = &s.list;
	while ((c = getopt_long(argc, argv, "", names, &at)) != -1) {
		if (c == 'n' && *optarg && strlen(optarg) < LOAD_NAME)
			memcpy(s.name, optarg, strlen(optarg));
		else if (c == 'l')
			listen_on(&s, optarg);
		else
			load_usage("serve: bad options");
	}
	if (!s.name[0] || !s.n_ends || optind != argc)
		load_usage("serve: --name (at most %d letters) and --listen are needed",
			   LOAD_NAME - 1);
	fprintf(stderr, "ready\n");
	loop(&s);
	printf("{\"name\":\"%s\",\"accepted\":%llu,\"open\":%llu,\"corrupt\":%llu,\"datagrams\":%llu}\n",
	       s.name, (unsigned long long)s.accepted, (unsigned long long)s.open,
	       (unsigned long long)s.corrupt, (unsigned long long)s.datagrams);
	while (s.list.next != &s.list)
		drop(&s, s.list.next, false);
	return s.corrupt ? WEIR_EXIT_FAILED : WEIR_EXIT_OK;
}
