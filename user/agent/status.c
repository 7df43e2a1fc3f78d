/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status.c - the status and the reasons of weir/api.h. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "agent/agent_impl.h"
#include "weir/api.h"

static json_t *text_or_null(const char *s)
{
	return s && *s ? json_string(s) : json_null();
}

static json_t *time_or_null(uint64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	char text[40];
	struct tm tm;
	size_t n;

	if (!ms)
		return json_null();
	gmtime_r(&s, &tm);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, sizeof(text) - n, ".%03uZ", (unsigned)(ms % 1000));
	return json_string(text);
}

static json_t *addr(const union weir_addr *a)
{
	char text[WEIR_ADDR_TEXT];

	return json_string(weir_addr_text(a, text));
}

static json_t *interfaces(const struct weir_agent *a)
{
	const struct weir_plane_interface *list;
	uint32_t n = weir_plane_interfaces(a->plane, &list);
	json_t *out = json_array();

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(out,
				      json_pack("{s:s, s:s, s:b}", "name", list[i].name, "mode",
						list[i].mode, "shared", list[i].shared));
	return out;
}

/* How many rows each endpoint of a service has. */
static json_t *shares(const struct weir_tables *t, const struct weir_tables_table *table)
{
	uint32_t *rows = weir_new_array(table->n_members, uint32_t);
	json_t *out = json_array();

	for (uint32_t i = 0; i < table->size; i++)
		if (table->rows[i] != WEIR_ROW_NOBODY)
			rows[table->rows[i]]++;
	for (uint32_t i = 0; i < table->n_members; i++) {
		const struct weir_tables_endpoint *e = &t->endpoints[table->members[i]];

		if (rows[i])
			json_array_append_new(out, json_pack("{s:o, s:i}", "address",
							     addr(&e->addr), "rows", (int)rows[i]));
	}
	free(rows);
	return out;
}

static json_t *services(const struct weir_agent *a)
{
	const struct weir_tables *t = a->tables;
	json_t *out = json_array();

	for (uint32_t i = 0; i < t->n_services; i++) {
		const struct weir_tables_service *s = &t->services[i];
		const struct weir_view_lb *v = &a->view->lbs[s->table->lb->index];

		json_array_append_new(
			out, json_pack("{s:o, s:s, s:i, s:s, s:o, s:b, s:s, s:i, s:o}", "vip",
				       addr(&s->vip), "protocol",
				       s->proto == IPPROTO_TCP ? "tcp" : "udp", "port",
				       ntohs(s->port), "load_balancer", v->lb->name, "pool",
				       text_or_null(v->pool ? v->pool->id : NULL), "fallback",
				       v->fallback, "forwarding",
				       weir_forwarding_text(v->lb->forwarding), "rows",
				       (int)s->table->size, "endpoints", shares(t, s->table)));
	}
	return out;
}

static json_t *load_balancers(const struct weir_agent *a)
{
	json_t *out = json_array();

	for (uint32_t i = 0; i < a->model->n_lbs; i++) {
		const struct weir_view_lb *v = &a->view->lbs[i];

		json_array_append_new(out, json_pack("{s:s, s:b, s:b, s:o, s:b}", "name",
						     v->lb->name, "enabled", v->lb->enabled,
						     "proxied", v->lb->proxied, "pool",
						     text_or_null(v->pool ? v->pool->id : NULL),
						     "fallback", v->fallback));
	}
	return out;
}

/* Packets of an endpoint, whichever modes it is used in. */
static json_t *next_hop(const struct weir_agent *a, const struct weir_origin *o,
			struct weir_plane_endpoint_stats *sum)
{
	bool any = false, known = false;

	*sum = (struct weir_plane_endpoint_stats){ 0 };
	for (uint8_t mode = 0; mode < WEIR_MODE_COUNT; mode++) {
		struct weir_plane_endpoint_stats s;

		if (!weir_plane_endpoint(a->plane, &o->addr, mode, &s))
			continue;
		any = true;
		known |= s.next_hop;
		sum->packets += s.packets;
		sum->bytes += s.bytes;
		sum->connections += s.connections;
	}
	return any ? json_boolean(known) : json_null();
}

static json_t *origin(const struct weir_agent *a, const struct weir_pool *pool,
		      const struct weir_origin *o)
{
	const struct weir_health *h = &a->health[o->index];
	struct weir_plane_endpoint_stats s;
	json_t *hop = next_hop(a, o, &s);

	return json_pack(
		"{s:s, s:s, s:b, s:f, s:s, s:s, s:o, s:o, s:I, s:i, s:I, s:I, s:I, s:o}", "name",
		o->name, "address", o->address, "enabled", o->enabled, "weight", o->weight / 100.0,
		"state", pool->monitor ? weir_state_text(h->state) : "unmonitored", "reason",
		pool->monitor ? h->reason : "no monitor", "since", time_or_null(h->since_ms),
		"checked", time_or_null(h->checked_ms), "rtt_us", (json_int_t)h->rtt_us, "status",
		h->status, "connections", (json_int_t)s.connections, "packets",
		(json_int_t)s.packets, "bytes", (json_int_t)s.bytes, "next_hop", hop);
}

static json_t *pools(const struct weir_agent *a)
{
	json_t *out = json_array();

	for (uint32_t i = 0; i < a->model->n_pools; i++) {
		const struct weir_view_pool *v = &a->view->pools[i];
		json_t *origins = json_array();

		for (uint32_t k = 0; k < v->pool->n_origins; k++)
			json_array_append_new(origins, origin(a, v->pool, &v->pool->origins[k]));
		json_array_append_new(
			out,
			json_pack("{s:s, s:s, s:b, s:s, s:i, s:i, s:o, s:o}", "id", v->pool->id,
				  "name", v->pool->name, "enabled", v->pool->enabled, "state",
				  weir_pool_state_text(v->state), "healthy", (int)v->healthy,
				  "minimum_origins", (int)v->pool->minimum_origins, "monitor",
				  text_or_null(v->pool->monitor ? v->pool->monitor->id : NULL),
				  "origins", origins));
	}
	return out;
}

/* A reason as the lists of weir/abi.h have it. */
struct reason {
	const char *name, *text;
	bool drop;
};

static json_t *counts(const struct reason *reasons, const struct weir_count *n, uint32_t count)
{
	json_t *out = json_array();

	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(
			out, json_pack("{s:s, s:b, s:s, s:I, s:I}", "reason", reasons[i].name,
				       "drop", reasons[i].drop, "text", reasons[i].text, "packets",
				       (json_int_t)n[i].packets, "bytes", (json_int_t)n[i].bytes));
	return out;
}

#define REASON(name, drop, text) { #name, text, drop },

static const struct reason packet_reasons[] = { WEIR_REASONS(REASON) };

const char *agent_reason_name(enum weir_reason why)
{
	return why < WEIR_REASON_COUNT ? packet_reasons[why].name : "?";
}

const char *agent_reason_text(enum weir_reason why)
{
	return why < WEIR_REASON_COUNT ? packet_reasons[why].text : "?";
}

static json_t *packets(const struct weir_agent *a)
{
	struct weir_count n[WEIR_REASON_COUNT];

	weir_plane_reasons(a->plane, n);
	return counts(packet_reasons, n, WEIR_REASON_COUNT);
}

static json_t *queries(const struct weir_agent *a)
{
	static const struct reason reasons[] = { WEIR_DNS_REASONS(REASON) };
	struct weir_count n[WEIR_DNS_REASON_COUNT];

	weir_plane_dns_reasons(a->plane, n);
	return counts(reasons, n, WEIR_DNS_REASON_COUNT);
}

json_t *weir_agent_reasons(const struct weir_agent *a)
{
	json_t *all = packets(a), *dns = queries(a);

	json_array_extend(all, dns);
	json_decref(dns);
	return json_pack("{s:s, s:o, s:I, s:o}", "node", a->model->agent.node, "time",
			 time_or_null(agent_now_ms()), "clock_ms",
			 (json_int_t)(uv_hrtime() / 1000000), "reasons", all);
}

static json_t *dns(const struct weir_agent *a)
{
	struct weir_dns_stats s;
	json_t *listen = json_array();
	char text[WEIR_SOCKADDR_TEXT];

	weir_dns_stats(a->dns, &s);
	for (uint32_t i = 0; a->answering && i < a->model->agent.n_dns_listen; i++)
		json_array_append_new(listen, json_string(weir_sockaddr_text(
						      &a->model->agent.dns_listen[i], text)));
	return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "listen", listen,
			 "udp_queries", (json_int_t)s.udp_queries, "udp_answers",
			 (json_int_t)s.udp_answers, "tcp_queries", (json_int_t)s.tcp_queries,
			 "tcp_answers", (json_int_t)s.tcp_answers, "tcp_connections",
			 (json_int_t)s.tcp_connections, "send_errors", (json_int_t)s.send_errors,
			 "filter", queries(a));
}

static json_t *usage(const struct weir_agent *a)
{
	struct weir_plane_usage u;

	weir_plane_usage(a->plane, &u);
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "services", (int)u.services, "endpoints",
			 (int)u.endpoints, "draining_endpoints", (int)u.draining_endpoints, "rows",
			 (int)u.rows, "unsettled_rows", (int)u.unsettled_rows, "max_rows",
			 (int)u.max_rows);
}

json_t *weir_agent_status(const struct weir_agent *a)
{
	char digest[17];

	snprintf(digest, sizeof(digest), "%016llx", (unsigned long long)a->tables->digest);
	return json_pack("{s:s, s:s, s:o, s:o, s:{s:s, s:o, s:i, s:o}, s:s, s:o, s:o, s:o, s:o, "
			 "s:o, s:o, s:o}",
			 "version", WEIR_VERSION, "node", a->model->agent.node, "region",
			 text_or_null(a->model->agent.region), "started_at",
			 time_or_null(a->started_ms), "config", "file", a->config_path, "loaded_at",
			 time_or_null(a->loaded_ms), "revision", (int)a->revision, "error",
			 text_or_null(a->error), "table_digest", digest, "interfaces",
			 interfaces(a), "services", services(a), "load_balancers",
			 load_balancers(a), "pools", pools(a), "packets", packets(a), "dns", dns(a),
			 "usage", usage(a));
}
