/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_flow.c - what a load balancer says about flows and clients. */
#include "model/parse.h"

#include <stdio.h>
#include <string.h>

#include "weir/abi.h"

#define MAX_SOURCES  65536                                    /* of one list */
#define PREFIX_BYTES (offsetof(struct weir_prefix, bits) + 1) /* without holes */

bool weir_take_udp(const struct weir_at *at, void *lb)
{
	static const char *const words[] = { "flow", "request", "quic", NULL };
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	((struct weir_lb *)lb)->udp_request = i == 1;
	((struct weir_lb *)lb)->quic = i == 2;
	return true;
}

static bool take_allow(const struct weir_at *at, void *rules)
{
	struct weir_source_rules *r = rules;

	return weir_take_list(at, 0, MAX_SOURCES, sizeof(*r->allow), weir_take_prefix, &r->allow,
			      &r->n_allow);
}

static bool take_deny(const struct weir_at *at, void *rules)
{
	struct weir_source_rules *r = rules;

	return weir_take_list(at, 0, MAX_SOURCES, sizeof(*r->deny), weir_take_prefix, &r->deny,
			      &r->n_deny);
}

static bool take_rate(const struct weir_at *at, void *rules)
{
	static const struct weir_field fields[] = {
		WEIR_INT(weir_source_rules, packets_per_second, 1, WEIR_MAX_RATE, 0),
		WEIR_INT(weir_source_rules, burst, 1, WEIR_MAX_BURST, 0),
		WEIR_INT(weir_source_rules, prefix_v4, 0, 32, 24),
		WEIR_INT(weir_source_rules, prefix_v6, 0, 128, 56),
	};
	struct weir_source_rules *r = rules;

	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), r))
		return false;
	if (!r->packets_per_second)
		return weir_at_fail(at, "packets_per_second is missing");
	if (!r->burst) /* what comes in a second */
		r->burst = r->packets_per_second < WEIR_MAX_BURST ? r->packets_per_second
								  : WEIR_MAX_BURST;
	return true;
}

/* Of both lists, each once. */
static bool check_prefixes(const struct weir_at *at, const struct weir_source_rules *r)
{
	uint32_t n = r->n_allow + r->n_deny;
	struct weir_index seen;

	weir_index_init(&seen, n, at->p->arena);
	for (uint32_t i = 0; i < n; i++) {
		bool deny = i >= r->n_allow;
		struct weir_at list = weir_at_key(at, deny ? "deny" : "allow");
		struct weir_at item = weir_at_item(&list, deny ? i - r->n_allow : i);
		const struct weir_prefix *p = deny ? &r->deny[i - r->n_allow] : &r->allow[i];
		uint32_t nth = i;

		if (!weir_index_add(&seen, p, PREFIX_BYTES, &nth))
			return weir_at_fail(&item, "%s is %s[%u] already",
					    json_string_value(item.v),
					    nth < r->n_allow ? "allow" : "deny",
					    nth < r->n_allow ? nth : nth - r->n_allow);
	}
	at->p->n_sources += n + 2; /* and what becomes of all others, of either family */
	return at->p->n_sources <= WEIR_MAX_SOURCES / 2 ||
	       weir_at_fail(at, "more than %u prefixes in all load balancers together",
			    WEIR_MAX_SOURCES / 2);
}

bool weir_take_source_rules(const struct weir_at *at, void *lb)
{
	static const struct weir_field fields[] = {
		WEIR_CUSTOM("allow", take_allow),
		WEIR_CUSTOM("deny", take_deny),
		WEIR_CUSTOM("rate", take_rate),
	};
	struct weir_source_rules *r = &((struct weir_lb *)lb)->sources;

	return weir_take_fields(at, fields, WEIR_COUNT(fields), r) && check_prefixes(at, r);
}

/* Records of connections are what counts them: where something else is recorded, or nothing, there
 * is nothing to count. */
static bool check_counts(const struct weir_at *at, const struct weir_lb *l)
{
	const struct weir_pool *p = weir_lb_pool(l, weir_pool_counts);
	struct weir_lb own = *l;
	const char *what = p && p->limited ? "a max_conn" : "least_connections";
	char who[400];

	own.n_rules = own.n_pool_sets = 0; /* they are checked by themselves */
	if (p)
		snprintf(who, sizeof(who), "pool \"%s\" has %s", p->id, what);
	else
		snprintf(who, sizeof(who), "the steering_policy is %s",
			 weir_policy_text(l->policy));
	if (weir_lb_counts(&own) && l->affinity)
		return weir_at_fail_key(at, "session_affinity",
					"ip_cookie remembers clients, not their connections, and "
					"%s, which counts them; leave one of them out",
					who);
	if (weir_lb_counts(&own) && l->udp_request)
		return weir_at_fail_key(at, "udp",
					"request sends each datagram by itself, and %s, which "
					"counts flows; leave one of them out",
					who);
	return true;
}

bool weir_check_flows(const struct weir_at *at, const struct weir_lb *l)
{
	if (l->affinity && l->udp_request)
		return weir_at_fail_key(at, "udp",
					"request sends each datagram by itself, which "
					"session_affinity forbids; leave one of them out");
	return check_counts(at, l) && weir_check_quic(at, l);
}
