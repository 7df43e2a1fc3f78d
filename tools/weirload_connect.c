/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirload_connect.c - many short TCP connections: who answers how many, and what fails. */
#include "weirload.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "weir/api.h"

/* One connection. All have the same timeout, so they expire in the order of the list. */
struct conn {
	struct conn *prev, *next;
	int fd;
	bool asked;
	uint64_t deadline_ms;  /* monotonic */
	uint64_t started_wall; /* ms */
	size_t len;
	char answer[1024];
};

struct run {
	struct weir_sockaddr to, from; /* from: all zeros, any */
	uint64_t want;                 /* connections, 0: endless */
	uint64_t for_ms, every_ms, timeout_ms, parallel;
	char request[256];

	int epoll;
	uint64_t begin_ms, started, finished, failed, open;
	bool stop; /* start no more */
	struct conn list;
	struct load_tally by, failures;
};

static void end(struct run *r, struct conn *c, const char *failure)
{
	if (failure) {
		r->failed++;
		load_tally_add(&r->failures, failure, c->started_wall);
	}
	r->finished++;
	r->open--;
	c->prev->next = c->next;
	c->next->prev = c->prev;
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

static void start(struct run *r)
{
	struct conn *c = weir_new(struct conn);

	c->started_wall = load_wall_ms();
	c->deadline_ms = load_mono_ms() + r->timeout_ms;
	c->prev = r->list.prev;
	c->next = &r->list;
	c->prev->next = c->next->prev = c;
	r->started++;
	r->open++;
	c->fd = load_connect(&r->to, r->from.addr.q[0] | r->from.addr.q[1] ? &r->from : NULL,
			     SOCK_STREAM);
	if (c->fd < 0)
		end(r, c, load_failure(errno));
	else
		load_watch(r->epoll, EPOLL_CTL_ADD, c->fd, EPOLLOUT, c);
}

/* The answer is whole: its body's first line names the server. */
static void judge(struct run *r, struct conn *c)
{
	char *body;

	c->answer[c->len] = 0;
	body = strstr(c->answer, "\r\n\r\n");
	if (!c->len) {
		end(r, c, "eof");
	} else if (strncmp(c->answer, "HTTP/1.", 7) || strncmp(c->answer + 8, " 200 ", 5) ||
		   !body) {
		end(r, c, "bad answer");
	} else {
		body += 4;
		body[strcspn(body, "\r\n")] = 0;
		load_tally_add(&r->by, body, c->started_wall);
		end(r, c, NULL);
	}
}

static void progress(struct run *r, struct conn *c)
{
	ssize_t n;

	if (!c->asked) {
		n = send(c->fd, r->request, strlen(r->request), 0);
		if (n < 0) {
			end(r, c, load_failure(errno));
			return;
		}
		c->asked = true;
		load_watch(r->epoll, EPOLL_CTL_MOD, c->fd, EPOLLIN, c);
		return;
	}
	n = recv(c->fd, c->answer + c->len, sizeof(c->answer) - 1 - c->len, 0);
	if (n < 0) {
		if (errno != EAGAIN)
			end(r, c, load_failure(errno));
		return;
	}
	c->len += (size_t)n;
	if (!n || c->len == sizeof(c->answer) - 1)
		judge(r, c);
}

/* Starts what is due. Returns for how many ms nothing will be. */
static int start_due(struct run *r, uint64_t now)
{
	for (int burst = 0; burst < 64; burst++) {
		uint64_t due = r->begin_ms + r->started * r->every_ms;

		if ((r->want && r->started == r->want) ||
		    (r->for_ms && now >= r->begin_ms + r->for_ms))
			r->stop = true;
		if (r->stop || r->open >= r->parallel)
			return 1000;
		if (due > now)
			return (int)(due - now < 1000 ? due - now : 1000);
		start(r);
	}
	return 0;
}

static void loop(struct run *r)
{
	struct epoll_event ev[64];

	r->begin_ms = load_mono_ms();
	for (;;) {
		uint64_t now = load_mono_ms();
		int wait = start_due(r, now), n;

		if (r->stop && !r->open)
			return;
		if (r->open && r->list.next->deadline_ms < now + (uint64_t)wait)
			wait = r->list.next->deadline_ms <= now
				       ? 0
				       : (int)(r->list.next->deadline_ms - now);
		n = epoll_wait(r->epoll, ev, 64, wait);
		for (int i = 0; i < n; i++) {
			if (ev[i].data.ptr)
				progress(r, ev[i].data.ptr);
			else
				return; /* a signal: what is open is not judged */
		}
		now = load_mono_ms();
		while (r->open && r->list.next->deadline_ms <= now)
			end(r, r->list.next, "timeout");
	}
}

static void options(struct run *r, int argc, char **argv)
{
	static const struct option names[] = {
		{ "connections", 1, 0, 'n' }, { "for", 1, 0, 'f' },
		{ "every", 1, 0, 'e' },       { "parallel", 1, 0, 'p' },
		{ "timeout", 1, 0, 't' },     { "path", 1, 0, 'P' },
		{ "source", 1, 0, 'S' },      { 0 },
	};
	const char *path = "/name";
	int c, at;

	while ((c = getopt_long(argc, argv, "", names, &at)) != -1) {
		if (c == 'n')
			r->want = load_number("connections", optarg, 1, 1000000000);
		else if (c == 'f')
			r->for_ms = load_seconds_ms("for", optarg);
		else if (c == 'e')
			r->every_ms = load_number("every", optarg, 1, 60000);
		else if (c == 'p')
			r->parallel = load_number("parallel", optarg, 1, 10000);
		else if (c == 't')
			r->timeout_ms = load_seconds_ms("timeout", optarg);
		else if (c == 'S')
			r->from = load_source(optarg);
		else if (c == 'P' && *optarg == '/' && strlen(optarg) < 128)
			path = optarg;
		else
			load_usage("connect: bad options");
	}
	if (!r->want && !r->for_ms)
		r->want = 1000;
	r->to = load_target(argc, argv, optind);
	snprintf(r->request, sizeof(r->request), "GET %s HTTP/1.0\r\nHost: weirload\r\n\r\n", path);
}

int load_cmd_connect(int argc, char **argv)
{
	struct run r = { .parallel = 64, .timeout_ms = 3000 };

	options(&r, argc, argv);
	r.list.next = r.list.prev = &r.list;
	r.epoll = load_epoll();
	loop(&r);
	printf("{\"connections\":%llu,\"failed\":%llu,", (unsigned long long)r.finished,
	       (unsigned long long)r.failed);
	load_tally_print(&r.by, "by", LOAD_COUNT);
	putchar(',');
	load_tally_print(&r.by, "first", LOAD_FIRST);
	putchar(',');
	load_tally_print(&r.by, "last", LOAD_LAST);
	putchar(',');
	load_tally_print(&r.failures, "failures", LOAD_COUNT);
	putchar(',');
	load_tally_print(&r.failures, "last_failed", LOAD_LAST);
	printf(",\"seconds\":%.3f}\n", (double)(load_mono_ms() - r.begin_ms) / 1000);
	while (r.open)
		end(&r, r.list.next, NULL);
	return r.failed ? WEIR_EXIT_FAILED : WEIR_EXIT_OK;
}
