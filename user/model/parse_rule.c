/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_rule.c - rules of a load balancer: conditions and what they override. */
#include "model/parse.h"

#include <stdlib.h>
#include <string.h>

#include "model/rules.h"

#define NAME_BYTES     200
#define CONTENT_TYPE   32
#define LOCATION_BYTES 2048
#define BODY_BYTES     1024
#define NO_PRIORITY    UINT32_MAX
#define MAX_PRIORITY   1000000000

static bool take_condition(const struct weir_at *at, void *out)
{
	struct weir_rule *r = out;
	const char *s;
	char why[400];

	if (!weir_take_string(at, WEIR_EXPR_BYTES, &s))
		return false;
	r->condition = weir_arena_strdup(at->p->arena, s);
	return weir_expr_parse(s, r->lb->proxied, at->p->arena, &r->when, why, sizeof(why)) ||
	       weir_at_fail(at, "%s", why);
}

/* What overrides say, of enum weir_said, and whether packets know of it: which pools are used. */
static const struct {
	const char *key;
	uint8_t said;
	bool steers;
} overridden[] = {
	{ "default_pools", 0, true },
	{ "region_pools", 0, true },
	{ "country_pools", 0, true },
	{ "pop_pools", 0, true },
	{ "pools", WEIR_SAID_POOLS, true },
	{ "fallback_pool", WEIR_SAID_FALLBACK, true },
	{ "steering_policy", WEIR_SAID_POLICY, true },
	{ "random_steering", WEIR_SAID_DEFAULT_WEIGHT, true },
	{ "pool_weights", 0, true },
	{ "pool_default_weight", WEIR_SAID_DEFAULT_WEIGHT, true },
	{ "ttl", WEIR_SAID_TTL, false },
	{ "location_strategy", WEIR_SAID_LOCATION, false },
};

static bool take_overrides(const struct weir_at *at, void *rule)
{
	struct weir_rule *r = rule;
	const char *key;
	json_t *v;

	if (!weir_take_overrides(at, (struct weir_lb *)r->lb))
		return false;
	json_object_foreach((json_t *)at->v, key, v)
	{
		struct weir_at member = weir_at_key(at, key);
		size_t i = 0;

		while (i < WEIR_COUNT(overridden) && strcmp(key, overridden[i].key))
			i++;
		if (i < WEIR_COUNT(overridden) && !json_is_null(v))
			r->said |= overridden[i].said;
		if (r->lb->proxied && (i == WEIR_COUNT(overridden) || !overridden[i].steers))
			weir_at_note(&member, "is the same for all clients: rules choose pools");
	}
	return true;
}

bool weir_take_fixed_response(const struct weir_at *at, bool proxied,
			      const struct weir_fixed_response **out)
{
	static const struct weir_field fields[] = {
		WEIR_INT(weir_fixed_response, status_code, 100, 999, 0),
		WEIR_TEXT(weir_fixed_response, content_type, CONTENT_TYPE, ""),
		WEIR_TEXT(weir_fixed_response, location, LOCATION_BYTES, ""),
		WEIR_TEXT(weir_fixed_response, message_body, BODY_BYTES, ""),
	};
	struct weir_fixed_response *to =
		weir_arena_new_array(at->p->arena, 1, struct weir_fixed_response);

	if (proxied)
		return weir_at_fail(at, "an answer of HTTP cannot be given in packets; a DNS-only "
					"load balancer gives one without addresses");
	*out = to;
	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), to))
		return false;
	weir_at_note(at, "is answered in DNS by no address; there is no HTTP");
	return true;
}

static bool take_response(const struct weir_at *at, void *rule)
{
	struct weir_rule *r = rule;

	return weir_take_fixed_response(at, r->lb->proxied, &r->response);
}

static bool take_rule(const struct weir_at *at, void *item)
{
	static const struct weir_field fields[] = {
		WEIR_TEXT(weir_rule, name, NAME_BYTES, ""),
		WEIR_CUSTOM("condition", take_condition),
		WEIR_INT(weir_rule, priority, 0, MAX_PRIORITY, NO_PRIORITY),
		WEIR_BOOL(weir_rule, disabled, false),
		WEIR_BOOL(weir_rule, terminates, false),
		WEIR_CUSTOM("overrides", take_overrides),
		WEIR_CUSTOM("fixed_response", take_response),
	};
	struct weir_lb *copy = weir_arena_new_array(at->p->arena, 1, struct weir_lb);
	struct weir_rule *r = item;

	*copy = *at->p->ruled;
	r->lb = copy;
	r->index = at->index;
	r->condition = "";
	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), r))
		return false;
	if (r->response && r->said & WEIR_SAID_POOLS)
		return weir_at_fail_key(at, "fixed_response",
					"a rule that answers by itself uses no pools; leave it or "
					"overrides.pools out");
	if (r->priority == NO_PRIORITY)
		r->priority = at->index;
	r->terminates |= r->response != NULL;
	return true;
}

static int by_priority(const void *a, const void *b)
{
	const struct weir_rule *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

bool weir_take_rules(const struct weir_at *at, void *lb)
{
	struct weir_lb *l = lb;
	struct weir_rule *rules;

	at->p->ruled = l;
	if (!weir_take_list(at, 0, WEIR_MAX_RULES, sizeof(*rules), take_rule, &rules, &l->n_rules))
		return false;
	if (l->n_rules)
		qsort(rules, l->n_rules, sizeof(*rules), by_priority);
	if (l->n_rules > WEIR_MAX_DNS_RULES && !l->proxied)
		return weir_at_fail(at, "has %u rules: a DNS-only load balancer may have %u",
				    l->n_rules, WEIR_MAX_DNS_RULES);
	l->rules = rules;
	return true;
}
