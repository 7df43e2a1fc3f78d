/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirload_transfers.c - long TCP transfers in both directions, each on one connection from its
 * beginning to the end, every byte checked: whatever breaks a flow is seen here. */
#include "weirload.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "weir/api.h"

#define TICK_MS 10
#define SLOTS   10 /* a flow sends once in so many ticks */

struct flow {
	int fd; /* -1: broken or complete */
	bool connected, established;
	struct load_hello hello;
	char name[LOAD_NAME]; /* the server's, in every block */
	struct load_block block;
	size_t have;                      /* of block */
	uint64_t down, up_sent, up_heard; /* payload bytes; heard: of by the server */
	uint64_t paid_ms, tokens;
	uint64_t down_ms, up_ms; /* when the two last went on */
};

struct run {
	struct weir_sockaddr to, from; /* from: all zeros, any */
	uint64_t n, for_ms, size, rate, stall_ms;

	int epoll;
	uint64_t begin_ms, settled, broken, complete, retransmits, longest_gap_ms;
	bool told; /* "started" */
	struct flow *flows;
	struct load_tally by, failures;
};

static void leave(struct run *r, struct flow *f)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (!getsockopt(f->fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		r->retransmits += info.tcpi_total_retrans;
	close(f->fd);
	f->fd = -1;
}

static void settle(struct run *r, struct flow *f)
{
	if (f->established)
		return;
	f->established = true;
	r->settled++;
}

static void broken(struct run *r, struct flow *f, const char *why)
{
	fprintf(stderr, "flow %td with %s broken after %llu bytes down, %llu up: %s\n",
		f - r->flows, f->name[0] ? f->name : "nobody", (unsigned long long)f->down,
		(unsigned long long)f->up_sent, why);
	r->broken++;
	load_tally_add(&r->failures, why, load_wall_ms());
	settle(r, f);
	if (f->fd >= 0)
		leave(r, f);
}

static void begin(struct run *r, struct flow *f, uint64_t number)
{
	uint64_t seed = weir_mix64(load_wall_ms() * 1000003 + number * 2654435761u + 1);

	f->hello = (struct load_hello){ LOAD_HELLO, seed, weir_mix64(seed ^ 1), r->rate };
	f->down_ms = f->up_ms = load_mono_ms();
	f->fd = load_connect(&r->to, r->from.addr.q[0] | r->from.addr.q[1] ? &r->from : NULL,
			     SOCK_STREAM);
	if (f->fd < 0)
		broken(r, f, load_failure(errno));
	else
		load_watch(r->epoll, EPOLL_CTL_ADD, f->fd, EPOLLOUT, f);
}

static void connected(struct run *r, struct flow *f)
{
	int one = 1;

	setsockopt(f->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (send(f->fd, &f->hello, sizeof(f->hello), 0) != sizeof(f->hello)) {
		broken(r, f, load_failure(errno));
		return;
	}
	f->connected = true;
	f->down_ms = f->up_ms = f->paid_ms = load_mono_ms();
	load_watch(r->epoll, EPOLL_CTL_MOD, f->fd, r->rate ? EPOLLIN : EPOLLIN | EPOLLOUT, f);
}

/* Sends up to max bytes of the pattern. */
static void send_up(struct run *r, struct flow *f, uint64_t max, uint64_t now)
{
	uint8_t buf[4096];

	while (max) {
		size_t want = max < sizeof(buf) ? (size_t)max : sizeof(buf);
		ssize_t n;

		load_pattern(f->hello.up_seed, f->up_sent, buf, want);
		n = send(f->fd, buf, want, 0);
		if (n < 0) {
			if (errno != EAGAIN)
				broken(r, f, load_failure(errno));
			return;
		}
		if (f->up_sent == f->up_heard)
			f->up_ms = now; /* nothing was under way: its time begins now */
		f->up_sent += (uint64_t)n;
		f->tokens -= r->rate ? (uint64_t)n : 0;
		max -= (uint64_t)n;
	}
}

/* A whole block came in. Returns what is wrong with it, or NULL. */
static const char *judge(struct run *r, struct flow *f, uint64_t now)
{
	const struct load_block *b = &f->block;

	if (b->magic != LOAD_BLOCK || b->name[LOAD_NAME - 1])
		return "corrupt header";
	if (!f->established)
		memcpy(f->name, b->name, sizeof(f->name));
	else if (memcmp(f->name, b->name, sizeof(f->name)))
		return "another server";
	if (b->up < f->up_heard || b->up > f->up_sent)
		return "corrupt count";
	if (!load_pattern_ok(f->hello.down_seed, f->down, b->payload, LOAD_PAYLOAD))
		return "corrupt data";
	if (b->up > f->up_heard) {
		f->up_heard = b->up;
		f->up_ms = now;
	}
	f->down += LOAD_PAYLOAD;
	if (!f->established)
		load_tally_add(&r->by, f->name, load_wall_ms());
	settle(r, f);
	return NULL;
}

static void hear(struct run *r, struct flow *f, uint64_t now)
{
	for (int i = 0; i < 32; i++) {
		ssize_t n =
			recv(f->fd, (uint8_t *)&f->block + f->have, sizeof(f->block) - f->have, 0);
		const char *wrong;

		if (n <= 0) {
			if (!n || errno != EAGAIN)
				broken(r, f, n ? load_failure(errno) : "eof");
			return;
		}
		if (f->established && now - f->down_ms > r->longest_gap_ms)
			r->longest_gap_ms = now - f->down_ms;
		f->down_ms = now;
		f->have += (size_t)n;
		if (f->have < sizeof(f->block))
			continue;
		f->have = 0;
		wrong = judge(r, f, now);
		if (wrong) {
			broken(r, f, wrong);
			return;
		}
		if (r->size && f->down >= r->size) {
			r->complete++;
			leave(r, f);
			return;
		}
	}
}

static void tick(struct run *r, uint64_t number, uint64_t now)
{
	for (uint64_t i = 0; i < r->n; i++) {
		struct flow *f = &r->flows[i];

		if (f->fd < 0)
			continue;
		if (now > f->down_ms + r->stall_ms) {
			broken(r, f, f->established ? "stalled" : "no answer");
		} else if (f->up_sent > f->up_heard && now > f->up_ms + r->stall_ms) {
			broken(r, f, "stalled up");
		} else if (r->rate && f->connected && i % SLOTS == number % SLOTS) {
			f->tokens += r->rate * (now - f->paid_ms) / 1000;
			f->paid_ms = now;
			if (f->tokens > r->rate)
				f->tokens = r->rate;
			send_up(r, f, f->tokens, now);
		}
	}
	if (!r->told && r->settled == r->n) {
		r->told = true;
		fprintf(stderr, "started\n");
	}
}

static void handle(struct run *r, struct flow *f, uint32_t events)
{
	uint64_t now = load_mono_ms();

	if (f->fd < 0)
		return;
	if (!f->connected) {
		connected(r, f);
		return;
	}
	if (events & ~(uint32_t)EPOLLOUT)
		hear(r, f, now);
	if (f->fd >= 0 && !r->rate && (events & EPOLLOUT))
		send_up(r, f, 65536, now);
}

static void loop(struct run *r)
{
	struct epoll_event ev[64];
	uint64_t ticks = 0;

	r->begin_ms = load_mono_ms();
	for (uint64_t i = 0; i < r->n; i++)
		begin(r, &r->flows[i], i);
	while (r->broken + r->complete < r->n) {
		uint64_t now = load_mono_ms(), past = now - r->begin_ms;
		int n;

		if (r->for_ms && past >= r->for_ms)
			return;
		if (ticks * TICK_MS <= past)
			tick(r, ticks++, now);
		past = load_mono_ms() - r->begin_ms;
		n = epoll_wait(r->epoll, ev, 64,
			       ticks * TICK_MS <= past ? 0 : (int)(ticks * TICK_MS - past));
		for (int i = 0; i < n; i++) {
			if (!ev[i].data.ptr)
				return;
			handle(r, ev[i].data.ptr, ev[i].events);
		}
	}
}

static void report(struct run *r)
{
	uint64_t down = 0, up = 0, ended = load_mono_ms();

	for (uint64_t i = 0; i < r->n; i++) {
		struct flow *f = &r->flows[i];

		if (f->fd >= 0 && !f->established) /* asked to stop before the first block */
			broken(r, f, "no answer");
		if (f->fd >= 0) {
			if (ended - f->down_ms > r->longest_gap_ms)
				r->longest_gap_ms = ended - f->down_ms;
			leave(r, f);
		}
		down += f->down;
		up += f->up_heard;
	}
	printf("{\"flows\":%llu,\"broken\":%llu,\"complete\":%llu,\"bytes_down\":%llu,"
	       "\"bytes_up\":%llu,\"retransmits\":%llu,\"longest_gap_ms\":%llu,",
	       (unsigned long long)r->n, (unsigned long long)r->broken,
	       (unsigned long long)r->complete, (unsigned long long)down, (unsigned long long)up,
	       (unsigned long long)r->retransmits, (unsigned long long)r->longest_gap_ms);
	load_tally_print(&r->by, "by", LOAD_COUNT);
	putchar(',');
	load_tally_print(&r->failures, "failures", LOAD_COUNT);
	printf(",\"seconds\":%.3f}\n", (double)(ended - r->begin_ms) / 1000);
}

static void options(struct run *r, int argc, char **argv)
{
	static const struct option names[] = {
		{ "flows", 1, 0, 'n' },
		{ "seconds", 1, 0, 's' },
		{ "size", 1, 0, 'S' },
		{ "rate", 1, 0, 'r' },
		{ "stall", 1, 0, 't' },
		{ "source", 1, 0, 'f' },
		{ 0 },
	};
	int c, at;

	while ((c = getopt_long(argc, argv, "", names, &at)) != -1) {
		if (c == 'n')
			r->n = load_number("flows", optarg, 1, 15000);
		else if (c == 's')
			r->for_ms = load_seconds_ms("seconds", optarg);
		else if (c == 'S')
			r->size = load_number("size", optarg, 1, UINT64_MAX);
		else if (c == 'r')
			r->rate = load_number("rate", optarg, 0, 1000000000);
		else if (c == 't')
			r->stall_ms = load_seconds_ms("stall", optarg);
		else if (c == 'f')
			r->from = load_source(optarg);
		else
			load_usage("transfers: bad options");
	}
	r->to = load_target(argc, argv, optind);
}

int load_cmd_transfers(int argc, char **argv)
{
	struct run r = { .n = 500, .rate = 8192, .stall_ms = 10000 };
	uint64_t bad;

	options(&r, argc, argv);
	r.flows = weir_new_array(r.n, struct flow);
	r.epoll = load_epoll();
	loop(&r);
	report(&r);
	bad = r.broken + (r.size && !r.for_ms ? r.n - r.complete - r.broken : 0);
	free(r.flows);
	return bad ? WEIR_EXIT_FAILED : WEIR_EXIT_OK;
}
