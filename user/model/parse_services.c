/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_services.c - what load balancers, with those that records make, must not do together. */
#include "model/parse.h"

#include <netinet/in.h>

/* A VIP, protocol and port as bytes without holes. */
struct claim {
	union weir_addr vip;
	uint16_t port;
	uint8_t proto, pad[5];
};

void weir_lb_place(const struct weir_at *root, const struct weir_lb *l, struct weir_lb_place *out)
{
	const struct weir_model *m = root->p->model;

	out->list = weir_at_key(root, l->record ? "records" : "load_balancers");
	out->item =
		weir_at_item(&out->list, l->record ? (uint32_t)(l->record - m->records) : l->index);
}

static bool claim_all(const struct weir_at *root, const struct weir_lb *l, struct weir_index *taken,
		      struct claim **next)
{
	const struct weir_model *m = root->p->model;
	char text[WEIR_ADDR_TEXT];

	for (uint32_t i = 0; i < l->n_listeners * l->n_vips; i++) {
		const struct weir_listener *s = &l->listeners[i / l->n_vips];
		struct claim *c = (*next)++;
		struct weir_lb_place place;
		uint32_t who = l->index;
		struct weir_at listeners, item;

		*c = (struct claim){ .vip = l->vips[i % l->n_vips],
				     .port = s->port,
				     .proto = s->proto };
		if (weir_index_add(taken, c, sizeof(*c), &who))
			continue;
		weir_lb_place(root, l, &place);
		listeners = weir_at_key(&place.item, "listeners");
		item = weir_at_item(&listeners, i / l->n_vips);
		return weir_at_fail(item.v ? &item : &place.item,
				    "%s/%u on %s belongs to %s%s already, and packets do not show "
				    "names; give one of them vips or listeners of its own",
				    s->proto == IPPROTO_TCP ? "tcp" : "udp", s->port,
				    weir_addr_text(&c->vip, text),
				    m->lbs[who].record ? "records of " : "load balancer ",
				    m->lbs[who].name);
	}
	return true;
}

/* Each VIP, protocol and port is one balancer's, and there is room for all of them. One that is
 * disabled has none. */
static bool check_services(const struct weir_at *root, const struct weir_model *m)
{
	uint64_t n = 0, room = WEIR_MAX_SERVICES - 1 - m->agent.n_vips;
	struct weir_index taken;
	struct claim *claims;

	for (uint32_t i = 0; i < m->n_lbs; i++)
		n += m->lbs[i].enabled ? (uint64_t)m->lbs[i].n_vips * m->lbs[i].n_listeners : 0;
	if (n > room)
		return weir_at_fail_key(root, "load_balancers",
					"%llu services (VIP and listener), more than the %llu "
					"there is room for",
					(unsigned long long)n, (unsigned long long)room);
	weir_index_init(&taken, (uint32_t)n, root->p->arena);
	claims = weir_arena_new_array(root->p->arena, n, struct claim);
	for (uint32_t i = 0; i < m->n_lbs; i++)
		if (m->lbs[i].enabled && !claim_all(root, &m->lbs[i], &taken, &claims))
			return false;
	return true;
}

bool weir_check_lbs(const struct weir_at *root)
{
	const struct weir_model *m = root->p->model;

	return check_services(root, m) && weir_check_nat(root, m);
}
