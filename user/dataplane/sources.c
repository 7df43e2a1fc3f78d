/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources.c - sets of prefixes of clients, allowed and denied.
 *
 * A set never changes: a balancer goes on with the one that it has, or gets a new one, written as a
 * whole before a service names it. A set that no service names is removed when no packet can still
 * ask for it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "dataplane/plane_impl.h"
#include "weir.skel.h"

struct source_set {
	uint32_t id, n, room;
	uint64_t digest; /* the same for the same prefixes, in any order */
	bool used, idle; /* by a service; not even at the tick before this one */
	struct weir_source_key *keys;
};

static int map_fd(const struct weir_plane *p)
{
	return bpf_map__fd(p->skel->maps.weir_sources);
}

static uint64_t digest_of(uint32_t bits, const union weir_addr *addr, uint32_t is)
{
	return weir_mix64(weir_hash_bytes((uint64_t)bits << 32 | is, addr, sizeof(*addr)));
}

static int by_id(const void *a, const void *b)
{
	const struct source_set *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static struct source_set *find_set(const struct weir_plane *p, uint32_t id)
{
	struct source_set key = { .id = id };

	if (!p->n_source_sets)
		return NULL;
	return bsearch(&key, p->source_sets, p->n_source_sets, sizeof(key), by_id);
}

/* Ids count upwards, so that new sets are behind all others. */
static struct source_set *new_set(struct weir_plane *p, uint32_t id)
{
	struct source_set *s;

	p->source_sets = weir_grow(p->source_sets, p->n_source_sets + 1, sizeof(*s));
	s = &p->source_sets[p->n_source_sets++];
	*s = (struct source_set){ .id = id };
	if (id >= p->next_source_set)
		p->next_source_set = id + 1;
	return s;
}

static void add_key(struct source_set *s, const struct weir_source_key *key, uint32_t is)
{
	if (s->n == s->room) {
		s->room = s->room ? 2 * s->room : 16;
		s->keys = weir_grow(s->keys, s->room, sizeof(*s->keys));
	}
	s->keys[s->n++] = *key;
	s->digest += digest_of(key->bits, &key->addr, is);
}

void sources_adopt(struct weir_plane *p)
{
	struct weir_source_key key, before;
	const void *from = NULL;

	p->next_source_set = 1;
	while (!bpf_map_get_next_key(map_fd(p), from, &key)) {
		struct source_set *s = find_set(p, key.set);
		uint32_t is = WEIR_SOURCE_DENY;

		if (!s) {
			new_set(p, key.set);
			qsort(p->source_sets, p->n_source_sets, sizeof(*s), by_id);
			s = find_set(p, key.set);
		}
		if (!bpf_map_lookup_elem(map_fd(p), &key, &is))
			add_key(s, &key, is);
		before = key;
		from = &before;
	}
}

/* Finds the sets of balancers that have what they shall have. */
static void keep_sets(const struct weir_plane *p, const struct weir_tables *t,
		      const struct planned *services, struct weir_special *specials)
{
	uint64_t *digest = weir_new_array(t->n_groups, uint64_t);

	for (uint32_t i = 0; i < t->n_groups; i++)
		for (uint32_t n = 0; n < t->groups[i].n_sources; n++) {
			const struct weir_tables_source *s = &t->groups[i].sources[n];

			digest[i] += digest_of(32u + s->of.bits, &s->of.addr, s->allow);
		}
	for (uint32_t i = 0; i < t->n_services; i++) {
		const struct service *k = services[i].service;
		uint32_t group = (uint32_t)(t->services[i].table->group - t->groups);
		const struct weir_service_key *key = k ? &p->services[k->at].key : NULL;
		const struct source_set *s = NULL;

		if (key && key->flags & WEIR_SERVICE_SOURCES)
			s = find_set(p, p->specials[key->id].sources);
		if (s && s->n == t->groups[group].n_sources && s->digest == digest[group])
			specials[group].sources = s->id;
	}
	free(digest);
}

static int write_set(struct weir_plane *p, const struct weir_tables_group *t, uint32_t *id)
{
	struct source_set *s = new_set(p, p->next_source_set);

	*id = s->id;
	for (uint32_t i = 0; i < t->n_sources; i++) {
		const struct weir_tables_source *of = &t->sources[i];
		struct weir_source_key key = {
			.bits = 32u + of->of.bits,
			.set = s->id,
			.addr = of->of.addr,
		};
		uint32_t is = of->allow ? WEIR_SOURCE_ALLOW : WEIR_SOURCE_DENY;

		if (bpf_map_update_elem(map_fd(p), &key, &is, BPF_NOEXIST))
			return -errno;
		add_key(s, &key, is);
	}
	return 0;
}

int sources_sync(struct weir_plane *p, const struct weir_tables *t, const struct planned *services,
		 struct weir_special *specials)
{
	int err = 0;

	keep_sets(p, t, services, specials);
	for (uint32_t i = 0; i < t->n_services && !err; i++) {
		const struct weir_tables_group *x = t->services[i].table->group;
		uint32_t *set = &specials[x - t->groups].sources;

		if (!(t->services[i].flags & WEIR_SERVICE_SOURCES) || *set)
			continue;
		err = write_set(p, x, set);
		if (err)
			weir_error("%s: the packet path does not take its source rules: %s",
				   x->lb->name, strerror(-err));
	}
	return err;
}

static void remove_set(struct weir_plane *p, struct source_set *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		bpf_map_delete_elem(map_fd(p), &s->keys[i]);
	free(s->keys);
}

void sources_reclaim(struct weir_plane *p)
{
	uint32_t kept = 0;

	if (!p->n_source_sets)
		return;
	for (uint32_t i = 0; i < p->n_source_sets; i++)
		p->source_sets[i].used = false;
	for (uint32_t i = 0; i < p->n_services; i++) {
		const struct weir_service_key *key = &p->services[p->service[i].at].key;
		struct source_set *s = NULL;

		if (key->flags & WEIR_SERVICE_SOURCES)
			s = find_set(p, p->specials[key->id].sources);
		if (s)
			s->used = true;
	}
	for (uint32_t i = 0; i < p->n_source_sets; i++) {
		struct source_set *s = &p->source_sets[i];

		if (!s->used && s->idle) {
			remove_set(p, s);
			continue;
		}
		s->idle = !s->used;
		p->source_sets[kept++] = *s;
	}
	p->n_source_sets = kept;
}

void sources_free(struct weir_plane *p)
{
	for (uint32_t i = 0; i < p->n_source_sets; i++)
		free(p->source_sets[i].keys);
	free(p->source_sets);
}
