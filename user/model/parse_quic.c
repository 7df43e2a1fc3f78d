/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_quic.c - how QUIC connection ids name servers. */
#include "model/parse.h"

#include "weir/abi.h"

bool weir_take_server_id(const struct weir_at *at, void *origin)
{
	struct weir_origin *o = origin;
	uint8_t bytes[WEIR_SERVER_ID_BYTES];
	const char *s;

	if (!weir_take_string(at, 4096, &s))
		return false;
	o->server_id_bytes = (uint8_t)weir_hex_bytes(s, bytes, sizeof(bytes));
	for (unsigned i = 0; i < o->server_id_bytes; i++)
		o->server_id = o->server_id << 8 | bytes[i];
	return o->server_id_bytes ||
	       weir_at_fail(at, "%s is not 1 to %u bytes as hexadecimal digits, as in \"0a1f\"",
			    weir_quote(at->p, s), WEIR_SERVER_ID_BYTES);
}

bool weir_take_quic(const struct weir_at *at, void *lb)
{
	static const struct weir_field fields[] = {
		WEIR_INT(weir_lb, config_rotation, 0, 6, 0),
		WEIR_INT(weir_lb, server_id_length, 1, WEIR_SERVER_ID_BYTES, 0),
	};
	struct weir_lb *l = lb;

	return weir_take_fields(at, fields, WEIR_COUNT(fields), l) &&
	       (l->server_id_length || weir_at_fail(at, "server_id_length is missing"));
}

/* What the origins of one pool are called, by server id. */
struct names {
	const struct weir_lb *lb;
	struct weir_index by_id; /* -> index in origins */
	const struct weir_origin **origins;
	uint32_t n;
};

/* Two origins may be one endpoint, which then has its name twice. */
static bool same_endpoint(const struct weir_lb *l, const struct weir_origin *a,
			  const struct weir_origin *b)
{
	return weir_addr_eq(&a->addr, &b->addr) &&
	       (a->port == b->port || !weir_mode_is_nat(l->forwarding));
}

static bool add_name(const struct weir_at *at, struct names *s, const struct weir_pool *pool,
		     const struct weir_origin *o)
{
	uint32_t nth = s->n;

	if (!o->server_id_bytes)
		return true;
	if (o->server_id_bytes != s->lb->server_id_length)
		return weir_at_fail_key(at, "quic",
					"server_id_length must be %u: so long is the server_id of "
					"origin \"%s\" of pool \"%s\"",
					o->server_id_bytes, o->name, pool->id);
	if (weir_index_add(&s->by_id, &o->server_id, sizeof(o->server_id), &nth)) {
		s->origins[s->n++] = o;
		return true;
	}
	return same_endpoint(s->lb, s->origins[nth], o) ||
	       weir_at_fail(at,
			    "origin \"%s\" of pool \"%s\" has the server_id of origin \"%s\", %s: "
			    "packets could not tell them apart",
			    o->name, pool->id, s->origins[nth]->name, s->origins[nth]->address);
}

static bool add_names(const struct weir_at *at, struct names *s, const struct weir_pool *pool)
{
	for (uint32_t i = 0; i < pool->n_origins; i++)
		if (!add_name(at, s, pool, &pool->origins[i]))
			return false;
	return true;
}

bool weir_check_quic(const struct weir_at *at, const struct weir_lb *l)
{
	struct names s = { .lb = l };
	uint32_t room = 0;

	if (!l->quic)
		return !l->server_id_length ||
		       weir_at_fail_key(at, "quic",
					"quic is for udp: quic; say that or leave it out");
	for (uint32_t i = 0; i < l->n_pools; i++)
		room += l->pools[i]->n_origins;
	weir_index_init(&s.by_id, room, at->p->arena);
	s.origins = weir_arena_new_array(at->p->arena, room, const struct weir_origin *);
	for (uint32_t i = 0; i < l->n_pools; i++)
		if (!add_names(at, &s, l->pools[i]))
			return false;
	at->p->n_server_ids += s.n;
	return at->p->n_server_ids <= WEIR_MAX_SERVER_IDS / 2 ||
	       weir_at_fail(at, "more than %u server ids in all load balancers together",
			    WEIR_MAX_SERVER_IDS / 2);
}
