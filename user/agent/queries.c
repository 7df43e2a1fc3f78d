/* SPDX-License-Identifier: GPL-2.0-or-later */
/* queries.c - what became of DNS queries, for those who ask and those who watch. */
#include <stdlib.h>

#include "agent/agent_impl.h"

#define NAMES 100 /* most frequent ones that are told of */

static const char *const names[] = {
#define OUTCOME_NAME(name, text) #name,
	WEIR_DNS_OUTCOMES(OUTCOME_NAME)
#undef OUTCOME_NAME
};

static const char *const texts[] = {
#define OUTCOME_TEXT(name, text) text,
	WEIR_DNS_OUTCOMES(OUTCOME_TEXT)
#undef OUTCOME_TEXT
};

static json_t *all_outcomes(const struct weir_agent *a)
{
	uint64_t n[WEIR_DNS_OUTCOME_COUNT];
	json_t *out = json_array();

	weir_dns_outcomes(a->dns, n);
	for (uint32_t i = 0; i < WEIR_DNS_OUTCOME_COUNT; i++)
		json_array_append_new(out, json_pack("{s:s, s:s, s:I}", "outcome", names[i], "text",
						     texts[i], "queries", (json_int_t)n[i]));
	return out;
}

static json_t *zones(const struct weir_agent *a)
{
	json_t *out = json_array();

	for (uint32_t z = 0; z < weir_dns_n_zones(a->dns); z++) {
		uint64_t n[WEIR_DNS_OUTCOME_COUNT], sum = 0;
		const char *name = weir_dns_zone_outcomes(a->dns, z, n);
		json_t *outcomes = json_object();

		for (uint32_t i = 0; i < WEIR_DNS_OUTCOME_COUNT; i++) {
			sum += n[i];
			if (n[i])
				json_object_set_new(outcomes, names[i],
						    json_integer((json_int_t)n[i]));
		}
		json_array_append_new(out, json_pack("{s:s, s:I, s:o}", "zone", name, "queries",
						     (json_int_t)sum, "outcomes", outcomes));
	}
	return out;
}

static json_t *top(const struct weir_agent *a)
{
	struct weir_dns_name *all = weir_new_array(NAMES, struct weir_dns_name);
	uint32_t n = weir_dns_top(a->dns, all, NAMES);
	json_t *out = json_array();

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(out, json_pack("{s:s, s:I, s:I}", "name", all[i].text,
						     "queries", (json_int_t)all[i].queries, "over",
						     (json_int_t)all[i].over));
	free(all);
	return out;
}

json_t *agent_dns_workers(const struct weir_agent *a)
{
	json_t *out = json_array();

	for (uint32_t i = 0; i < weir_dns_workers(a->dns); i++) {
		struct weir_dns_worker_stats w;

		weir_dns_worker_stats(a->dns, i, &w);
		json_array_append_new(out, json_pack("{s:i, s:I, s:I}", "cpu", w.cpu, "queries",
						     (json_int_t)w.queries, "answers",
						     (json_int_t)w.answers));
	}
	return out;
}

void agent_use_tap(struct weir_agent *a, const struct weir_agent_conf *conf)
{
	struct weir_dns_tap_conf tap = conf->dns.tap;

	if (!tap.identity || !*tap.identity)
		tap.identity = conf->node;
	weir_dns_use_tap(a->dns, &tap);
}

static json_t *dnstap(const struct weir_agent *a)
{
	struct weir_dns_tap_stats s;

	if (!weir_dns_tap(a->dns, &s))
		return json_null();
	return json_pack("{s:b, s:I, s:I, s:I}", "open", s.open, "sampled", (json_int_t)s.sampled,
			 "written", (json_int_t)s.written, "lost", (json_int_t)s.lost);
}

json_t *weir_agent_dns(const struct weir_agent *a)
{
	agent_count_in_kernel(a);
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "node", a->model->agent.node, "outcomes",
			 all_outcomes(a), "zones", zones(a), "names", top(a), "workers",
			 agent_dns_workers(a), "dnstap", dnstap(a));
}
