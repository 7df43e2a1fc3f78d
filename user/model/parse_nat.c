/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_nat.c - addresses that are translated: where endpoints see clients, and whose replies are
 * whose. */
#include "model/parse.h"

#include <netinet/in.h>
#include <string.h>

/* All ports below those that Linux itself takes for its own connections. */
#define FIRST_PORT 1024
#define LAST_PORT  32767

static bool take_source(const struct weir_at *at, void *out)
{
	union weir_addr *a = out, *first = a - at->index;
	char text[WEIR_ADDR_TEXT];

	if (!weir_take_addr(at, a))
		return false;
	weir_addr_text(a, text);
	for (; first < a; first++)
		if (weir_addr_eq(first, a))
			return weir_at_fail(at, "%s is listed twice", text);
	return true;
}

static bool take_sources(const struct weir_at *at, void *nat)
{
	struct weir_nat_sources *s = nat;

	return weir_take_list(at, 1, WEIR_NAT_SOURCES, sizeof(*s->addrs), take_source, &s->addrs,
			      &s->n);
}

static bool take_port(const struct weir_at *at, void *out)
{
	json_int_t port = json_integer_value(at->v);

	if (!json_is_integer(at->v) || port < 1 || port > 65535)
		return weir_at_fail(at, "must be a port, 1 to 65535");
	*(uint16_t *)out = (uint16_t)port;
	return true;
}

/* [first, last] */
static bool take_ports(const struct weir_at *at, void *nat)
{
	struct weir_nat_sources *s = nat;
	const uint16_t *ports;
	uint32_t n;

	if (!weir_take_list(at, 2, 2, sizeof(*ports), take_port, &ports, &n))
		return false;
	s->first_port = ports[0];
	s->last_port = ports[1];
	return s->first_port <= s->last_port ||
	       weir_at_fail(at, "the first one, %u, is behind the last one, %u", s->first_port,
			    s->last_port);
}

bool weir_take_nat(const struct weir_at *at, void *agent)
{
	static const struct weir_field fields[] = {
		WEIR_REQUIRED("sources", take_sources),
		WEIR_CUSTOM("ports", take_ports),
	};
	struct weir_nat_sources *s = &((struct weir_agent_conf *)agent)->nat;

	s->first_port = FIRST_PORT;
	s->last_port = LAST_PORT;
	return weir_take_fields(at, fields, WEIR_COUNT(fields), s);
}

bool weir_agent_is_nat_source(const struct weir_agent_conf *a, const union weir_addr *addr)
{
	for (uint32_t i = 0; i < a->nat.n; i++)
		if (weir_addr_eq(&a->nat.addrs[i], addr))
			return true;
	return false;
}

bool weir_check_nat_sources(const struct weir_at *at, const struct weir_agent_conf *a)
{
	char text[WEIR_ADDR_TEXT];

	for (uint32_t i = 0; i < a->n_vips; i++)
		if (weir_agent_is_nat_source(a, &a->vips[i]))
			return weir_at_fail_key(at, "nat",
						"%s is a VIP: replies to it would be taken for "
						"packets of clients; sources are other addresses "
						"of this machine",
						weir_addr_text(&a->vips[i], text));
	return true;
}

static bool has_family(const struct weir_nat_sources *s, bool v4)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (weir_addr_is_v4(&s->addrs[i]) == v4)
			return true;
	return false;
}

bool weir_check_fullnat(const struct weir_at *at, const struct weir_lb *l)
{
	const struct weir_nat_sources *s = &at->p->model->agent.nat;
	char text[WEIR_ADDR_TEXT];

	for (uint32_t i = 0; l->forwarding == WEIR_MODE_FULLNAT && i < l->n_vips; i++) {
		bool v4 = weir_addr_is_v4(&l->vips[i]);

		if (!has_family(s, v4))
			return weir_at_fail_key(at, "forwarding",
						"fullnat needs an address of this machine that "
						"endpoints see clients at, and agent.nat.sources "
						"has none of %s, the family of the VIP %s",
						v4 ? "IPv4" : "IPv6",
						weir_addr_text(&l->vips[i], text));
	}
	return true;
}

/* --- nat: replies are told by where they come from --- */

/* An endpoint's address, protocol and port as bytes without holes. */
struct place {
	union weir_addr addr;
	uint16_t port;
	uint8_t proto, pad[5];
};

/* Of a load balancer: a VIP and a listener. */
struct claim {
	struct place at;
	const struct weir_lb *lb;
	uint32_t vip, listener;
};

struct claims {
	const struct weir_at *root;
	struct weir_index taken; /* place -> number in all */
	struct claim *all;
	uint32_t n;
};

static bool same_service(const struct claim *a, const struct claim *b)
{
	return a->lb == b->lb && a->vip == b->vip && a->listener == b->listener;
}

static const char *service_text(struct weir_parse *p, const struct claim *c)
{
	const struct weir_listener *l = &c->lb->listeners[c->listener];
	char vip[WEIR_ADDR_TEXT];

	return weir_arena_printf(p->arena, "%s/%u on %s (%s)",
				 l->proto == IPPROTO_TCP ? "tcp" : "udp", l->port,
				 weir_addr_text(&c->lb->vips[c->vip], vip), c->lb->name);
}

static bool claim_place(struct claims *s, const struct claim *c, const struct weir_pool *pool,
			const struct weir_origin *o)
{
	struct weir_parse *p = s->root->p;
	struct weir_lb_place place;
	uint32_t who = s->n;

	weir_lb_place(s->root, c->lb, &place);
	s->all[s->n] = *c;
	if (weir_index_add(&s->taken, &s->all[s->n].at, sizeof(c->at), &who)) {
		s->n++;
		return s->n <= WEIR_MAX_REVERSES ||
		       weir_at_fail_key(&place.item, "forwarding",
					"more than %u addresses and ports of endpoints with nat in "
					"all load balancers together; fullnat has no such limit",
					WEIR_MAX_REVERSES);
	}
	return same_service(&s->all[who], c) ||
	       weir_at_fail_key(&place.item, "forwarding",
				"nat tells replies by where they come from: those of origin \"%s\" "
				"of pool \"%s\", %s port %u, would be of %s and of %s alike; give "
				"it a port for each of them, or use fullnat",
				o->name, pool->id, o->address, c->at.port,
				service_text(p, &s->all[who]), service_text(p, c));
}

static bool claim_pool(struct claims *s, struct claim *c, const struct weir_pool *pool)
{
	const struct weir_listener *l = &c->lb->listeners[c->listener];

	for (uint32_t i = 0; i < pool->n_origins; i++) {
		const struct weir_origin *o = &pool->origins[i];

		c->at = (struct place){ .addr = o->addr,
					.port = o->port ? o->port : l->port,
					.proto = l->proto };
		if (!claim_place(s, c, pool, o))
			return false;
	}
	return true;
}

static bool claim_all(struct claims *s, const struct weir_lb *l)
{
	struct claim c = { .lb = l };

	for (c.vip = 0; c.vip < l->n_vips; c.vip++)
		for (c.listener = 0; c.listener < l->n_listeners; c.listener++)
			for (uint32_t i = 0; i < l->n_pools; i++)
				if (!claim_pool(s, &c, l->pools[i]))
					return false;
	return true;
}

/* How many there are at the most, and one more than may be. */
static uint32_t most_claims(const struct weir_model *m)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < m->n_lbs; i++) {
		const struct weir_lb *l = &m->lbs[i];
		uint64_t origins = 0;

		if (!l->enabled || l->forwarding != WEIR_MODE_NAT)
			continue;
		for (uint32_t k = 0; k < l->n_pools; k++)
			origins += l->pools[k]->n_origins;
		n += origins * l->n_vips * l->n_listeners;
	}
	return n > WEIR_MAX_REVERSES ? WEIR_MAX_REVERSES + 1 : (uint32_t)n;
}

bool weir_check_nat(const struct weir_at *root, const struct weir_model *m)
{
	struct claims s = { .root = root };
	uint32_t most = most_claims(m);

	weir_index_init(&s.taken, most, root->p->arena);
	s.all = weir_arena_new_array(root->p->arena, most + 1, struct claim);
	for (uint32_t i = 0; i < m->n_lbs; i++)
		if (m->lbs[i].enabled && m->lbs[i].forwarding == WEIR_MODE_NAT &&
		    !claim_all(&s, &m->lbs[i]))
			return false;
	return true;
}
