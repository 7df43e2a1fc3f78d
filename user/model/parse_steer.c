/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse_steer.c - which of its pools a load balancer uses: policies, maps by place, weights; and
 * what of its traffic a pool sheds. */
#include "model/parse.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#define MAX_PLACES 1024 /* of one map */
#define SHARE_ONE  100u

/* By enum weir_policy; "" is decided by the maps. */
static const char *const policies[] = { "off",
					"geo",
					"random",
					"dynamic_latency",
					"proximity",
					"least_connections",
					"least_outstanding_requests",
					"",
					NULL };

const char *weir_policy_text(enum weir_policy p)
{
	return policies[p];
}

bool weir_take_policy(const struct weir_at *at, void *lb)
{
	unsigned i;

	if (!weir_take_word(at, policies, &i))
		return false;
	((struct weir_lb *)lb)->policy = i;
	return true;
}

/* --- maps from places to pools --- */

typedef bool place_fn(const struct weir_at *at, const char *key);

bool weir_take_region_code(const struct weir_at *at, const char *key)
{
	return weir_region_parse(key) ||
	       weir_at_fail(at,
			    "%s is not a region: those are WNAM, ENAM, WEU, EEU, NSAM, SSAM, "
			    "OC, ME, NAF, SAF, SAS, SEAS and NEAS",
			    weir_quote(at->p, key));
}

bool weir_take_country_code(const struct weir_at *at, const char *key)
{
	return (strlen(key) == 2 && isupper((unsigned char)key[0]) &&
		isupper((unsigned char)key[1])) ||
	       weir_at_fail(at, "%s is not a country: two capital letters, as in DE",
			    weir_quote(at->p, key));
}

bool weir_take_pop_code(const struct weir_at *at, const char *key)
{
	size_t n = strlen(key);

	for (const char *c = key; *c; c++)
		n = isalnum((unsigned char)*c) || *c == '-' ? n : 0;
	return (n >= 1 && n <= 32) ||
	       weir_at_fail(at, "%s is not a site: letters, digits and -, as in agent.pop",
			    weir_quote(at->p, key));
}

static bool take_places(const struct weir_at *at, place_fn *check, struct weir_place_pools **out,
			uint32_t *n)
{
	const char *key;
	json_t *v;

	if (!json_is_object(at->v))
		return weir_at_fail(at, "must be a mapping of lists of pools");
	if (json_object_size(at->v) > MAX_PLACES)
		return weir_at_fail(at, "has %zu entries, more than %u", json_object_size(at->v),
				    MAX_PLACES);
	*n = 0; /* in overrides it is the balancer's */
	*out = weir_arena_new_array(at->p->arena, json_object_size(at->v), struct weir_place_pools);
	json_object_foreach((json_t *)at->v, key, v)
	{
		struct weir_place_pools *to = &(*out)[(*n)++];
		struct weir_at item = weir_at_key(at, key);

		to->place = weir_arena_strdup(at->p->arena, key);
		if (!check(&item, key) || !weir_take_pool_list(&item, &to->pools, &to->n))
			return false;
	}
	return true;
}

bool weir_take_region_pools(const struct weir_at *at, void *lb)
{
	struct weir_lb *l = lb;

	return take_places(at, weir_take_region_code, (struct weir_place_pools **)&l->region_pools,
			   &l->n_region_pools);
}

bool weir_take_country_pools(const struct weir_at *at, void *lb)
{
	struct weir_lb *l = lb;

	return take_places(at, weir_take_country_code,
			   (struct weir_place_pools **)&l->country_pools, &l->n_country_pools);
}

bool weir_take_pop_pools(const struct weir_at *at, void *lb)
{
	struct weir_lb *l = lb;

	return take_places(at, weir_take_pop_code, (struct weir_place_pools **)&l->pop_pools,
			   &l->n_pop_pools);
}

/* --- weights of pools --- */

bool weir_take_pool_weights(const struct weir_at *at, void *lb)
{
	static const struct weir_field weight =
		WEIR_DECIMAL(weir_pool_weight, "weight", weight, SHARE_ONE, 0, SHARE_ONE, 0);
	struct weir_lb *l = lb;
	struct weir_pool_weight *to;
	const char *key;
	json_t *v;

	if (!json_is_object(at->v))
		return weir_at_fail(at, "must be a mapping of pools to weights");
	to = weir_arena_new_array(at->p->arena, json_object_size(at->v), struct weir_pool_weight);
	l->pool_weights = to;
	l->n_pool_weights = 0; /* in overrides it is the balancer's */
	json_object_foreach((json_t *)at->v, key, v)
	{
		struct weir_at item = weir_at_key(at, key);

		if (!weir_find_pool(&item, key, &to->pool) ||
		    !weir_take_decimal(&item, &weight, &to->weight))
			return false;
		to++;
		l->n_pool_weights++;
	}
	return true;
}

bool weir_take_pool_default_weight(const struct weir_at *at, void *lb)
{
	static const struct weir_field weight =
		WEIR_DECIMAL(weir_lb, "weight", default_weight, SHARE_ONE, 0, SHARE_ONE, 0);

	return weir_take_decimal(at, &weight, &((struct weir_lb *)lb)->default_weight);
}

bool weir_take_random_steering(const struct weir_at *at, void *lb)
{
	static const struct weir_field fields[] = {
		WEIR_DECIMAL(weir_lb, "default_weight", default_weight, SHARE_ONE, 0, SHARE_ONE,
			     SHARE_ONE),
		WEIR_CUSTOM("pool_weights", weir_take_pool_weights),
	};

	return weir_take_fields(at, fields, WEIR_COUNT(fields), lb);
}

/* --- location_strategy --- */

static bool take_location_mode(const struct weir_at *at, void *lb)
{
	static const char *const words[] = { "pop", "resolver_ip", NULL };
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	((struct weir_lb *)lb)->location_mode = i;
	return true;
}

static bool take_prefer_ecs(const struct weir_at *at, void *lb)
{
	static const char *const words[] = { "proximity", "always", "never", "geo", NULL };
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	((struct weir_lb *)lb)->prefer_ecs = i;
	return true;
}

bool weir_take_location_strategy(const struct weir_at *at, void *lb)
{
	static const struct weir_field fields[] = {
		WEIR_CUSTOM("mode", take_location_mode),
		WEIR_CUSTOM("prefer_ecs", take_prefer_ecs),
	};
	const struct weir_lb *l = lb;

	if (!weir_take_fields(at, fields, WEIR_COUNT(fields), lb))
		return false;
	if (l->proxied)
		weir_at_note(at,
			     "is for DNS-only load balancers: packets come from the client itself");
	return true;
}

bool weir_take_when_down(const struct weir_at *at, void *lb)
{
	static const char *const words[] = { "fallback", "all", "none", NULL };
	struct weir_lb *l = lb;
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	l->when_down = i;
	if (l->proxied)
		weir_at_note(at, "is for DNS-only load balancers: packets go to the fallback pool");
	return true;
}

/* --- what is between them --- */

static void add_pools(struct weir_lb *l, const struct weir_pool **to,
		      const struct weir_pool *const *from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t k = 0;

		while (k < l->n_pools && to[k] != from[i])
			k++;
		to[k] = from[i];
		l->n_pools += k == l->n_pools;
	}
}

/* Each pool that the balancer may use, once. */
static void collect_pools(const struct weir_at *at, struct weir_lb *l)
{
	const struct {
		const struct weir_place_pools *of;
		uint32_t n;
	} maps[] = { { l->pop_pools, l->n_pop_pools },
		     { l->country_pools, l->n_country_pools },
		     { l->region_pools, l->n_region_pools } };
	uint64_t room = l->n_default_pools + 1;
	const struct weir_pool **to;

	for (size_t m = 0; m < WEIR_COUNT(maps); m++)
		for (uint32_t i = 0; i < maps[m].n; i++)
			room += maps[m].of[i].n;
	if (room > at->p->model->n_pools)
		room = at->p->model->n_pools;
	to = weir_arena_new_array(at->p->arena, room, const struct weir_pool *);
	add_pools(l, to, l->default_pools, l->n_default_pools);
	for (size_t m = 0; l->policy == WEIR_POLICY_GEO && m < WEIR_COUNT(maps); m++)
		for (uint32_t i = 0; i < maps[m].n; i++)
			add_pools(l, to, maps[m].of[i].pools, maps[m].of[i].n);
	add_pools(l, to, &l->fallback_pool, 1);
	l->pools = to;
}

void weir_add_ruled_pools(const struct weir_at *at, struct weir_lb *l)
{
	const struct weir_pool **to;
	const struct weir_lb *of;
	uint64_t room = 0;

	for (uint32_t i = 0; (of = weir_lb_variant(l, i)); i++)
		room += of->n_pools;
	to = weir_arena_new_array(at->p->arena, room, const struct weir_pool *);
	memcpy(to, l->pools, l->n_pools * sizeof(*to));
	for (uint32_t i = 1; (of = weir_lb_variant(l, i)); i++)
		add_pools(l, to, of->pools, of->n_pools);
	l->pools = to;
}

bool weir_check_steering(const struct weir_at *at, struct weir_lb *l)
{
	if (l->policy == WEIR_POLICY_UNSET) {
		l->by_maps = true;
		l->policy = weir_policy_of_maps(l);
	}
	collect_pools(at, l);
	return true;
}

/* --- of a pool --- */

static bool take_shed_policy(const struct weir_at *at, void *pool)
{
	static const char *const words[] = { "random", "hash", "", NULL };
	unsigned i;

	if (!weir_take_word(at, words, &i))
		return false;
	((struct weir_pool *)pool)->shed.by_client = i == 1;
	return true;
}

static bool take_session_policy(const struct weir_at *at, void *unused)
{
	static const char *const words[] = { "hash", "", NULL };
	unsigned i;

	(void)unused;
	return weir_take_word(at, words, &i);
}

bool weir_take_load_shedding(const struct weir_at *at, void *pool)
{
	static const struct weir_field fields[] = {
		WEIR_DECIMAL(weir_pool, "default_percent", shed.percent, 100, 0, 10000, 0),
		WEIR_CUSTOM("default_policy", take_shed_policy),
		WEIR_DECIMAL(weir_pool, "session_percent", shed.session_percent, 100, 0, 10000, 0),
		WEIR_CUSTOM("session_policy", take_session_policy),
	};

	return weir_take_fields(at, fields, WEIR_COUNT(fields), pool);
}

/* Degrees, of at most so many to either side. */
static bool take_degrees(const struct weir_at *at, double most, int32_t *out)
{
	double v = json_number_value(at->v);

	if (!json_is_number(at->v) || !(v >= -most && v <= most))
		return weir_at_fail(at, "must be -%g to %g degrees", most, most);
	*out = (int32_t)lround(v * 1000);
	return true;
}

bool weir_take_latitude(const struct weir_at *at, void *point)
{
	return take_degrees(at, 90, &((struct weir_point *)point)->latitude);
}

bool weir_take_longitude(const struct weir_at *at, void *point)
{
	return take_degrees(at, 180, &((struct weir_point *)point)->longitude);
}

bool weir_check_point(const struct weir_at *at, struct weir_point *point)
{
	const json_t *latitude = json_object_get(at->v, "latitude");
	const json_t *longitude = json_object_get(at->v, "longitude");
	bool has = latitude && !json_is_null(latitude),
	     both = longitude && !json_is_null(longitude);

	point->known = has && both;
	return has == both || weir_at_fail_key(at, has ? "latitude" : "longitude",
					       "latitude and longitude go together");
}
