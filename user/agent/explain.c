/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain.c - what a DNS question would be answered, and which rule says so; and zones as files. */
#include "zone/explain.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_impl.h"
#include "base/wire.h"
#include "model/classes.h"
#include "model/rdata.h"
#include "zone/names.h"
#include "zone/print.h"

#define HEADER    12
#define STEPS_MAX 10

/* A question as an operator puts it. */
struct asked {
	struct weir_asker who;
	struct weir_name name;
	uint16_t type;
	bool has_subnet;
	struct weir_prefix subnet;
	struct weir_subnet option;
};

static const char *text_of(const json_t *args, const char *key)
{
	return json_string_value(json_object_get(args, key));
}

static bool read_asked(const json_t *args, struct asked *q, struct weir_err *err)
{
	const char *name = text_of(args, "name"), *type = text_of(args, "type");
	const char *client = text_of(args, "client"), *subnet = text_of(args, "subnet");

	*q = (struct asked){ .type = 1 };
	if (!name || !weir_name_parse(name, &q->name))
		return weir_err_set(err, "name", "is not a domain name");
	if (type && !(q->type = weir_type_parse(type)))
		return weir_err_set(err, "type", "%s is not a type, as A, MX or TYPE65", type);
	if (client && !weir_addr_parse(client, &q->who.client))
		return weir_err_set(err, "client", "%s is not an address", client);
	q->has_subnet = subnet;
	return !subnet || weir_prefix_parse(subnet, &q->subnet) ||
	       weir_err_set(err, "subnet", "%s is not a prefix, as 192.0.2.0/24", subnet);
}

/* --- the question as bytes, and its answer as text --- */

/* With an OPT, so that the answer has room, and the subnet. */
static size_t write_query(struct asked *q, uint8_t *out)
{
	const bool v4 = weir_addr_is_v4(&q->subnet.addr);
	const unsigned bits = q->has_subnet ? q->subnet.bits - (v4 ? 96u : 0) : 0;
	const size_t bytes = (bits + 7) / 8;
	uint8_t *p = out + HEADER;

	memset(out, 0, HEADER);
	out[5] = out[11] = 1;
	memcpy(p, q->name.wire, q->name.len);
	p += q->name.len;
	p = weir_put16(p, q->type);
	p = weir_put16(p, 1);
	*p++ = 0;
	p = weir_put16(p, 41);
	p = weir_put16(p, WEIR_DNS_UDP_SIZE);
	p = weir_put16(p, 0);
	p = weir_put16(p, 0);
	p = weir_put16(p, q->has_subnet ? 8 + (unsigned)bytes : 0);
	if (!q->has_subnet)
		return (size_t)(p - out);
	q->option = (struct weir_subnet){ q->subnet.addr, v4 ? 1 : 2, (uint8_t)bits, 0 };
	p = weir_put16(p, 8);
	p = weir_put16(p, 4 + (unsigned)bytes);
	p = weir_put16(p, v4 ? 1 : 2);
	*p++ = (uint8_t)bits;
	*p++ = 0;
	memcpy(p, q->subnet.addr.b + (v4 ? 12 : 0), bytes);
	return (size_t)(p - out) + bytes;
}

/* An owner, of which our answers have the front or a pointer alone. Returns where it ends. */
static size_t owner(const uint8_t *msg, size_t at, struct weir_name *out)
{
	uint8_t flat[WEIR_NAME_MAX];
	size_t n = 0, end = 0;

	for (size_t p = at; n + 64 < sizeof(flat);) {
		if (msg[p] >= 0xc0) {
			end = end ? end : p + 2;
			p = (size_t)(msg[p] & 63) << 8 | msg[p + 1];
			continue;
		}
		memcpy(flat + n, msg + p, 1u + msg[p]);
		n += 1u + msg[p];
		if (!msg[p]) {
			end = end ? end : p + 1;
			break;
		}
		p += 1u + msg[p];
	}
	return weir_name_read(flat, n, 0, out) ? end : 0;
}

static json_t *record(const uint8_t *msg, size_t *at, struct weir_name *alias)
{
	char *line = NULL, name[WEIR_NAME_TEXT], word[WEIR_TYPE_TEXT];
	struct weir_name of;
	const uint8_t *rr;
	size_t size, len;
	uint32_t ttl;
	json_t *text;
	FILE *to;

	*at = owner(msg, *at, &of);
	rr = msg + *at;
	len = (size_t)rr[8] << 8 | rr[9];
	memcpy(&ttl, rr + 4, sizeof(ttl));
	to = open_memstream(&line, &size);
	if (!*at || !to)
		abort();
	fprintf(to, "%s %u %s ", weir_name_text(of.wire, name), ntohl(ttl),
		weir_type_text((uint16_t)(rr[0] << 8 | rr[1]), word));
	weir_rdata_print(to, (uint16_t)(rr[0] << 8 | rr[1]), rr + 10, len);
	fclose(to);
	text = json_string(line);
	free(line);
	if (rr[1] == 5 && !rr[0] && !weir_name_read(rr + 10, len, 0, alias))
		alias->len = 0;
	*at += 10 + len;
	return text;
}

/* Of a section; aliases has the targets of its CNAMEs. */
static json_t *section(const uint8_t *msg, unsigned n, size_t *at, struct weir_name *aliases,
		       unsigned *n_aliases)
{
	json_t *out = json_array();

	while (n--) {
		struct weir_name alias = { .len = 0 };

		json_array_append_new(out, record(msg, at, &alias));
		if (alias.len && aliases && *n_aliases < STEPS_MAX - 1)
			aliases[(*n_aliases)++] = alias;
	}
	return out;
}

/* --- steps --- */

static const struct weir_view_lb *balancer(const struct weir_agent *a, const uint8_t *name)
{
	for (uint32_t i = 0; i < a->model->n_lbs; i++) {
		struct weir_name of;

		if (a->view->lbs[i].lb->enabled && weir_name_parse(a->view->lbs[i].lb->name, &of) &&
		    memcmp(of.wire, name, of.len) == 0)
			return &a->view->lbs[i];
	}
	return NULL;
}

static json_t *members(const struct weir_agent *a, const struct weir_view_mix *mix)
{
	json_t *out = json_array();

	for (uint32_t i = 0; i < mix->n; i++) {
		const struct weir_view_member *m = &mix->members[i];
		const struct weir_health *h = &a->health[m->origin->index];

		json_array_append_new(out, json_pack("{s:s, s:s, s:s, s:i, s:b, s:s, s:s}", "pool",
						     m->pool->id, "origin", m->origin->name,
						     "address", m->origin->address, "weight",
						     (int)m->now, "answered", m->now != 0, "state",
						     weir_health_text(h, m->pool), "reason",
						     weir_health_reason(h, m->pool)));
	}
	return out;
}

static json_t *location(const struct weir_agent *a, const struct weir_step *s)
{
	const struct weir_location *l =
		a->where.places ? &a->where.places->locations[s->location] : NULL;

	if (!l || !s->location)
		return json_null();
	return json_pack("{s:s, s:s, s:s}", "country", l->country, "region",
			 weir_region_text(l->region), "by", s->by_subnet ? "subnet" : "resolver");
}

/* The names of those that hold. */
static json_t *rules_of(const struct weir_lb *lb, uint32_t bits)
{
	json_t *out = json_array();

	for (uint32_t i = 0; i < lb->n_rules; i++)
		if (bits >> i & 1)
			json_array_append_new(out, json_string(lb->rules[i].name));
	return out;
}

/* The name of the one that is for who asks. */
static json_t *pool_set_of(const struct weir_agent *a, const struct weir_lb *lb,
			   const struct weir_step *s)
{
	static const struct weir_location unknown;
	const struct weir_location *at =
		a->where.places ? &a->where.places->locations[s->location] : &unknown;
	const struct weir_pool_set *set = weir_lb_pool_set(lb, &a->model->agent, at);

	return set ? json_string(set->name) : json_null();
}

static json_t *lb_of(const struct weir_agent *a, const struct weir_step *s)
{
	const struct weir_view_lb *v = s->balanced ? balancer(a, s->by) : NULL;
	json_t *rules = NULL;

	if (!v)
		return json_null();
	if (v->ruled) {
		rules = rules_of(v->lb, s->rules);
		v = &v->ruled[s->rules];
	}
	return json_pack("{s:o, s:o, s:s, s:b, s:s, s:b, s:o, s:o}", "rules",
			 rules ? rules : json_array(), "pool_set", pool_set_of(a, v->lb, s), "name",
			 v->lb->name, "proxied", v->lb->proxied, "steering_policy",
			 weir_policy_text(v->lb->policy), "fallback", v->fallback, "location",
			 location(a, s), "members",
			 v->lb->proxied ? json_array() : members(a, &v->mixes[s->mix]));
}

static json_t *step(const struct weir_agent *a, const struct weir_zones *z,
		    const struct weir_name *name, const struct asked *q)
{
	static const char *const kinds[] = {
		[WEIR_STEP_OUTSIDE] = "outside", [WEIR_STEP_REFERRED] = "delegated",
		[WEIR_STEP_NAME] = "name",       [WEIR_STEP_WILDCARD] = "wildcard",
		[WEIR_STEP_EMPTY] = "empty",     [WEIR_STEP_MISSING] = "missing",
	};
	char text[WEIR_NAME_TEXT], by[WEIR_NAME_TEXT];
	struct weir_step s;

	weir_zones_step(z, name->wire, name->len, q->type, &q->who,
			q->has_subnet ? &q->option : NULL, &s);
	return json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:o}", "name",
			 weir_name_text(name->wire, text), "kind", kinds[s.kind], "zone",
			 s.zone < a->model->n_zones ? a->model->zones[s.zone].name : NULL, "by",
			 s.by ? weir_name_text(s.by, by) : NULL, "from",
			 !s.by || s.kind == WEIR_STEP_REFERRED ? NULL
			 : s.balanced                          ? "load balancer"
			 : s.in_file                           ? "zone file"
							       : "records",
			 "load_balancer", lb_of(a, &s));
}

int weir_agent_explain(const struct weir_agent *a, const json_t *args, json_t **out,
		       struct weir_err *err)
{
	uint8_t query[512], *answer;
	struct weir_name aliases[STEPS_MAX - 1];
	const struct weir_zones *z = weir_dns_published(a->dns);
	unsigned n_aliases = 0, counts[3];
	json_t *steps = json_array(), *sections[3];
	struct weir_told told;
	struct asked q;
	size_t at, len;

	if (!read_asked(args, &q, err)) {
		json_decref(steps);
		return -EINVAL;
	}
	answer = weir_alloc(WEIR_DNS_MAX_SIZE, 1);
	q.who.random = agent_now_ms();
	q.who.tcp = true;
	len = write_query(&q, query);
	weir_zones_answer(z, query, len, &q.who, answer, WEIR_DNS_MAX_SIZE, &told);
	at = HEADER + q.name.len + 4u;
	for (unsigned i = 0; i < 3; i++)
		counts[i] = (unsigned)answer[6 + 2 * i] << 8 | answer[7 + 2 * i];
	for (unsigned i = 0; i < 3; i++) /* the last additional record is OPT */
		sections[i] = section(answer, i < 2 ? counts[i] : counts[i] - 1, &at,
				      i ? NULL : aliases, &n_aliases);
	json_array_append_new(steps, step(a, z, &q.name, &q));
	for (unsigned i = 0; i < n_aliases; i++)
		json_array_append_new(steps, step(a, z, &aliases[i], &q));
	*out = json_pack("{s:i, s:b, s:o, s:o, s:o, s:o}", "rcode", answer[3] & 15, "authoritative",
			 (answer[2] & 4) != 0, "steps", steps, "answer", sections[0], "authority",
			 sections[1], "additional", sections[2]);
	free(answer);
	return 0;
}

int weir_agent_zone_file(const struct weir_agent *a, const json_t *args, json_t **out,
			 struct weir_err *err)
{
	const char *name = text_of(args, "name");
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	bool found;

	if (!to)
		abort();
	found = name && weir_zone_print(to, weir_dns_published(a->dns), name);
	fclose(to);
	if (found)
		*out = json_pack("{s:s, s:s%}", "zone", name, "file", text, size);
	free(text);
	if (found)
		return 0;
	weir_err_set(err, "name", "%s is none of the zones", name ? name : "\"\"");
	return -ENOENT;
}
