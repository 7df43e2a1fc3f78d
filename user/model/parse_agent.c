/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_agent.c - the agent section: what this balancer is, apart from what it balances. */
#include "model/parse.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "weir/api.h"

#define MAX_INTERFACES 64
#define MAX_RESOLVERS  8
#define DRAIN_MS       300000
#define MAX_DRAIN_MS   86400000u
#define IFNAME_BYTES   15
#define OUTER_BITS_MIN 8
#define ACCOUNT_ID     "77656972000000000000000000000001" /* clients only need some */

/* "weir load balanc": any fixed value would do, as long as all balancers use the same. */
static const uint8_t default_key[16] = { 0x77, 0x65, 0x69, 0x72, 0x20, 0x6c, 0x6f, 0x61,
					 0x64, 0x20, 0x62, 0x61, 0x6c, 0x61, 0x6e, 0x63 };

static bool take_region(const struct weir_at *at, void *out)
{
	const char *s;

	if (!weir_take_string(at, 4096, &s) || (*s && !weir_take_region_code(at, s)))
		return false;
	*(enum weir_region_code *)out = weir_region_parse(s);
	return true;
}

static bool take_country(const struct weir_at *at, void *out)
{
	const char *s;

	if (!weir_take_string(at, 4096, &s) || (*s && !weir_take_country_code(at, s)))
		return false;
	*(const char **)out = weir_arena_strdup(at->p->arena, s);
	return true;
}

static bool take_pop(const struct weir_at *at, void *out)
{
	const char *s;

	if (!weir_take_string(at, 4096, &s) || (*s && !weir_take_pop_code(at, s)))
		return false;
	*(const char **)out = weir_arena_strdup(at->p->arena, s);
	return true;
}

static bool take_interface(const struct weir_at *at, void *out)
{
	const char *s;

	if (!weir_take_string(at, 4096, &s))
		return false;
	if (!*s || strlen(s) > IFNAME_BYTES || strpbrk(s, "/: \t\n") || !strcmp(s, ".") ||
	    !strcmp(s, ".."))
		return weir_at_fail(at, "%s is not an interface name (1 to %d characters)",
				    weir_quote(at->p, s), IFNAME_BYTES);
	for (uint32_t i = 0; i < at->index; i++)
		if (strcmp(s, json_string_value(json_array_get(at->up->v, i))) == 0)
			return weir_at_fail(at, "%s is listed twice", weir_quote(at->p, s));
	*(const char **)out = weir_arena_strdup(at->p->arena, s);
	return true;
}

static bool take_interfaces(const struct weir_at *at, void *agent)
{
	struct weir_agent_conf *a = agent;

	return weir_take_list(at, 1, MAX_INTERFACES, sizeof(*a->interfaces), take_interface,
			      &a->interfaces, &a->n_interfaces);
}

static bool take_attach(const struct weir_at *at, void *out)
{
	static const char *const words[] = { "auto", "native", "generic", NULL };
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	*(enum weir_attach *)out = (enum weir_attach)i; /* the same order */
	return true;
}

static bool take_vip(const struct weir_at *at, void *out)
{
	union weir_addr *a = out;
	char text[WEIR_ADDR_TEXT];
	uint32_t nth = at->index;

	if (!weir_take_addr(at, a))
		return false;
	return weir_index_add(&at->p->vips, a, sizeof(*a), &nth) ||
	       weir_at_fail(at, "%s is listed twice", weir_addr_text(a, text));
}

static bool take_vips(const struct weir_at *at, void *agent)
{
	struct weir_agent_conf *a = agent;
	size_t n = json_array_size(at->v);

	weir_index_init(&at->p->vips, n < WEIR_MAX_SERVICES ? (uint32_t)n : WEIR_MAX_SERVICES,
			at->p->arena);
	return weir_take_list(at, 0, WEIR_MAX_SERVICES - 1, sizeof(*a->vips), take_vip, &a->vips,
			      &a->n_vips);
}

static bool take_resolvers(const struct weir_at *at, void *agent)
{
	struct weir_agent_conf *a = agent;

	return weir_take_list(at, 0, MAX_RESOLVERS, sizeof(*a->resolvers), weir_take_socket_once,
			      &a->resolvers, &a->n_resolvers);
}

static bool take_proxied_listeners(const struct weir_at *at, void *agent)
{
	struct weir_agent_conf *a = agent;
	struct weir_lb scratch = { 0 };

	if (!weir_take_listeners(at, &scratch))
		return false;
	a->proxied_listeners = scratch.listeners;
	a->n_proxied_listeners = scratch.n_listeners;
	return scratch.n_listeners || weir_at_fail(at, "must not be empty");
}

static bool take_proxied_forwarding(const struct weir_at *at, void *agent)
{
	struct weir_lb scratch = { 0 };

	if (!weir_take_forwarding(at, &scratch))
		return false;
	((struct weir_agent_conf *)agent)->proxied_forwarding = scratch.forwarding;
	return true;
}

static bool take_control(const struct weir_at *at, void *out)
{
	return weir_take_socket(at, 8650, out);
}

static bool take_pin_path(const struct weir_at *at, void *out)
{
	const char *s;
	size_t n;

	if (!weir_take_file(at, &s))
		return false;
	n = strlen(s);
	if (strstr(s, "/../") || (n >= 3 && strcmp(s + n - 3, "/..") == 0))
		return weir_at_fail(at, "%s must not hold ..", weir_quote(at->p, s));
	for (const char *c = s; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return weir_at_fail(at, "holds a space or a control character");
	*(const char **)out = s;
	return true;
}

static bool take_hash_key(const struct weir_at *at, void *out)
{
	uint8_t key[16], any = 0;
	const char *s;

	if (!weir_take_string(at, 4096, &s))
		return false;
	if (strlen(s) != 2 * sizeof(key))
		return weir_at_fail(at, "must be 32 hexadecimal digits, not %zu characters",
				    strlen(s));
	if (!weir_hex_bytes(s, key, sizeof(key)))
		return weir_at_fail(at, "must be 32 hexadecimal digits");
	for (size_t i = 0; i < sizeof(key); i++)
		any |= key[i];
	if (!any)
		return weir_at_fail(at, "must not be all zero");
	memcpy(out, key, sizeof(key));
	return true;
}

static bool take_outer_prefix(const struct weir_at *at, void *out)
{
	struct weir_prefix *p = out;
	const char *s = json_string_value(at->v);

	if (!weir_take_prefix(at, p))
		return false;
	if (p->bits < OUTER_BITS_MIN + (weir_addr_is_v4(&p->addr) ? 96 : 0))
		return weir_at_fail(at, "%s is shorter than %d bits", s, OUTER_BITS_MIN);
	return weir_addr_is_host(&p->addr) ||
	       weir_at_fail(at, "%s is not of addresses of one machine", s);
}

/* One prefix for each family. */
static bool take_outer_source(const struct weir_at *at, void *agent)
{
	struct weir_agent_conf *a = agent;
	struct weir_prefix *all;
	uint32_t n;

	if (!weir_take_list(at, 0, 2, sizeof(*all), take_outer_prefix, &all, &n))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		struct weir_prefix *of = weir_addr_is_v4(&all[i].addr) ? &a->outer4 : &a->outer6;
		struct weir_at item = weir_at_item(at, i);

		if (of->bits)
			return weir_at_fail(&item, "is the second prefix of its family; there can "
						   "be one for IPv4 and one for IPv6");
		*of = all[i];
	}
	return true;
}

/* Endpoints have the VIPs, and take no packets that seem to come from themselves. */
static bool check_outer_source(const struct weir_at *at, const struct weir_agent_conf *a)
{
	char text[WEIR_ADDR_TEXT];

	for (uint32_t i = 0; i < a->n_vips; i++)
		if (weir_agent_is_outer(a, &a->vips[i]))
			return weir_at_fail_key(at, "outer_source",
						"holds %s, a VIP: endpoints would take packets "
						"from there for their own and drop them",
						weir_addr_text(&a->vips[i], text));
	return true;
}

bool weir_agent_is_outer(const struct weir_agent_conf *a, const union weir_addr *addr)
{
	return (a->outer4.bits && weir_prefix_holds(&a->outer4, addr)) ||
	       (a->outer6.bits && weir_prefix_holds(&a->outer6, addr));
}

bool weir_take_agent(const struct weir_at *at, void *model)
{
	static const struct weir_field fields[] = {
		WEIR_TAKEN(weir_agent_conf, node, weir_take_id, false),
		WEIR_TAKEN(weir_agent_conf, region, take_region, false),
		WEIR_TAKEN(weir_agent_conf, country, take_country, false),
		WEIR_TAKEN(weir_agent_conf, pop, take_pop, false),
		WEIR_NAMED(weir_agent_conf, "latitude", at, weir_take_latitude, false),
		WEIR_NAMED(weir_agent_conf, "longitude", at, weir_take_longitude, false),
		WEIR_TAKEN(weir_agent_conf, geofeed, weir_take_file, false),
		WEIR_TAKEN(weir_agent_conf, geo_database, weir_take_file, false),
		WEIR_CUSTOM("interfaces", take_interfaces),
		WEIR_TAKEN(weir_agent_conf, attach, take_attach, false),
		WEIR_CUSTOM("vips", take_vips),
		WEIR_TAKEN(weir_agent_conf, dns, weir_take_dns, false),
		WEIR_CUSTOM("resolvers", take_resolvers),
		WEIR_CUSTOM("proxied_listeners", take_proxied_listeners),
		WEIR_CUSTOM("proxied_forwarding", take_proxied_forwarding),
		WEIR_TAKEN(weir_agent_conf, control, take_control, false),
		WEIR_TAKEN(weir_agent_conf, store, weir_take_file, false),
		WEIR_CUSTOM("api", weir_take_api),
		WEIR_TAKEN(weir_agent_conf, pin_path, take_pin_path, false),
		WEIR_TAKEN(weir_agent_conf, hash_key, take_hash_key, false),
		WEIR_DECIMAL(weir_agent_conf, "drain_duration", drain_ms, 1000, 0, MAX_DRAIN_MS,
			     DRAIN_MS),
		WEIR_INT(weir_agent_conf, gue_port, 1, 65535, WEIR_GUE_PORT),
		WEIR_CUSTOM("outer_source", take_outer_source),
		WEIR_CUSTOM("client_regions", weir_take_regions),
		WEIR_INT(weir_agent_conf, max_rows, WEIR_MIN_ROWS, WEIR_MAX_ROWS,
			 WEIR_DEFAULT_ROWS),
		WEIR_CUSTOM("nat", weir_take_nat),
	};
	struct weir_agent_conf *a = &((struct weir_model *)model)->agent;

	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), a) || !check_outer_source(at, a) ||
	    !weir_check_nat_sources(at, a) || !weir_check_point(at, &a->at) ||
	    !weir_check_api(at, a))
		return false;
	return !(a->max_rows & (a->max_rows - 1)) ||
	       weir_at_fail_key(at, "max_rows",
				"must be a power of two, %u, %u and so on up to %u, not %u",
				WEIR_MIN_ROWS, 2 * WEIR_MIN_ROWS, WEIR_MAX_ROWS, a->max_rows);
}

void weir_agent_defaults(struct weir_agent_conf *a)
{
	static const struct weir_listener web[] = { { .proto = IPPROTO_TCP, .port = 80 },
						    { .proto = IPPROTO_TCP, .port = 443 } };

	*a = (struct weir_agent_conf){
		.node = "weir",
		.country = "",
		.pop = "",
		.pin_path = WEIR_DEFAULT_PIN,
		.drain_ms = DRAIN_MS,
		.proxied_listeners = web,
		.n_proxied_listeners = WEIR_COUNT(web),
		.gue_port = WEIR_GUE_PORT,
		.max_rows = WEIR_DEFAULT_ROWS,
		.api = { .account_id = ACCOUNT_ID, .account_name = "weir" },
	};
	weir_sockaddr_parse(WEIR_DEFAULT_CONTROL, 0, &a->control);
	memcpy(a->hash_key, default_key, sizeof(default_key));
}
