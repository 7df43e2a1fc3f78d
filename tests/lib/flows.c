/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flows.c - what the packet program remembers of flows, found as weir/abi.h says. */
#include "plane.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "weir.skel.h"

const uint32_t plane_hash_key[WEIR_HASH_KEYS] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
						  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
						  0xcbbb9d5d, 0x629a292a };

uint64_t plane_hash(const struct flow *f)
{
	uint16_t ports[2] = { htons(f->sport), htons(f->dport) };
	uint32_t first;

	memcpy(&first, ports, 4);
	return plane_hash_of(&f->src, &f->dst, first, f->proto);
}

uint64_t plane_hash_of(const union weir_addr *src, const union weir_addr *dst, uint32_t first,
		       uint32_t second)
{
	uint32_t a[5] = { first }, b[5] = { second };
	uint64_t h = 0;

	memcpy(a + 1, src->b, 16);
	memcpy(b + 1, dst->b, 16);
	for (int i = 0; i < 5; i++)
		h += (uint64_t)(uint32_t)(a[i] + plane_hash_key[2 * i]) *
		     (uint32_t)(b[i] + plane_hash_key[2 * i + 1]);
	for (int i = 0; i < 2; i++)
		h = (h ^ h >> 32) * 0xd6e8feb86659fd93ull;
	return h ^ h >> 32;
}

uint64_t plane_hash_client(const struct flow *f)
{
	static const union weir_addr none;

	return plane_hash_of(&f->src, &none, 0, 0);
}

void plane_set_conns(struct plane *p, uint32_t slot, uint32_t limit, uint16_t weight)
{
	struct weir_conns *c = &p->conns[weir_conns_index(slot)];

	c->limit = limit;
	c->weight = weight;
}

int32_t plane_open(const struct plane *p, uint32_t slot)
{
	const struct weir_conns *c = &p->conns[weir_conns_index(slot)];

	return (int32_t)(c->opened - c->closed);
}

struct weir_flow_bucket *plane_bucket(const struct plane *p, const struct flow *f)
{
	return &p->flows[(plane_hash(f) >> 16) % WEIR_FLOW_BUCKETS];
}

struct weir_flow *plane_record(const struct plane *p, const struct plane_service *s,
			       const struct flow *f)
{
	return plane_record_of(p, plane_hash(f), s->id);
}

struct weir_flow *plane_record_of(const struct plane *p, uint64_t hash, uint32_t id)
{
	uint64_t key = (hash & 0xffffffff0000ffffull) | (uint64_t)id << 16;
	uint64_t first = hash >> 16, buckets[2] = { first, first ^ (hash >> 48 | 1) };

	for (int i = 0; i < 2 * WEIR_FLOW_WAYS; i++) {
		struct weir_flow_bucket *b =
			&p->flows[buckets[i / WEIR_FLOW_WAYS] % WEIR_FLOW_BUCKETS];

		if (b->way[i % WEIR_FLOW_WAYS].key == key)
			return &b->way[i % WEIR_FLOW_WAYS];
	}
	return NULL;
}

uint32_t plane_now(const struct plane *p)
{
	uint8_t packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet, .data_size_in = sizeof(packet));

	if (bpf_prog_test_run_opts(bpf_program__fd(p->skel->progs.weir_clock), &run)) {
		perror("weir_clock");
		exit(1);
	}
	return p->skel->bss->weir_now;
}

uint32_t plane_idle(const struct plane *p)
{
	return p->skel->rodata->weir_flow_idle << WEIR_FLOW_FLAGS;
}

struct weir_syn_bucket *plane_syn_bucket(const struct plane *p, const struct flow *f)
{
	uint32_t tag = plane_hash(f) >> 32;

	return &p->syns[(tag ^ tag >> 16) % WEIR_SYN_BUCKETS];
}

struct weir_syn *plane_syn(const struct plane *p, const struct flow *f)
{
	struct weir_syn_bucket *b = plane_syn_bucket(p, f);
	uint32_t tag = plane_hash(f) >> 32;
	struct weir_syn *unused = NULL;

	for (int i = 0; i < WEIR_SYN_WAYS; i++) {
		if (b->way[i].tag == tag)
			return &b->way[i];
		if (!b->way[i].at)
			unused = &b->way[i];
	}
	return unused;
}

uint32_t plane_syn_now(const struct plane *p)
{
	return plane_now(p) >> WEIR_FLOW_FLAGS << WEIR_FLOW_TICK;
}

uint32_t plane_jiffies(const struct plane *p, uint32_t ms)
{
	return (uint32_t)((uint64_t)ms * p->skel->rodata->weir_hz / 1000);
}
