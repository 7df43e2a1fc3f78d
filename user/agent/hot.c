/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hot.c - has the kernel answer what is prepared. */
#include <time.h>

#include "agent/agent_impl.h"
#include "dataplane/plane_dns.h"
#include "zone/hot.h"

static void name_zone(void *plane, uint64_t key, uint32_t labels)
{
	weir_plane_dns_zone(plane, key, labels);
}

/* Who watches all queries (dnstap) would not see what the kernel answers. */
static enum weir_dns_kernel road_of(const struct weir_dns_conf *conf)
{
	return conf->tap.socket || conf->tap.file ? WEIR_DNS_KERNEL_OFF : conf->kernel;
}

/* --- counts --- */

#define OUTCOME_BITS 8

/* Places are the same for good, where zones have other numbers in another model. */
static bool put(void *agent, const struct weir_hot_key *key, const struct weir_hot_answer *answer,
		bool changes, const struct weir_told *told)
{
	struct weir_agent *a = agent;
	uint64_t place = weir_dns_zone_place(a->dns, told->zone);

	return weir_plane_dns_put(a->plane, key, answer, changes,
				  place << OUTCOME_BITS | (unsigned)told->outcome);
}

static void on_hits(void *agent, const uint8_t *name, size_t len, uint64_t tag, uint64_t n)
{
	const struct weir_agent *a = agent;

	weir_dns_answered_elsewhere(a->dns, (uint32_t)(tag >> OUTCOME_BITS),
				    (enum weir_dns_outcome)(tag & ((1 << OUTCOME_BITS) - 1)), name,
				    len, n);
}

void agent_count_in_kernel(const struct weir_agent *a)
{
	weir_plane_dns_hits(a->plane, on_hits, (void *)a);
}

/* --- answers --- */

/* all: those that change with health, and the others. Whether it is worth another turn. */
static bool prepare(struct weir_agent *a, const struct weir_dns_conf *conf,
		    const struct weir_zones *zones, bool all)
{
	all = weir_plane_dns_begin(a->plane, all);
	if (road_of(conf) != WEIR_DNS_KERNEL_OFF)
		weir_hot_each(zones, all, put, a);
	return weir_plane_dns_end(a->plane);
}

void agent_answer_in_kernel(struct weir_agent *a, const struct weir_dns_conf *conf,
			    const struct weir_zones *zones, bool fresh)
{
	bool on = road_of(conf) != WEIR_DNS_KERNEL_OFF;

	if (prepare(a, conf, zones, fresh || (on && weir_hot_all_change(zones))))
		prepare(a, conf, zones, true);
	if (!fresh)
		return;
	weir_plane_dns_zones_begin(a->plane);
	weir_hot_zones(zones, name_zone, a->plane);
	weir_plane_dns_zones_end(a->plane);
}

const uint8_t *agent_cookie_secret(const struct weir_agent *a, const struct weir_dns_conf *conf)
{
	if (!conf->cookies)
		return NULL;
	return conf->has_cookie_secret ? conf->cookie_secret : a->cookie_secret;
}

/* Once a second: somebody may set the clock. */
void agent_cookies_in_kernel(struct weir_agent *a, const struct weir_dns_conf *conf)
{
	weir_plane_dns_cookies(a->plane, agent_cookie_secret(a, conf), (uint64_t)time(NULL));
}

void agent_listen_in_kernel(struct weir_agent *a, const struct weir_dns_conf *conf)
{
	weir_plane_dns_limit(a->plane, &conf->rate_limit);
	agent_cookies_in_kernel(a, conf);
	weir_plane_dns_listen(a->plane, conf->listen, conf->n_listen, road_of(conf));
}

json_t *agent_kernel_answers(const struct weir_agent *a)
{
	static const char *const words[] = { "xdp", "tc", "off" };
	uint64_t written;
	uint32_t n = weir_plane_dns_answers(a->plane, &written);

	return json_pack("{s:s, s:I, s:I}", "road", words[road_of(&a->model->agent.dns)], "answers",
			 (json_int_t)n, "written", (json_int_t)written);
}
