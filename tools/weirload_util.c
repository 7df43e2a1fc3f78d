/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirload_util.c - patterns, clocks, tallies, sockets and options of the traffic generator. */
#include "weirload.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"

void load_pattern(uint64_t seed, uint64_t offset, uint8_t *out, size_t len)
{
	while (len) {
		uint64_t word = weir_mix64(seed + (offset >> 3)) >> (offset & 7) * 8;
		size_t n = 8 - (offset & 7);

		if (n > len)
			n = len;
		memcpy(out, &word, n);
		offset += n;
		out += n;
		len -= n;
	}
}

bool load_pattern_ok(uint64_t seed, uint64_t offset, const uint8_t *bytes, size_t len)
{
	uint8_t want[1024];

	while (len) {
		size_t n = len < sizeof(want) ? len : sizeof(want);

		load_pattern(seed, offset, want, n);
		if (memcmp(want, bytes, n))
			return false;
		offset += n;
		bytes += n;
		len -= n;
	}
	return true;
}

static uint64_t clock_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t load_mono_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

uint64_t load_wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

void load_tally_add(struct load_tally *t, const char *name, uint64_t wall_ms)
{
	struct load_count *c = t->by;

	while (c < t->by + t->n && strncmp(c->name, name, sizeof(c->name) - 1))
		c++;
	if (c == t->by + LOAD_NAMES)
		c--;
	if (c == t->by + t->n) {
		snprintf(c->name, sizeof(c->name), "%s", name);
		c->first = wall_ms;
		t->n++;
	}
	c->count++;
	if (wall_ms < c->first)
		c->first = wall_ms;
	if (wall_ms > c->last)
		c->last = wall_ms;
}

void load_tally_print(const struct load_tally *t, const char *key, enum load_field field)
{
	printf("\"%s\":{", key);
	for (uint32_t i = 0; i < t->n; i++) {
		const struct load_count *c = &t->by[i];
		uint64_t v = field == LOAD_COUNT   ? c->count
			     : field == LOAD_FIRST ? c->first
						   : c->last;

		printf("%s\"", i ? "," : "");
		for (const char *s = c->name; *s; s++)
			putchar(isalnum((unsigned char)*s) || strchr("-_. ", *s) ? *s : '?');
		printf("\":%llu", (unsigned long long)v);
	}
	putchar('}');
}

const char *load_failure(int err)
{
	switch (err) {
	case ECONNREFUSED:
		return "refused";
	case ECONNRESET:
	case EPIPE:
		return "reset";
	case ETIMEDOUT:
		return "timeout";
	case EHOSTUNREACH:
	case ENETUNREACH:
		return "unreachable";
	}
	return "other";
}

int load_connect(const struct weir_sockaddr *to, const struct weir_sockaddr *from, int type)
{
	struct sockaddr_storage ss, source;
	socklen_t len = weir_sockaddr_native(to, &ss), from_len = 0;
	int fd = socket(ss.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err, on = 1;

	if (fd < 0)
		return -1;
	if (from) {
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
		from_len = weir_sockaddr_native(from, &source);
	}
	if ((!from || !bind(fd, (struct sockaddr *)&source, from_len)) &&
	    (!connect(fd, (struct sockaddr *)&ss, len) || errno == EINPROGRESS))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

int load_epoll(void)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), fd;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	assert(epoll >= 0 && fd >= 0);
	load_watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, NULL);
	return epoll;
}

void load_watch(int epoll, int op, int fd, uint32_t events, void *ptr)
{
	struct epoll_event ev = { .events = events, .data.ptr = ptr };
	int err = epoll_ctl(epoll, op, fd, &ev);

	assert(!err);
	(void)err;
}

uint64_t load_number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || v < min || v > max)
		load_usage("--%s %s: must be %llu to %llu", option, text, (unsigned long long)min,
			   (unsigned long long)max);
	return v;
}

uint64_t load_seconds_ms(const char *option, const char *text)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end || !isfinite(v) || v < 0.001 || v > 86400)
		load_usage("--%s %s: must be seconds, 0.001 to 86400", option, text);
	return (uint64_t)(v * 1000 + 0.5);
}

struct weir_sockaddr load_source(const char *text)
{
	struct weir_sockaddr from = { .port = 0 };

	if (!weir_addr_parse(text, &from.addr))
		load_usage("%s is not an address", text);
	return from;
}

struct weir_sockaddr load_target(int argc, char **argv, int at)
{
	struct weir_sockaddr to;

	if (at != argc - 1)
		load_usage("one ADDR:PORT is needed");
	if (!weir_sockaddr_parse(argv[at], 0, &to))
		load_usage("%s is not ADDR:PORT", argv[at]);
	return to;
}
