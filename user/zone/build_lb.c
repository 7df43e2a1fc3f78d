/* SPDX-License-Identifier: GPL-2.0-or-later */
/* build_lb.c - the names of load balancers: VIPs of those that are proxied, else the origins that
 * serve, of each mix of pools for the clients it is for. */
#include <stdlib.h>
#include <string.h>

#include "zone/build.h"

/* Whether a mix is answered with names of its origins: all that serve want it so. */
static bool answers_names(const struct weir_view_mix *mix)
{
	bool names = mix->n_serving;

	for (uint32_t i = 0; names && i < mix->n; i++)
		names = !mix->members[i].now || (mix->members[i].origin->host_name &&
						 !mix->members[i].origin->flatten_cname);
	return names;
}

/* The names that origins have, one of which is answered by weight: addresses of one name, which are
 * neighbours, are named together. */
static const struct weir_set *names_of(struct weir_arena *a, const struct weir_view_mix *mix,
				       uint32_t ttl, const struct weir_set *rest)
{
	struct weir_rr *rrs = weir_arena_new_array(a, mix->n, struct weir_rr);
	struct weir_set *set = weir_arena_new_array(a, 1, struct weir_set);
	const char *last = NULL;
	struct weir_name name;
	uint32_t n = 0;

	for (uint32_t i = 0; i < mix->n; i++) {
		const struct weir_view_member *m = &mix->members[i];

		if (!m->now)
			continue;
		if (!last || strcmp(m->origin->host_name, last) != 0) {
			last = m->origin->host_name;
			weir_build_name(last, &name);
			rrs[n++] = weir_rr_make(a, WEIR_TYPE_CNAME, ttl, name.wire, name.len);
		}
		rrs[n - 1].upto += m->now;
	}
	weir_build_weigh(rrs, n);
	*set = (struct weir_set){
		.next = rest, .rrs = rrs, .n = n, .type = WEIR_TYPE_CNAME, .one = true
	};
	return set;
}

static const struct weir_set *addresses_of(struct weir_arena *a, struct weir_zone_member *m,
					   uint32_t n, uint32_t ttl, const struct weir_set *rest)
{
	n = weir_build_unite(m, n);
	weir_build_addresses(a, &rest, false, ttl, m, n);
	weir_build_addresses(a, &rest, true, ttl, m, n);
	return rest;
}

/* What a mix adds to the rest of the sets of a name. */
static const struct weir_set *mix_of(struct weir_zones_build *b, const struct weir_view_mix *mix,
				     const struct weir_view_lb *v, bool apex,
				     const struct weir_set *rest)
{
	struct weir_arena *a = b->z->arena;
	uint32_t ttl = weir_build_ttl(b, v->lb), n = 0;
	struct weir_zone_member *m;

	if (!apex && answers_names(mix)) /* a CNAME must not be at an apex */
		return names_of(a, mix, ttl, rest);
	m = weir_new_array(mix->n, struct weir_zone_member);
	for (uint32_t i = 0; i < mix->n; i++)
		if (mix->members[i].now)
			m[n++] = (struct weir_zone_member){ mix->members[i].origin->addr,
							    mix->members[i].now };
	rest = addresses_of(a, m, n, ttl, rest);
	free(m);
	return rest;
}

static const struct weir_set *vips_of(struct weir_arena *a, const struct weir_lb *lb,
				      const struct weir_set *rest)
{
	struct weir_zone_member *m = weir_new_array(lb->n_vips, struct weir_zone_member);

	for (uint32_t i = 0; i < lb->n_vips; i++)
		m[i].addr = lb->vips[i];
	rest = addresses_of(a, m, lb->n_vips, lb->ttl, rest);
	free(m);
	return rest;
}

static bool by_subnet(const struct weir_lb *lb)
{
	switch (lb->prefer_ecs) {
	case WEIR_ECS_PROXIMITY:
		return lb->policy == WEIR_POLICY_PROXIMITY;
	case WEIR_ECS_GEO:
		return lb->policy == WEIR_POLICY_GEO;
	case WEIR_ECS_ALWAYS:
		return true;
	case WEIR_ECS_NEVER:
		return false;
	}
	return false;
}

/* What view refers to outlives the snapshot, but for its ways. */
static struct weir_steered_by by_of(struct weir_arena *a, const struct weir_view_lb *v,
				    uint32_t first_mix)
{
	size_t n = (size_t)v->steer.n_classes * (v->steer.sliced ? WEIR_STEER_SLICES : 1);
	struct weir_steer_way *ways = weir_arena_new_array(a, n, struct weir_steer_way);

	memcpy(ways, v->steer.ways, n * sizeof(*ways));
	return (struct weir_steered_by){
		.ways = ways,
		.class_of = v->steer.class_of,
		.first_mix = first_mix,
		.sliced = v->steer.sliced,
		.by_resolver = v->lb->location_mode == WEIR_LOCATION_RESOLVER,
		.by_subnet = by_subnet(v->lb),
	};
}

/* Whether one of these rules answers by itself: with no address, since that is not HTTP. */
static bool answers_nothing(const struct weir_lb *lb, uint32_t rules)
{
	for (uint32_t i = 0; i < lb->n_rules; i++)
		if (rules >> i & 1 && lb->rules[i].response)
			return true;
	return false;
}

/* Answers by class of client, and by which of the balancer's rules hold for the question: variants
 * of the decision, n of them. */
static void steer(struct weir_zones_build *b, struct weir_node *node, const struct weir_view_lb *v,
		  const struct weir_view_lb *variants, uint32_t n)
{
	struct weir_arena *a = b->z->arena;
	struct weir_steered *s = weir_arena_new_array(a, 1, struct weir_steered);
	struct weir_steered_by *by = weir_arena_new_array(a, n, struct weir_steered_by);
	const bool apex = node == node->zone->apex;
	const struct weir_set **mixes;
	uint32_t k = 0, all = 0;

	for (uint32_t i = 0; i < n; i++)
		all += variants[i].steer.n_mixes;
	mixes = weir_arena_new_array(a, all, const struct weir_set *);
	for (uint32_t i = 0; i < n; i++) {
		const struct weir_view_mix *of = weir_build_mixes(b, &variants[i]);

		by[i] = by_of(a, &variants[i], k);
		for (uint32_t m = 0; m < variants[i].steer.n_mixes; m++)
			mixes[k++] = answers_nothing(v->lb, v->ruled ? i : 0)
					     ? node->sets
					     : mix_of(b, &of[m], &variants[i], apex, node->sets);
	}
	*s = (struct weir_steered){
		.mixes = mixes,
		.n_mixes = all,
		.by = by,
		.lb = v->ruled ? v->lb : NULL,
		.region = weir_region_text(b->view->model->agent.region),
	};
	node->steered = s;
}

static void add_mix(struct weir_zones_build *b, struct weir_node *node,
		    const struct weir_view_lb *v, const struct weir_view_mix *mix)
{
	const struct weir_record *r = v->lb->record;

	node->sets = mix_of(b, mix, v, node == node->zone->apex, node->sets);
	node->unknown = r && r->type == WEIR_RECORD_ALIAS && !mix->n_serving;
}

static void add_balancer(struct weir_zones_build *b, const struct weir_view_lb *v)
{
	struct weir_node *node;
	struct weir_name name;

	weir_build_name(v->lb->name, &name);
	node = weir_layer_find(&b->z->upper, name.wire, name.len);
	if (!node || !node->balanced || node->steered)
		return;
	if (v->lb->proxied)
		node->sets = vips_of(b->z->arena, v->lb, node->sets);
	else if (v->ruled)
		steer(b, node, v, v->ruled, 1u << v->lb->n_rules);
	else if (v->steer.n_mixes > 1)
		steer(b, node, v, v, 1);
	else
		add_mix(b, node, v, weir_build_mixes(b, v));
}

void weir_build_balancers(struct weir_zones_build *b)
{
	const struct weir_model *m = b->view->model;

	for (uint32_t i = 0; i < m->n_lbs; i++)
		if (b->view->lbs[i].lb->enabled)
			add_balancer(b, &b->view->lbs[i]);
}

/* What else says where the name's services are is hidden. */
static void hide_addresses(struct weir_arena *a, struct weir_node *node)
{
	const struct weir_set *all = node->sets, **end = &node->sets;

	for (const struct weir_set *s = all; s; s = s->next) {
		struct weir_set *copy;

		if (weir_build_is_address(s->type))
			continue;
		copy = weir_arena_new_array(a, 1, struct weir_set);
		*copy = *s;
		*end = copy;
		end = &copy->next;
	}
	*end = NULL;
}

void weir_build_claim(struct weir_zones_build *b)
{
	const struct weir_model *m = b->view->model;

	for (uint32_t i = 0; i < m->n_lbs; i++) {
		struct weir_node *node;
		struct weir_name name;

		if (!b->view->lbs[i].lb->enabled)
			continue;
		weir_build_name(b->view->lbs[i].lb->name, &name);
		node = weir_zones_add(b->z, &name);
		if (!node)
			continue;
		node->balanced = true;
		hide_addresses(b->z->arena, node);
	}
}
