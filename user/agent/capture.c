/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capture.c - a capture as a pcapng file: snapshots of the packet path become packets with a
 * comment, until its count or its time is reached or whoever wanted it has left. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/agent_impl.h"
#include "base/log.h"
#include "base/pcapng.h"
#include "model/query.h"
#include "weir/api.h"

#define TICK_MS     100
#define BACKLOG_MAX (8u << 20) /* bytes that nobody took: no more is read, and the kernel drops */
#define TIDY        (1u << 20) /* bytes that were taken: the rest moves down */
#define NAMES       64
#define MOST_CPUS   4096

/* An interface of the file: one for each that packets come in by or leave by. */
struct side {
	uint32_t ifindex;
	uint8_t at;
	uint64_t written;
};

/* What an endpoint is called: looked up once, since there may be many origins. */
struct name {
	uint32_t slot, revision;
	char text[320];
};

struct weir_capture {
	struct weir_agent *a;
	struct weir_capture_query q;
	uv_poll_t ring;
	uv_timer_t tick;
	uint32_t n_handles;
	uint64_t until_ms;
	bool paused; /* the backlog is too long */
	bool ended;
	char summary[256];

	void (*on_news)(void *arg);
	void *arg;

	struct weir_bytes file;
	size_t taken; /* of it */
	struct side *sides;
	uint32_t n_sides;
	uint64_t began_ns, wall_ns; /* CLOCK_MONOTONIC; what makes wall clock of it */
	uint32_t packets, snapshots;
	bool taking[MOST_CPUS]; /* the packet that this CPU handed over last is in the file */
	struct name names[NAMES];
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* --- the file --- */

static uint32_t side_of(struct weir_capture *c, uint32_t ifindex, uint8_t at)
{
	char name[IF_NAMESIZE], text[IF_NAMESIZE + 8];

	for (uint32_t i = 0; i < c->n_sides; i++)
		if (c->sides[i].ifindex == ifindex && c->sides[i].at == at)
			return i;
	if (!if_indextoname(ifindex, name))
		snprintf(name, sizeof(name), "%u", ifindex);
	snprintf(text, sizeof(text), "%s %s", name, at == WEIR_CAPTURE_IN ? "in" : "out");
	weir_pcapng_interface(&c->file, text, c->q.filter.snaplen);
	c->sides = weir_grow(c->sides, c->n_sides + 1, sizeof(*c->sides));
	c->sides[c->n_sides] = (struct side){ .ifindex = ifindex, .at = at };
	return c->n_sides++;
}

/* A file without an interface is none to tcpdump: those that are attached are there from the
 * beginning. */
static void open_file(struct weir_capture *c, const char *asked)
{
	const struct weir_plane_interface *list;
	uint32_t n = weir_plane_interfaces(c->a->plane, &list);
	char comment[1280];

	snprintf(comment, sizeof(comment), "node %s, capture of %s", c->a->model->agent.node,
		 asked[0] ? asked : "everything");
	weir_pcapng_section(&c->file, "weir " WEIR_VERSION, comment);
	for (uint32_t i = 0; i < n; i++)
		for (uint8_t at = WEIR_CAPTURE_IN; at <= WEIR_CAPTURE_OUT; at++)
			if (c->q.filter.at & at && list[i].main_id)
				side_of(c, (uint32_t)list[i].ifindex, at);
}

/* With its port, where packets get one. */
static void place_text(const struct weir_plane_hop *h, char out[WEIR_SOCKADDR_TEXT])
{
	const struct weir_sockaddr s = { .addr = h->addr, .port = ntohs(h->port) };

	if (h->port)
		weir_sockaddr_text(&s, out);
	else
		weir_addr_text(&h->addr, out);
}

static const char *name_of(struct weir_capture *c, uint32_t slot)
{
	struct name *n = &c->names[slot % NAMES];
	struct weir_plane_hop h;
	const struct weir_origin *o;
	const struct weir_pool *pool;
	char at[WEIR_SOCKADDR_TEXT];

	if (n->slot == slot && n->revision == c->a->revision)
		return n->text;
	n->slot = slot;
	n->revision = c->a->revision;
	h = weir_plane_hop(c->a->plane, slot);
	o = agent_origin(c->a, NULL, &h, &pool);
	place_text(&h, at);
	if (!h.slot)
		snprintf(n->text, sizeof(n->text), "endpoint %u", slot);
	else if (o)
		snprintf(n->text, sizeof(n->text), "%s (%s)", o->name, at);
	else
		snprintf(n->text, sizeof(n->text), "%s", at);
	return n->text;
}

/* "FORWARD to fra-1 (203.0.113.11): forwarded to the endpoint of its row"; what does not get to its
 * endpoint was for it. */
static void put_snapshot(struct weir_capture *c, const struct weir_capture_event *e,
			 const void *data, uint32_t len)
{
	enum weir_reason why = (enum weir_reason)e->reason;
	char comment[640];
	struct weir_pcapng_packet p = {
		.interface = side_of(c, e->ifindex, e->at),
		.way = e->at == WEIR_CAPTURE_IN ? WEIR_PCAPNG_IN : WEIR_PCAPNG_OUT,
		.ns = e->ns + c->wall_ns,
		.data = data,
		.len = len,
		.was = e->len,
		.comment = comment,
	};

	snprintf(comment, sizeof(comment), "%s%s%s: %s", agent_reason_name(why),
		 !e->slot                   ? ""
		 : why <= WEIR_LAST_FORWARD ? " to "
					    : " for ",
		 e->slot ? name_of(c, e->slot) : "", agent_reason_text(why));
	weir_pcapng_packet(&c->file, &p);
	c->sides[p.interface].written++;
	c->snapshots++;
}

/* Numbers that no interface has for itself stand with the first. */
static void close_file(struct weir_capture *c, const struct weir_capture_session *s)
{
	for (uint32_t i = 0; i < c->n_sides; i++) {
		struct weir_pcapng_stats stats = {
			.interface = i,
			.from_ns = c->began_ns + c->wall_ns,
			.to_ns = clock_ns(CLOCK_MONOTONIC) + c->wall_ns,
			.accepted = i ? c->sides[i].written : s->matched,
			.lost = i ? 0 : s->lost,
			.written = c->sides[i].written,
			.comment = i ? NULL : c->summary,
		};

		weir_pcapng_stats(&c->file, &stats);
	}
}

/* --- packets come in --- */

/* A packet is counted with its first snapshot; those that follow it on this CPU are of the same
 * packet. */
static void on_snapshot(void *arg, int cpu, const struct weir_capture_event *e, const void *data,
			uint32_t len)
{
	struct weir_capture *c = arg;
	bool first = !e->again && (e->at == WEIR_CAPTURE_IN || !(c->q.filter.at & WEIR_CAPTURE_IN));

	if (cpu < 0 || cpu >= MOST_CPUS)
		return;
	if (first) {
		c->taking[cpu] = c->packets < c->q.count;
		c->packets += c->taking[cpu];
	}
	if (c->taking[cpu])
		put_snapshot(c, e, data, len);
}

static void on_closed(uv_handle_t *h)
{
	struct weir_capture *c = h->data;

	if (--c->n_handles)
		return;
	free(c->file.data);
	free(c->sides);
	free(c);
}

void weir_capture_end(struct weir_capture *c, const char *why)
{
	struct weir_capture_session s = { 0 };

	if (c->ended)
		return;
	c->ended = true;
	uv_close((uv_handle_t *)&c->ring, on_closed); /* while its descriptor is open */
	weir_plane_capture_stop(c->a->plane, &s);
	snprintf(c->summary, sizeof(c->summary),
		 "%s; %u of %llu packets that were asked for, %u snapshots, %llu lost", why,
		 c->packets, (unsigned long long)s.matched, c->snapshots,
		 (unsigned long long)s.lost);
	close_file(c, &s);
	weir_info("capture: ended: %s", c->summary);
}

static void on_ring(uv_poll_t *poll, int status, int events);

/* Reads, unless nobody takes what was read before. */
static void read_ring(struct weir_capture *c)
{
	size_t backlog = c->file.len - c->taken;

	if (c->paused && backlog < BACKLOG_MAX / 2) {
		c->paused = false;
		uv_poll_start(&c->ring, UV_READABLE, on_ring);
	} else if (!c->paused && backlog > BACKLOG_MAX) {
		c->paused = true;
		uv_poll_stop(&c->ring);
	}
	if (!c->paused)
		weir_plane_capture_read(c->a->plane);
}

static void turn(struct weir_capture *c)
{
	if (!c->ended)
		read_ring(c);
	if (c->packets >= c->q.count)
		weir_capture_end(c, "its count is reached");
	else if (agent_uptime_ms(c->a) >= c->until_ms)
		weir_capture_end(c, "its time is over");
	c->on_news(c->arg);
}

static void on_ring(uv_poll_t *poll, int status, int events)
{
	(void)status, (void)events;
	turn(poll->data);
}

static void on_tick(uv_timer_t *tick)
{
	turn(tick->data);
}

/* --- whoever wants it --- */

bool weir_capture_ready(const struct weir_capture *c)
{
	return c->ended || c->taken < c->file.len;
}

size_t weir_capture_take(struct weir_capture *c, char *to, size_t room)
{
	size_t n = c->file.len - c->taken;

	if (n > room)
		n = room;
	if (n)
		memcpy(to, c->file.data + c->taken, n);
	c->taken += n;
	if (c->taken == c->file.len) {
		c->taken = c->file.len = 0;
	} else if (c->taken >= TIDY) {
		c->file.len -= c->taken;
		memmove(c->file.data, c->file.data + c->taken, c->file.len);
		c->taken = 0;
	}
	return n;
}

const char *weir_capture_summary(const struct weir_capture *c)
{
	return c->ended && c->taken == c->file.len ? c->summary : NULL;
}

/* The arguments as they came, for the file and the log. */
static void asked_text(const json_t *args, char *out, size_t size)
{
	const char *key;
	json_t *v;
	size_t n = 0;

	out[0] = 0;
	json_object_foreach((json_t *)args, key, v)
	{
		if (n < size)
			n += (size_t)snprintf(out + n, size - n, "%s%s %s", n ? ", " : "", key,
					      json_string_value(v));
	}
}

static int refuse(struct weir_err *err, int rc)
{
	if (rc == -EBUSY)
		weir_err_set(err, "", "a capture is running, and there is one at a time");
	else if (rc == -ENODEV)
		weir_err_set(err, "",
			     "no interface runs the packet program: there is nothing to capture");
	else
		weir_err_set(err, "", "the packet path cannot capture: %s (the log says more)",
			     strerror(-rc));
	return rc == -EINVAL ? -EIO : rc;
}

static void start_handles(struct weir_capture *c)
{
	uv_poll_init(c->a->loop, &c->ring, weir_plane_capture_fd(c->a->plane));
	uv_timer_init(c->a->loop, &c->tick);
	c->ring.data = c->tick.data = c;
	c->n_handles = 2;
	uv_poll_start(&c->ring, UV_READABLE, on_ring);
	uv_timer_start(&c->tick, on_tick, TICK_MS, TICK_MS);
}

int weir_agent_capture(struct weir_agent *a, const json_t *args, void (*on_news)(void *arg),
		       void *arg, struct weir_capture **out, struct weir_err *err)
{
	struct weir_capture *c;
	struct weir_capture_query q;
	char asked[900];
	int rc;

	if (!weir_capture_query_parse(args, &q, err))
		return -EINVAL;
	c = weir_new(struct weir_capture);
	c->a = a;
	c->on_news = on_news;
	c->arg = arg;
	c->began_ns = clock_ns(CLOCK_MONOTONIC);
	c->wall_ns = clock_ns(CLOCK_REALTIME) - c->began_ns;
	c->until_ms = agent_uptime_ms(a) + q.for_ms;
	q.filter.until_ns = c->began_ns + (uint64_t)q.for_ms * 1000000;
	c->q = q;
	rc = weir_plane_capture_start(a->plane, &q.filter, on_snapshot, c);
	if (rc) {
		free(c);
		return refuse(err, rc);
	}
	asked_text(args, asked, sizeof(asked));
	weir_info("capture: begins: %s", asked[0] ? asked : "everything");
	open_file(c, asked);
	start_handles(c);
	*out = c;
	return 0;
}

void weir_capture_free(struct weir_capture *c)
{
	if (!c)
		return;
	weir_capture_end(c, "its client has left");
	uv_close((uv_handle_t *)&c->tick, on_closed);
}
