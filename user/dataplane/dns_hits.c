/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns_hits.c - how often prepared answers were given. An entry has one counter on each CPU, which
 * it keeps whatever it becomes; so the kernel pays for an addition, and the agent for the names. */
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "base/mem.h"
#include "dataplane/dns_impl.h"
#include "weir.skel.h"

static uint64_t sum_of(const struct weir_plane *p, uint32_t hits)
{
	uint32_t cpus = bpf_map__max_entries(p->skel->maps.weir_dns_hits);
	uint64_t sum = 0;

	for (uint32_t cpu = 0; cpu < cpus; cpu++)
		sum += __atomic_load_n(&p->dns_hits[cpu].of[hits], __ATOMIC_RELAXED);
	return sum;
}

void weir_plane_dns_hits(struct weir_plane *p, weir_plane_hits_fn *fn, void *arg)
{
	struct dns_hits *h = &p->dns->hits;

	for (uint32_t i = 0; i < h->n; i++) {
		struct dns_hit *hit = &h->of[i];
		uint64_t now;

		if (!hit->used)
			continue;
		now = sum_of(p, i);
		if (now != hit->seen && fn)
			fn(arg, hit->name, hit->name_len, hit->tag, now - hit->seen);
		hit->seen = now;
		if (!hit->leaving)
			continue;
		hit->used = hit->leaving = false;
		h->free[h->n_free++] = (uint16_t)i;
	}
}

static void make_room(struct dns_hits *h)
{
	if (h->n < h->room)
		return;
	h->room = h->room ? 2 * h->room : 64;
	h->of = weir_grow(h->of, h->room, sizeof(*h->of));
	h->free = weir_grow(h->free, h->room, sizeof(*h->free));
}

/* When all are taken some of them were left, since there are no more entries than those; what these
 * had to tell is lost. */
uint32_t dns_hits_take(struct weir_plane *p, const struct weir_hot_answer *answer, uint64_t tag)
{
	struct dns_hits *h = &p->dns->hits;
	uint32_t i;

	if (!h->n_free && h->n == WEIR_MAX_HOT_ANSWERS)
		weir_plane_dns_hits(p, NULL, NULL);
	if (h->n_free) {
		i = h->free[--h->n_free];
	} else {
		make_room(h);
		i = h->n++;
	}
	h->of[i] = (struct dns_hit){
		.seen = sum_of(p, i), .tag = tag, .name_len = answer->name_len, .used = true
	};
	memcpy(h->of[i].name, answer->name, answer->name_len);
	return i;
}

bool dns_hits_are(const struct weir_plane *p, uint32_t hits, uint64_t tag)
{
	return p->dns->hits.of[hits].tag == tag;
}

void dns_hits_leave(struct weir_plane *p, uint32_t hits)
{
	p->dns->hits.of[hits].leaving = true;
}

void dns_hits_fini(struct weir_plane *p)
{
	free(p->dns->hits.of);
	free(p->dns->hits.free);
}
