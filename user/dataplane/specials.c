/* SPDX-License-Identifier: GPL-2.0-or-later */
/* specials.c - services that are not usual: their flags, and what goes with them. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dataplane/plane_impl.h"
#include "weir.skel.h"

static struct weir_service_key *key_of(const struct weir_plane *p, const struct service *k)
{
	return &p->services[k->at].key;
}

void specials_adopt(struct weir_plane *p)
{
	for (uint32_t i = 0; i < p->n_services; i++) {
		const struct service *k = &p->service[i];
		const struct weir_service_key *key = key_of(p, k);

		if (!key->flags || !k->table)
			continue;
		k->table->group = p->specials[key->id].group;
		if (k->table->group >= p->next_group)
			p->next_group = k->table->group + 1;
	}
}

/* Numbers go round, since records of clients carry them. There are as many as services. */
static uint32_t take_group(struct weir_plane *p, bool *used)
{
	uint32_t g = p->next_group;

	while (!g || used[g % WEIR_MAX_SERVICES])
		g = (g + 1) % WEIR_MAX_SERVICES;
	used[g] = true;
	p->next_group = (g + 1) % WEIR_MAX_SERVICES;
	return g;
}

/* By group of t: the one that one of its services is in already, or a new one. Only for those of
 * services with flags. */
static void choose_groups(struct weir_plane *p, const struct weir_tables *t,
			  const struct planned *services, struct weir_special *to)
{
	bool *used = weir_new_array(WEIR_MAX_SERVICES, bool);

	used[0] = true;
	for (uint32_t i = 0; i < t->n_services; i++) {
		const struct service *k = services[i].service;
		uint32_t *group = &to[t->services[i].table->group - t->groups].group;
		uint32_t is = k && key_of(p, k)->flags ? p->specials[key_of(p, k)->id].group : 0;

		if (!(t->services[i].flags || services[i].steer) || *group || used[is])
			continue;
		*group = is;
		used[is] = true;
	}
	for (uint32_t i = 0; i < t->n_services; i++) {
		uint32_t *group = &to[t->services[i].table->group - t->groups].group;

		if ((t->services[i].flags || services[i].steer) && !*group)
			*group = take_group(p, used);
	}
	free(used);
}

/* What a client's record lives longer than a flow's, in ticks. */
static uint32_t hold_ticks(const struct weir_plane *p, uint32_t affinity_ms)
{
	uint64_t idle_ms = WEIR_FLOW_IDLE_S * 1000;

	if (affinity_ms <= idle_ms)
		return 0;
	return (uint32_t)((affinity_ms - idle_ms) * p->skel->rodata->weir_hz / 1000 >>
			  WEIR_FLOW_TICK);
}

/* What of an address counts: the first bits of 128. */
static union weir_addr mask_of(unsigned bits)
{
	union weir_addr mask = { { 0 } };

	for (unsigned i = 0; i < bits; i++)
		mask.b[i / 8] |= (uint8_t)(0x80 >> i % 8);
	return mask;
}

static void set_rate(struct weir_special *to, const struct weir_source_rules *r)
{
	if (!r->packets_per_second)
		return;
	to->rate = r->packets_per_second;
	to->burst = r->burst;
	to->rate_mask[0] = mask_of(96u + r->prefix_v4);
	to->rate_mask[1] = mask_of(r->prefix_v6);
}

struct weir_special *specials_plan(struct weir_plane *p, const struct weir_tables *t,
				   const struct planned *services)
{
	struct weir_special *to = weir_new_array(t->n_groups, struct weir_special);

	choose_groups(p, t, services, to);
	for (uint32_t i = 0; i < t->n_groups; i++) {
		to[i].hold = hold_ticks(p, t->groups[i].affinity_ms);
		set_rate(&to[i], &t->groups[i].lb->sources);
	}
	return to;
}

static void store_steer(struct weir_special *to, struct weir_steer_ref ref)
{
	uint64_t word;

	memcpy(&word, &ref, sizeof(word));
	__atomic_store_n((uint64_t *)(void *)&to->steer, word, __ATOMIC_RELEASE);
}

/* Packets read it all at any time: what flags need is there before them. */
void special_write(struct weir_plane *p, struct weir_service_key *key, uint16_t flags,
		   const struct steer *steer, const struct weir_special *want)
{
	struct weir_special *is = &p->specials[key->id], next = *want;

	next.steer = is->steer; /* packets that saw the flag may still ask for it */
	if (steer)
		flags |= WEIR_SERVICE_STEER;

	if (flags & WEIR_SERVICE_COUNTED)
		flags |= WEIR_SERVICE_RECORDED;
	else
		flags |= key->flags & WEIR_SERVICE_RECORDED; /* conns.c sees when that is over */
	p->records |= flags & WEIR_SERVICE_RECORDED;
	if (!flags && key->flags)
		__atomic_store_n(&key->flags, 0, __ATOMIC_RELEASE);
	if (memcmp(is, &next, sizeof(next)))
		*is = next;
	if (steer)
		store_steer(is, steer_ref(steer));
	if (key->flags != flags)
		__atomic_store_n(&key->flags, flags, __ATOMIC_RELEASE);
}
