/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_ruled.c - what is otherwise for some clients of a load balancer: the fields of overrides,
 * in rules and pool sets, and which of them contradict each other. */
#include "model/parse.h"

#include <string.h>

#include "model/steer.h"

static bool is_said(const struct weir_at *at, const char *key)
{
	const json_t *v = json_object_get(at->v, key);

	return v && !json_is_null(v);
}

/* A list and maps that are empty say nothing. */
static bool is_filled(const struct weir_at *at, const char *key)
{
	const json_t *v = json_object_get(at->v, key);

	return is_said(at, key) && (!json_is_object(v) || json_object_size(v));
}

/* Two fields of the same overrides must not answer one question. */
static bool check_contradictions(const struct weir_at *at)
{
	static const char *const replaced[] = { "default_pools", "region_pools", "country_pools",
						"pop_pools" };
	static const char *const weights[] = { "pool_weights", "pool_default_weight" };
	const char *policy = json_string_value(json_object_get(at->v, "steering_policy"));

	for (size_t i = 0; is_said(at, "pools") && i < WEIR_COUNT(replaced); i++)
		if (is_filled(at, replaced[i]))
			return weir_at_fail_key(at, replaced[i],
						"pools are used instead of default_pools and the "
						"maps; leave pools or %s out",
						replaced[i]);
	if (is_said(at, "pools") && policy && strcmp(policy, "geo") == 0)
		return weir_at_fail_key(at, "steering_policy",
					"geo chooses by maps, instead of which pools are used; "
					"take another policy, or the maps");
	for (size_t i = 0; is_said(at, "random_steering") && i < WEIR_COUNT(weights); i++)
		if (is_said(at, weights[i]))
			return weir_at_fail_key(at, weights[i],
						"random_steering says what pools weigh, too; leave "
						"one of them out");
	return true;
}

static bool take_pools(const struct weir_at *at, void *lb)
{
	struct weir_lb *l = lb;

	l->region_pools = l->country_pools = l->pop_pools = NULL;
	l->n_region_pools = l->n_country_pools = l->n_pop_pools = 0;
	return weir_take_pool_list(at, &l->default_pools, &l->n_default_pools);
}

/* Weights that the policy makes nothing of. */
static void note_weights(const struct weir_at *at, const struct weir_lb *l)
{
	static const char *const keys[] = { "pool_weights", "pool_default_weight" };

	for (size_t i = 0; !weir_lb_has_weights(l) && i < WEIR_COUNT(keys); i++) {
		struct weir_at member = weir_at_key(at, keys[i]);

		if (is_filled(at, keys[i]))
			weir_at_note(&member,
				     "counts where the steering_policy is random, "
				     "least_connections or least_outstanding_requests; here it "
				     "is %s",
				     weir_policy_text(l->policy));
	}
}

bool weir_take_overrides(const struct weir_at *at, struct weir_lb *l)
{
	static const struct weir_field fields[] = {
		WEIR_CUSTOM("default_pools", weir_take_default_pools),
		WEIR_TAKEN(weir_lb, fallback_pool, weir_take_pool_ref, false),
		WEIR_CUSTOM("steering_policy", weir_take_policy),
		WEIR_INT(weir_lb, ttl, 1, 604800, 30),
		WEIR_CUSTOM("session_affinity", weir_take_affinity),
		WEIR_CUSTOM("session_affinity_attributes", weir_take_affinity_attributes),
		WEIR_INT(weir_lb, session_affinity_ttl, 1, 604800, 0),
		WEIR_CUSTOM("adaptive_routing", weir_take_adaptive_routing),
		WEIR_CUSTOM("region_pools", weir_take_region_pools),
		WEIR_CUSTOM("country_pools", weir_take_country_pools),
		WEIR_CUSTOM("pop_pools", weir_take_pop_pools),
		WEIR_CUSTOM("random_steering", weir_take_random_steering),
		WEIR_CUSTOM("location_strategy", weir_take_location_strategy),
		WEIR_CUSTOM("pools", take_pools), /* instead of what is above */
		WEIR_CUSTOM("pool_weights", weir_take_pool_weights),
		WEIR_CUSTOM("pool_default_weight", weir_take_pool_default_weight),
	};

	if (!check_contradictions(at) || !weir_take_present(at, fields, WEIR_COUNT(fields), l) ||
	    !weir_check_affinity(at, l) || !weir_check_steering(at, l))
		return false;
	note_weights(at, l);
	return true;
}

bool weir_take_set_overrides(const struct weir_at *at, struct weir_lb *l)
{
	static const struct weir_field fields[] = {
		WEIR_TAKEN(weir_lb, fallback_pool, weir_take_pool_ref, false),
		WEIR_CUSTOM("steering_policy", weir_take_policy),
		WEIR_CUSTOM("pools", take_pools),
		WEIR_CUSTOM("pool_weights", weir_take_pool_weights),
		WEIR_CUSTOM("pool_default_weight", weir_take_pool_default_weight),
	};

	if (!check_contradictions(at) || !weir_take_present(at, fields, WEIR_COUNT(fields), l) ||
	    !weir_check_steering(at, l))
		return false;
	note_weights(at, l);
	return true;
}
