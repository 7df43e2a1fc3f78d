/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace.c - the trace object of weir/api.h: what the packet path said, in the words of the
 * configuration. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent_impl.h"
#include "model/query.h"

static const struct weir_origin *origin_in(const struct weir_pool *pool,
					   const struct weir_plane_hop *h)
{
	for (uint32_t i = 0; pool && i < pool->n_origins; i++) {
		const struct weir_origin *o = &pool->origins[i];
		bool port = !weir_mode_is_nat(h->mode) || htons(o->port) == h->port;

		if (port && weir_addr_eq(&o->addr, &h->addr))
			return o;
	}
	return NULL;
}

const struct weir_origin *agent_origin(const struct weir_agent *a, const struct weir_pool *pool,
				       const struct weir_plane_hop *h, const struct weir_pool **in)
{
	const struct weir_origin *o = origin_in(pool, h);

	for (uint32_t i = 0; !o && i < a->model->n_pools; i++) {
		pool = &a->model->pools[i];
		o = origin_in(pool, h);
	}
	*in = o ? pool : NULL;
	return o;
}

static const struct weir_lb *lb_of(const struct weir_agent *a, const struct weir_service_key *key)
{
	const struct weir_tables *t = a->tables;

	for (uint32_t i = 0; i < t->n_services; i++) {
		const struct weir_tables_service *s = &t->services[i];

		if (s->port == key->port && s->proto == key->proto &&
		    weir_addr_eq(&s->vip, &key->vip))
			return s->table->group->lb;
	}
	return NULL;
}

static json_t *mac(const uint8_t m[6])
{
	return json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

static json_t *endpoint(const struct weir_agent *a, const struct weir_lb *lb,
			const struct weir_plane_hop *h)
{
	const struct weir_pool *pool = lb ? a->view->lbs[lb->index].pool : NULL;
	const struct weir_origin *o;
	char text[WEIR_ADDR_TEXT];
	bool known = h->ifname[0];

	if (!h->slot)
		return json_null();
	o = agent_origin(a, pool, h, &pool);
	return json_pack("{s:i, s:s, s:o, s:s, s:s?, s:s?, s:b, s:b, s:s?, s:o}", "slot",
			 (int)h->slot, "address", weir_addr_text(&h->addr, text), "port",
			 agent_port(h->port), "forwarding", weir_forwarding_text(h->mode), "pool",
			 pool ? pool->id : NULL, "origin", o ? o->name : NULL, "alive", h->alive,
			 "draining", !h->wanted, "interface", known ? h->ifname : NULL, "mac",
			 known ? mac(h->mac) : json_null());
}

static const char *action(const struct weir_plane_trace *t)
{
	if (t->action == XDP_PASS)
		return "pass";
	if (t->action != XDP_TX && t->action != XDP_REDIRECT)
		return "drop";
	return t->noted.reason <= WEIR_LAST_FORWARD ? "forward" : "reply";
}

static const char *proto_text(uint8_t proto)
{
	return proto == IPPROTO_TCP ? "tcp" : "udp";
}

static json_t *quic_id(const struct weir_trace_query *q)
{
	char text[2 * WEIR_QUIC_ID_BYTES + 1];

	for (uint32_t i = 0; i < q->quic_id_bytes; i++)
		snprintf(text + 2 * i, 3, "%02x", q->quic_id[i]);
	return q->quic_id_bytes ? json_string(text) : json_null();
}

static json_t *flow(const struct weir_trace_query *q)
{
	char src[WEIR_SOCKADDR_TEXT], dst[WEIR_SOCKADDR_TEXT];

	return json_pack("{s:s, s:s, s:s, s:s?, s:o}", "source", weir_sockaddr_text(&q->src, src),
			 "destination", weir_sockaddr_text(&q->dst, dst), "protocol",
			 proto_text(q->proto), "flags",
			 q->proto != IPPROTO_TCP ? NULL
			 : q->syn                ? "syn"
						 : "ack",
			 "quic_id", quic_id(q));
}

static json_t *service(const struct weir_service_key *key, const struct weir_lb *lb)
{
	char vip[WEIR_ADDR_TEXT];

	return json_pack("{s:s, s:s, s:i, s:s?, s:b}", "vip", weir_addr_text(&key->vip, vip),
			 "protocol", proto_text(key->proto), "port", ntohs(key->port),
			 "load_balancer", lb ? lb->name : NULL, "quic",
			 (key->flags & WEIR_SERVICE_QUIC) != 0);
}

static json_t *table(const struct weir_table_ref *t)
{
	return json_pack("{s:i, s:i}", "rows", (int)t->mask + 1, "base", (int)t->base);
}

/* Which table the client uses, where clients are told apart. */
static json_t *way(const struct weir_plane_trace *t)
{
	const struct weir_plane_way *w = &t->way;

	if (!t->noted.steered)
		return json_null();
	return json_pack("{s:i, s:b, s:i, s:i, s:b, s:b, s:o, s:o}", "location", (int)w->location,
			 "moving", w->moving, "class", (int)w->class, "slice", (int)w->slice,
			 "at_rest", w->at_rest, "sessions", w->sessions, "current", table(&w->cur),
			 "previous", w->at_rest ? json_null() : table(&w->prev));
}

static json_t *row(const struct weir_agent *a, const struct weir_lb *lb,
		   const struct weir_plane_trace *t)
{
	bool at_rest = t->noted.prev == WEIR_ROW_REST;
	bool udp_new = at_rest || t->noted.prev & WEIR_ROW_UDP_NEW;

	return json_pack("{s:i, s:b, s:o, s:o, s:s}", "index", (int)t->noted.row, "at_rest",
			 at_rest, "current", endpoint(a, lb, &t->cur), "previous",
			 endpoint(a, lb, &t->prev), "datagrams", udp_new ? "current" : "previous");
}

static json_t *record(const struct weir_agent *a, const struct weir_lb *lb,
		      const struct weir_plane_trace *t)
{
	if (t->noted.record == WEIR_TRACE_NOT_LOOKED)
		return json_null();
	return json_pack("{s:b, s:o}", "found", t->noted.record == WEIR_TRACE_RECORD, "endpoint",
			 endpoint(a, lb, &t->record));
}

/* Of a new flow that is counted: what there is at its row's endpoint, and by which other row it
 * goes instead. */
static json_t *connections(const struct weir_trace *t)
{
	if (!t->counted)
		return json_null();
	return json_pack("{s:i, s:o, s:i}", "open", (int)t->open, "max_conn",
			 t->limit ? json_integer(t->limit) : json_null(), "other_row", (int)t->nth);
}

static json_t *translated(const struct weir_plane_trace *t)
{
	char src[WEIR_SOCKADDR_TEXT], dst[WEIR_SOCKADDR_TEXT];

	if (!t->translated)
		return json_null();
	return json_pack("{s:s, s:s}", "source", weir_sockaddr_text(&t->src, src), "destination",
			 weir_sockaddr_text(&t->dst, dst));
}

static json_t *answer(const struct weir_agent *a, const struct weir_trace_query *q,
		      const struct weir_plane_trace *t)
{
	bool ours = t->noted.service_id;
	const struct weir_lb *lb = ours ? lb_of(a, &t->service) : NULL;
	const struct weir_table_ref is = { t->noted.base, t->noted.mask };

	return json_pack("{s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "flow",
			 flow(q), "action", action(t), "reason", agent_reason_name(t->noted.reason),
			 "text", agent_reason_text(t->noted.reason), "service",
			 ours ? service(&t->service, lb) : json_null(), "table",
			 ours ? table(&is) : json_null(), "way", way(t), "row",
			 ours ? row(a, lb, t) : json_null(), "record", record(a, lb, t),
			 "connections", connections(&t->noted), "endpoint",
			 endpoint(a, lb, &t->endpoint), "translated", translated(t));
}

int weir_agent_trace(const struct weir_agent *a, const json_t *args, json_t **out,
		     struct weir_err *err)
{
	struct weir_trace_query q;
	struct weir_plane_trace t;
	int rc;

	if (!weir_trace_query_parse(args, &q, err))
		return -EINVAL;
	rc = weir_plane_trace(a->plane, &q, &t);
	if (rc) {
		weir_err_set(err, "", "the packet path cannot be asked: %s (the log says more)",
			     strerror(-rc));
		return rc == -EINVAL ? -EIO : rc;
	}
	*out = answer(a, &q, &t);
	return 0;
}
