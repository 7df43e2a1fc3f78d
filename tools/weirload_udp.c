/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirload_udp.c - UDP flows, each with a source port of its own: who answers, who changes. */
#include "weirload.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "weir/api.h"

struct flow {
	int fd; /* -1: the place is free */
	bool waiting;
	uint64_t id, seq;     /* of the request under way or next */
	uint64_t at_ms;       /* waiting: when the answer is lost; else when to ask next */
	char name[LOAD_NAME]; /* who answered first */
};

struct run {
	struct weir_sockaddr to;
	uint64_t want, requests, every_ms, timeout_ms, parallel;

	int epoll;
	uint64_t started, open, answers, lost, moved, wrong;
	struct flow *flows; /* parallel places */
	struct load_tally by, answered, failures;
};

static void end(struct run *r, struct flow *f)
{
	if (f->name[0])
		load_tally_add(&r->by, f->name, load_wall_ms());
	close(f->fd);
	f->fd = -1;
	r->open--;
}

/* The request under way is over, one way or the other. */
static void next(struct run *r, struct flow *f, uint64_t now)
{
	f->waiting = false;
	f->at_ms = now + r->every_ms;
	if (++f->seq == r->requests)
		end(r, f);
}

static void lose(struct run *r, struct flow *f, const char *why, uint64_t now)
{
	r->lost++;
	load_tally_add(&r->failures, why, load_wall_ms());
	next(r, f, now);
}

static void ask(struct run *r, struct flow *f, uint64_t now)
{
	struct load_datagram d = { .flow = f->id, .seq = f->seq };

	f->waiting = true;
	f->at_ms = now + r->timeout_ms;
	if (send(f->fd, &d, sizeof(d), 0) < 0)
		lose(r, f, load_failure(errno), now);
}

static void hear(struct run *r, struct flow *f, uint64_t now)
{
	struct load_datagram d;
	ssize_t n = recv(f->fd, &d, sizeof(d), 0);

	if (n < 0) {
		if (errno != EAGAIN && f->waiting)
			lose(r, f, load_failure(errno), now);
		return;
	}
	if (n != sizeof(d) || d.flow != f->id || d.seq > f->seq) {
		r->wrong++;
		return;
	}
	if (!f->waiting || d.seq != f->seq)
		return; /* late: already counted as lost */
	d.name[LOAD_NAME - 1] = 0;
	if (!f->name[0])
		memcpy(f->name, d.name, sizeof(f->name));
	else if (strcmp(f->name, d.name))
		r->moved++;
	load_tally_add(&r->answered, d.name, load_wall_ms());
	r->answers++;
	next(r, f, now);
}

/* Opens a flow in a free place. */
static void start(struct run *r, struct flow *f, uint64_t now)
{
	*f = (struct flow){ .fd = load_connect(&r->to, NULL, SOCK_DGRAM), .id = ++r->started };
	if (f->fd < 0) {
		r->lost += r->requests;
		load_tally_add(&r->failures, load_failure(errno), load_wall_ms());
		return;
	}
	r->open++;
	load_watch(r->epoll, EPOLL_CTL_ADD, f->fd, EPOLLIN, f);
	ask(r, f, now);
}

static void tend(struct run *r, uint64_t now)
{
	for (uint64_t i = 0; i < r->parallel; i++) {
		struct flow *f = &r->flows[i];

		if (f->fd >= 0 && f->waiting && f->at_ms <= now)
			lose(r, f, "timeout", now);
		if (f->fd >= 0 && !f->waiting && f->at_ms <= now)
			ask(r, f, now);
		if (f->fd < 0 && r->started < r->want)
			start(r, f, now);
	}
}

static void loop(struct run *r)
{
	struct epoll_event ev[64];

	for (;;) {
		int n;

		tend(r, load_mono_ms());
		if (!r->open && r->started == r->want)
			return;
		n = epoll_wait(r->epoll, ev, 64, 5);
		for (int i = 0; i < n; i++) {
			struct flow *f = ev[i].data.ptr;

			if (!f)
				return;
			if (f->fd >= 0)
				hear(r, f, load_mono_ms());
		}
	}
}

static void options(struct run *r, int argc, char **argv)
{
	static const struct option names[] = {
		{ "flows", 1, 0, 'n' },    { "requests", 1, 0, 'r' }, { "every", 1, 0, 'e' },
		{ "parallel", 1, 0, 'p' }, { "timeout", 1, 0, 't' },  { 0 },
	};
	int c, at;

	while ((c = getopt_long(argc, argv, "", names, &at)) != -1) {
		if (c == 'n')
			r->want = load_number("flows", optarg, 1, 1000000000);
		else if (c == 'r')
			r->requests = load_number("requests", optarg, 1, 1000000);
		else if (c == 'e')
			r->every_ms = load_number("every", optarg, 0, 60000);
		else if (c == 'p')
			r->parallel = load_number("parallel", optarg, 1, 10000);
		else if (c == 't')
			r->timeout_ms = load_seconds_ms("timeout", optarg);
		else
			load_usage("udp: bad options");
	}
	r->to = load_target(argc, argv, optind);
}

int load_cmd_udp(int argc, char **argv)
{
	struct run r = { .want = 1000, .requests = 3, .timeout_ms = 1000, .parallel = 64 };
	uint64_t begin = load_mono_ms();

	options(&r, argc, argv);
	r.flows = weir_new_array(r.parallel, struct flow);
	for (uint64_t i = 0; i < r.parallel; i++)
		r.flows[i].fd = -1;
	r.epoll = load_epoll();
	loop(&r);
	printf("{\"flows\":%llu,\"answers\":%llu,\"lost\":%llu,\"moved\":%llu,\"wrong\":%llu,",
	       (unsigned long long)r.started, (unsigned long long)r.answers,
	       (unsigned long long)r.lost, (unsigned long long)r.moved,
	       (unsigned long long)r.wrong);
	load_tally_print(&r.by, "by", LOAD_COUNT);
	putchar(',');
	load_tally_print(&r.answered, "answered", LOAD_COUNT);
	putchar(',');
	load_tally_print(&r.answered, "last", LOAD_LAST);
	putchar(',');
	load_tally_print(&r.failures, "failures", LOAD_COUNT);
	printf(",\"seconds\":%.3f}\n", (double)(load_mono_ms() - begin) / 1000);
	free(r.flows);
	return r.lost || r.wrong ? WEIR_EXIT_FAILED : WEIR_EXIT_OK;
}
