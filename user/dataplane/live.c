/* SPDX-License-Identifier: GPL-2.0-or-later */
/* live.c - what the packet path learns of endpoints from live traffic: who does not answer, which
 * rows it has unsettled for that, and how long handshakes take. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/log.h"
#include "base/mem.h"
#include "dataplane/plane_impl.h"
#include "weir.skel.h"

#define REFUSED_MS 10000

static int on_news(void *plane, void *data, size_t len)
{
	const struct weir_news *news = data;
	struct weir_plane *p = plane;
	uint32_t slot = len < sizeof(*news) ? WEIR_NO_ENDPOINT : news->slot;

	if (p->on_silence && slot < p->slot_top && p->ids[slot].used)
		p->on_silence(p->on_silence_arg, &p->ids[slot]);
	return 0;
}

int live_open(struct weir_plane *p)
{
	p->news = ring_buffer__new(bpf_map__fd(p->skel->maps.weir_news), on_news, p, NULL);
	if (p->news)
		return 0;
	weir_error("what the packet path learns of endpoints cannot be heard: %s", strerror(errno));
	return -errno;
}

int live_fd(const struct weir_plane *p)
{
	return ring_buffer__epoll_fd(p->news);
}

void live_readable(struct weir_plane *p)
{
	ring_buffer__consume(p->news);
}

void live_close(struct weir_plane *p)
{
	ring_buffer__free(p->news);
}

void weir_plane_on_silence(struct weir_plane *p, weir_plane_silence_fn *fn, void *arg)
{
	p->on_silence = fn;
	p->on_silence_arg = arg;
}

void weir_plane_forgive(struct weir_plane *p, const union weir_addr *addr, __be16 port)
{
	for (uint8_t mode = 0; mode < WEIR_MODE_COUNT; mode++)
		p->live[endpoint_find(p, addr, port, mode)].unanswered = 0;
}

/* Routers send few errors a second for each destination, so those that belong together may be some
 * time apart. Nobody can prove that one is true: what they can do is bounded as for SYNs. */
void live_refused(struct weir_plane *p, uint32_t slot)
{
	struct slot *s = &p->slots[slot];

	__atomic_fetch_add(&p->live[slot].refused, 1, __ATOMIC_RELAXED);
	s->refusals = p->now_ms - s->refused_ms > REFUSED_MS ? 1 : s->refusals + 1;
	s->refused_ms = p->now_ms;
	if (s->refusals < WEIR_SUSPECT || !p->live[slot].syns || !p->on_silence)
		return;
	s->refusals = 0;
	p->on_silence(p->on_silence_arg, &p->ids[slot]);
}

/* --- rows that left rest for a flow that was moved --- */

/* How many SYNs the packet path has sent to a second choice. */
static uint64_t moved(const struct weir_plane *p)
{
	int cpus = libbpf_num_possible_cpus();
	struct weir_count *per_cpu = weir_new_array((size_t)cpus, struct weir_count);
	uint32_t key = WEIR_FORWARD_SECOND;
	uint64_t n = 0;

	if (!bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.weir_reason_counts), &key, per_cpu))
		for (int i = 0; i < cpus; i++)
			n += per_cpu[i].packets;
	free(per_cpu);
	return n;
}

static void notice_table(struct weir_plane *p, struct table *x, uint64_t now_ms)
{
	for (uint32_t i = 0; i < x->size; i++) {
		if (p->rows[x->base + i].prev == WEIR_ROW_REST || (x->window && x->window[i].open))
			continue;
		table_window(x, i, now_ms);
		x->unsettled++;
		p->records = true;
	}
}

void live_notice(struct weir_plane *p, uint64_t now_ms)
{
	uint64_t n = moved(p);

	if (n == p->n_moved)
		return;
	p->n_moved = n;
	for (struct table *x = p->tables; x; x = x->next)
		if (x->group) /* a service that is watched is in one */
			notice_table(p, x, now_ms);
}

/* --- what was counted --- */

static void forget_handshakes(struct weir_plane *p, uint32_t slot)
{
	int fd = bpf_map__fd(p->skel->maps.weir_handshakes);

	for (uint32_t region = 0; region <= p->n_regions; region++) {
		struct weir_handshake_key key = { slot, region };

		bpf_map_delete_elem(fd, &key);
	}
}

void live_forget(struct weir_plane *p, uint32_t slot)
{
	if (!p->live[slot].syns && !p->live[slot].answered)
		return;
	memset(&p->live[slot], 0, sizeof(p->live[slot]));
	forget_handshakes(p, slot);
}

void weir_plane_handshakes(const struct weir_plane *p, weir_plane_handshakes_fn *fn, void *arg)
{
	int fd = bpf_map__fd(p->skel->maps.weir_handshakes);
	struct weir_handshake_key key, *last = NULL;
	struct weir_handshakes h;

	for (uint32_t i = 0; i < WEIR_HANDSHAKES && !bpf_map_get_next_key(fd, last, &key); i++) {
		last = &key;
		if (key.slot >= p->slot_top || !p->ids[key.slot].used ||
		    bpf_map_lookup_elem(fd, &key, &h))
			continue;
		fn(arg, &p->ids[key.slot], key.region, &h);
	}
}

/* --- regions of clients --- */

/* Takes everything out of a map. */
static void clear(int fd, void *key)
{
	while (!bpf_map_get_next_key(fd, NULL, key) && !bpf_map_delete_elem(fd, key))
		;
}

void weir_plane_regions(struct weir_plane *p, const struct weir_region *regions, uint32_t n)
{
	int fd = bpf_map__fd(p->skel->maps.weir_regions);
	struct weir_handshake_key handshake;
	struct weir_region_key key;

	clear(fd, &key);
	clear(bpf_map__fd(p->skel->maps.weir_handshakes), &handshake);
	p->n_regions = n;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t region = i + 1;

		for (uint32_t k = 0; k < regions[i].n_prefixes; k++) {
			const struct weir_prefix *of = &regions[i].prefixes[k];

			key = (struct weir_region_key){ .bits = 32 + of->bits, .addr = of->addr };
			if (bpf_map_update_elem(fd, &key, &region, BPF_ANY))
				weir_error("region %s: the kernel does not take it: %s",
					   regions[i].name, strerror(errno));
		}
	}
}
