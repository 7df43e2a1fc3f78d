/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_agent.c - the agent section: what this balancer is, apart from what it balances. */
#include "model/parse.h"

#include <stdio.h>
#include <string.h>

#include "weir/api.h"

#define MAX_INTERFACES 64
#define MAX_LISTEN     64
#define DRAIN_MS       300000
#define MAX_DRAIN_MS   86400000u
#define IFNAME_BYTES   15
#define PATH_BYTES     200
#define OUTER_BITS_MIN 8

/* "weir load balanc": any fixed value would do, as long as all balancers use the same. */
static const uint8_t default_key[16] = { 0x77, 0x65, 0x69, 0x72, 0x20, 0x6c, 0x6f, 0x61,
					 0x64, 0x20, 0x62, 0x61, 0x6c, 0x61, 0x6e, 0x63 };

static bool take_region(const struct weir_at *at, void *out)
{
	static const char *const codes[] = { "",     "WNAM", "ENAM", "WEU",  "EEU",
					     "NSAM", "SSAM", "OC",   "ME",   "NAF",
					     "SAF",  "SAS",  "SEAS", "NEAS", NULL };
	unsigned i;

	if (!weir_take_word(at, codes, &i))
		return false;
	*(const char **)out = codes[i];
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

static bool take_socket(const struct weir_at *at, uint16_t port, struct weir_sockaddr *out)
{
	const char *s;

	if (!weir_take_string(at, 4096, &s))
		return false;
	return weir_sockaddr_parse(s, port, out) ||
	       weir_at_fail(at,
			    "%s is not an address and port, as in 192.0.2.1:%u or "
			    "[2001:db8::1]:%u",
			    weir_quote(at->p, s), port, port);
}

static bool take_listen_one(const struct weir_at *at, void *out)
{
	struct weir_sockaddr *s = out, *first = s - at->index;

	if (!take_socket(at, 53, s))
		return false;
	for (; first < s; first++)
		if (weir_addr_eq(&first->addr, &s->addr) && first->port == s->port)
			return weir_at_fail(at, "%s is listed twice",
					    weir_quote(at->p, json_string_value(at->v)));
	return true;
}

static bool take_listen(const struct weir_at *at, void *agent)
{
	struct weir_agent_conf *a = agent;

	return weir_take_list(at, 0, MAX_LISTEN, sizeof(*a->dns_listen), take_listen_one,
			      &a->dns_listen, &a->n_dns_listen);
}

static bool take_dns(const struct weir_at *at, void *agent)
{
	static const struct weir_field fields[] = { WEIR_CUSTOM("listen", take_listen) };

	return weir_take_fields(at, fields, WEIR_COUNT(fields), agent);
}

static bool take_control(const struct weir_at *at, void *out)
{
	return take_socket(at, 8650, out);
}

/* Absolute, and nothing in it leads up or holds what a shell or a log would trip over. */
static bool take_pin_path(const struct weir_at *at, void *out)
{
	const char *s;
	size_t n;

	if (!weir_take_string(at, PATH_BYTES, &s))
		return false;
	n = strlen(s);
	if (*s != '/' || n < 2)
		return weir_at_fail(at, "%s is not an absolute path", weir_quote(at->p, s));
	if (strstr(s, "/../") || (n >= 3 && strcmp(s + n - 3, "/..") == 0))
		return weir_at_fail(at, "%s must not hold ..", weir_quote(at->p, s));
	for (const char *c = s; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return weir_at_fail(at, "holds a space or a control character");
	*(const char **)out = weir_arena_strdup(at->p->arena, s);
	return true;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
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
	for (size_t i = 0; i < sizeof(key); i++) {
		int high = hex(s[2 * i]), low = hex(s[2 * i + 1]);

		if (high < 0 || low < 0)
			return weir_at_fail(at, "must be 32 hexadecimal digits");
		key[i] = (uint8_t)(high << 4 | low);
		any |= key[i];
	}
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
		WEIR_CUSTOM("interfaces", take_interfaces),
		WEIR_TAKEN(weir_agent_conf, attach, take_attach, false),
		WEIR_CUSTOM("vips", take_vips),
		WEIR_CUSTOM("dns", take_dns),
		WEIR_TAKEN(weir_agent_conf, control, take_control, false),
		WEIR_TAKEN(weir_agent_conf, pin_path, take_pin_path, false),
		WEIR_TAKEN(weir_agent_conf, hash_key, take_hash_key, false),
		WEIR_DECIMAL(weir_agent_conf, "drain_duration", drain_ms, 1000, 0, MAX_DRAIN_MS,
			     DRAIN_MS),
		WEIR_INT(weir_agent_conf, gue_port, 1, 65535, WEIR_GUE_PORT),
		WEIR_CUSTOM("outer_source", take_outer_source),
		WEIR_INT(weir_agent_conf, max_rows, WEIR_TABLE_MAX, WEIR_MAX_ROWS,
			 WEIR_DEFAULT_ROWS),
	};
	struct weir_agent_conf *a = &((struct weir_model *)model)->agent;

	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), a) || !check_outer_source(at, a))
		return false;
	return !(a->max_rows & (a->max_rows - 1)) ||
	       weir_at_fail_key(at, "max_rows",
				"must be a power of two, %u, %u and so on up to %u, not %u",
				WEIR_TABLE_MAX, 2 * WEIR_TABLE_MAX, WEIR_MAX_ROWS, a->max_rows);
}

void weir_agent_defaults(struct weir_agent_conf *a)
{
	*a = (struct weir_agent_conf){
		.node = "weir",
		.region = "",
		.pin_path = WEIR_DEFAULT_PIN,
		.drain_ms = DRAIN_MS,
		.gue_port = WEIR_GUE_PORT,
		.max_rows = WEIR_DEFAULT_ROWS,
	};
	weir_sockaddr_parse(WEIR_DEFAULT_CONTROL, 0, &a->control);
	memcpy(a->hash_key, default_key, sizeof(default_key));
}
