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

/* What packets know of: which pools are used. */
static bool is_steering(const char *key)
{
	static const char *const keys[] = { "default_pools",   "fallback_pool", "steering_policy",
					    "random_steering", "region_pools",  "country_pools",
					    "pop_pools" };

	for (size_t i = 0; i < WEIR_COUNT(keys); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

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

		if (r->lb->proxied && !is_steering(key))
			weir_at_note(&member, "is the same for all clients: rules choose pools");
	}
	return true;
}

static bool take_response(const struct weir_at *at, void *rule)
{
	static const struct weir_field fields[] = {
		WEIR_INT(weir_fixed_response, status_code, 100, 999, 0),
		WEIR_TEXT(weir_fixed_response, content_type, CONTENT_TYPE, ""),
		WEIR_TEXT(weir_fixed_response, location, LOCATION_BYTES, ""),
		WEIR_TEXT(weir_fixed_response, message_body, BODY_BYTES, ""),
	};
	struct weir_fixed_response *to =
		weir_arena_new_array(at->p->arena, 1, struct weir_fixed_response);
	struct weir_rule *r = rule;

	if (r->lb->proxied)
		return weir_at_fail(at, "an answer of HTTP cannot be given in packets; a DNS-only "
					"load balancer gives one without addresses");
	r->response = to;
	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), to))
		return false;
	weir_at_note(at, "is answered in DNS by no address; there is no HTTP");
	return true;
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
