/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status.c - the status and the reasons of weir/api.h. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* A port that packets get; null: they keep theirs. */
json_t *agent_port(__be16 port)
{
	return port ? json_integer(ntohs(port)) : json_null();
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
			json_array_append_new(
				out, json_pack("{s:o, s:o, s:i}", "address", addr(&e->addr), "port",
					       agent_port(e->port), "rows", (int)rows[i]));
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
		const struct weir_view_lb *v = &a->view->lbs[s->table->group->lb->index];

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

		json_array_append_new(
			out, json_pack("{s:s, s:b, s:b, s:s, s:o, s:b}", "name", v->lb->name,
				       "enabled", v->lb->enabled, "proxied", v->lb->proxied,
				       "state", weir_lb_state_text(v->lb, a->view->pools), "pool",
				       text_or_null(v->pool ? v->pool->id : NULL), "fallback",
				       v->fallback));
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

		if (!weir_plane_endpoint(a->plane, &o->addr, htons(o->port), mode, &s))
			continue;
		any = true;
		known |= s.next_hop;
		sum->packets += s.packets;
		sum->bytes += s.bytes;
		sum->connections += s.connections;
		sum->counted |= s.counted;
		sum->open += s.open;
		if (!sum->max_conn || (s.max_conn && s.max_conn < sum->max_conn))
			sum->max_conn = s.max_conn;
		sum->watched += s.watched;
		sum->unanswered += s.unanswered;
		sum->moved += s.moved;
		sum->refused += s.refused;
	}
	return any ? json_boolean(known) : json_null();
}

static json_t *number_or_null(bool is, uint32_t n)
{
	return is ? json_integer(n) : json_null();
}

json_t *agent_override(const struct weir_override *o)
{
	if (!o)
		return json_null();
	return json_pack("{s:s, s:s, s:s, s:o, s:o}", "state", weir_forced_text(o->state), "reason",
			 o->reason, "by", o->by, "since", time_or_null(o->since_ms), "until",
			 time_or_null(o->until_ms));
}

/* Of a group: what each of its monitors says. */
static json_t *checks(const struct weir_pool *pool, const struct weir_health *h)
{
	json_t *out = json_array();

	for (uint32_t i = 0; pool->group && i < pool->group->n_members; i++) {
		const struct weir_member *m = &pool->group->members[i];
		const struct weir_check *c = &h->checks[i];

		json_array_append_new(
			out,
			json_pack("{s:s, s:b, s:b, s:s, s:s, s:o, s:I, s:i}", "monitor",
				  m->monitor->id, "votes", weir_member_votes(m), "must_be_healthy",
				  m->must_be_healthy, "state", weir_state_text(c->state), "reason",
				  c->reason, "checked", time_or_null(c->checked_ms), "rtt_us",
				  (json_int_t)c->rtt_us, "status", c->status));
	}
	return out;
}

static json_t *origin(const struct weir_agent *a, const struct weir_pool *pool,
		      const struct weir_origin *o)
{
	const struct weir_health *h = &a->health[o->index];
	struct weir_plane_endpoint_stats s;
	json_t *hop = next_hop(a, o, &s);
	bool ejected = h->ejected_until_ms, damped = h->held_until_ms;

	return json_pack(
		"{s:s, s:s, s:o, s:o, s:b, s:f, s:i, s:s, s:s, s:o, s:o, s:b, s:b, s:o, s:o, s:I, s:i, "
		"s:I, s:I, s:I, s:o, s:o, s:o, s:o}",
		"name", o->name, "address", o->address, "host_name", text_or_null(o->host_name),
		"port", agent_port(htons(o->port)), "enabled", o->enabled, "weight",
		(double)o->weight / WEIR_WEIGHT_MAX, "weight_percent",
		(int)(100 - (h->withheld * 100 + WEIR_WEIGHT_ONE / 2) / WEIR_WEIGHT_ONE), "state",
		weir_health_text(h, pool), "reason", weir_health_reason(h, pool), "override",
		agent_override(h->forced), "checks", checks(pool, h), "ejected", ejected, "damped",
		damped, "since", time_or_null(h->since_ms), "checked", time_or_null(h->checked_ms),
		"rtt_us", (json_int_t)h->rtt_us, "status", h->status, "connections",
		(json_int_t)s.connections, "packets", (json_int_t)s.packets, "bytes",
		(json_int_t)s.bytes, "next_hop", hop, "open", number_or_null(s.counted, s.open),
		"max_conn", number_or_null(s.max_conn, s.max_conn), "live",
		json_pack("{s:I, s:I, s:I, s:I}", "connections", (json_int_t)s.watched,
			  "unanswered", (json_int_t)s.unanswered, "moved", (json_int_t)s.moved,
			  "refused", (json_int_t)s.refused));
}

/* Why a pool does what its state does not say; "" if it does not. */
static const char *note(const struct weir_view_pool *v)
{
	return v->panic ? "panic: too few are healthy, so all that are enabled serve" : "";
}

static json_t *pool(const struct weir_agent *a, const struct weir_view_pool *v, uint64_t now_ms)
{
	const struct weir_pool *p = v->pool;
	json_t *origins = json_array();

	for (uint32_t k = 0; k < p->n_origins; k++)
		json_array_append_new(origins, origin(a, p, &p->origins[k]));
	return json_pack("{s:s, s:s, s:b, s:s, s:b, s:b, s:o, s:o, s:i, s:i, s:i, s:i, s:o, s:o, "
			 "s:o}",
			 "id", p->id, "name", p->name, "enabled", p->enabled, "state",
			 weir_pool_state_text(v->state), "usable", v->usable, "panic", v->panic,
			 "note", text_or_null(note(v)), "override",
			 agent_override(weir_overrides_of(a->overrides, p, NULL, now_ms)),
			 "healthy", (int)v->healthy, "minimum_origins", (int)p->minimum_origins,
			 "quorum", (int)p->quorum, "panic_threshold", (int)p->panic_threshold,
			 "monitor", text_or_null(p->monitor ? p->monitor->id : NULL),
			 "monitor_group", text_or_null(p->group ? p->group->id : NULL), "origins",
			 origins);
}

static json_t *pools(const struct weir_agent *a)
{
	json_t *out = json_array();
	uint64_t now_ms = agent_now_ms();

	for (uint32_t i = 0; i < a->model->n_pools; i++)
		json_array_append_new(out, pool(a, &a->view->pools[i], now_ms));
	return out;
}

json_t *weir_agent_pool(struct weir_agent *a, const char *id)
{
	struct agent_pool_ids *ids = &a->pool_ids;
	uint32_t nth;

	if (!ids->arena || ids->of != a->models) {
		weir_arena_free(ids->arena);
		ids->arena = weir_arena_new();
		ids->of = a->models;
		agent_index_pools(&ids->by_id, a->model, ids->arena);
	}
	return weir_index_find(&ids->by_id, id, strlen(id), &nth)
		       ? pool(a, &a->view->pools[nth], agent_now_ms())
		       : NULL;
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

static json_t *addresses(const struct weir_sockaddr *of, uint32_t n)
{
	json_t *out = json_array();
	char text[WEIR_SOCKADDR_TEXT];

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(out, json_string(weir_sockaddr_text(&of[i], text)));
	return out;
}

static json_t *dns(const struct weir_agent *a)
{
	const struct weir_dns_conf *conf = &a->model->agent.dns;
	struct weir_dns_stats s;

	weir_dns_stats(a->dns, &s);
	return json_pack(
		"{s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "listen",
		addresses(conf->listen, a->answering ? conf->n_listen : 0), "tls_listen",
		addresses(conf->tls.listen, a->answering ? conf->tls.n_listen : 0), "udp_queries",
		(json_int_t)s.udp_queries, "udp_answers", (json_int_t)s.udp_answers, "tcp_queries",
		(json_int_t)s.tcp_queries, "tcp_answers", (json_int_t)s.tcp_answers,
		"tcp_connections", (json_int_t)s.tcp_connections, "tls_connections",
		(json_int_t)s.tls_connections, "tls_failures", (json_int_t)s.tls_failures,
		"send_errors", (json_int_t)s.send_errors, "workers", agent_dns_workers(a), "kernel",
		agent_kernel_answers(a), "filter", queries(a));
}

static json_t *usage(const struct weir_agent *a)
{
	struct weir_plane_usage u;

	weir_plane_usage(a->plane, &u);
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "services", (int)u.services,
			 "endpoints", (int)u.endpoints, "draining_endpoints",
			 (int)u.draining_endpoints, "rows", (int)u.rows, "unsettled_rows",
			 (int)u.unsettled_rows, "max_rows", (int)u.max_rows, "table_limit",
			 (int)a->tables->size_limit, "crowded", (int)a->tables->n_crowded);
}

static json_t *notes(const struct weir_model *m)
{
	json_t *out = json_array();

	for (uint32_t i = 0; i < m->n_notes; i++)
		json_array_append_new(out, json_pack("{s:s, s:s}", "path", m->notes[i].path, "text",
						     m->notes[i].text));
	return out;
}

static json_t *store(const struct weir_agent *a)
{
	return a->store ? json_pack("{s:s, s:I}", "file", a->model->agent.store, "revision",
				    (json_int_t)a->stored_revision)
			: json_null();
}

json_t *weir_agent_status(const struct weir_agent *a)
{
	char digest[17];

	snprintf(digest, sizeof(digest), "%016llx", (unsigned long long)a->tables->digest);
	return json_pack(
		"{s:s, s:s, s:o, s:o, s:{s:s, s:o, s:i, s:o, s:o}, s:o, s:s, s:o, s:o, s:o, s:o, "
		"s:o, s:o, s:o}",
		"version", WEIR_VERSION, "node", a->model->agent.node, "region",
		text_or_null(weir_region_text(a->model->agent.region)), "started_at",
		time_or_null(a->started_ms), "config", "file", a->config_path, "loaded_at",
		time_or_null(a->loaded_ms), "revision", (int)a->revision, "error",
		text_or_null(a->error), "notes", notes(a->model), "store", store(a), "table_digest",
		digest, "interfaces", interfaces(a), "services", services(a), "load_balancers",
		load_balancers(a), "pools", pools(a), "packets", packets(a), "dns", dns(a), "usage",
		usage(a));
}
