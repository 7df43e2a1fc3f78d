/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_rules_health.c - the rules about health of the services that the model comes from, a test
 * each, by the sentence in which vendor-apis has it (5.1, 5.2 and 7). */
#include "health_world.h"

#define MONITORS   "monitors: [{id: a}, {id: b}, {id: c}, {id: d}]\n"
#define ORIGINS(n) "pools: [{name: p, " n ", origins: [{name: o, address: 10.0.0.1}]}]\n"

/* Groups of monitors: what each of them says, u for nothing yet, and what they say together. */
struct group_case {
	const char *members, *says, *together;
};

static void check_groups(const struct group_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char text[1024];
		struct world w;

		snprintf(text, sizeof(text),
			 MONITORS
			 "monitor_groups: [{id: g, members: [%s]}]\n" ORIGINS("monitor_group: g"),
			 cases[i].members);
		w = world_of(text);
		for (uint32_t k = 0; cases[i].says[k]; k++)
			if (cases[i].says[k] != 'u')
				verdict(&w, 0, 0, k, cases[i].says[k] == 'p');
		if (strcmp(weir_health_text(&w.health[0], &w.model->pools[0]), cases[i].together))
			fail_msg("%s of %s: %s, not %s", cases[i].says, cases[i].members,
				 weir_health_text(&w.health[0], &w.model->pools[0]),
				 cases[i].together);
		end(&w);
	}
}

#define M(id)    "{monitor_id: " #id "}"
#define MUST(id) "{monitor_id: " #id ", must_be_healthy: true}"
#define SEES(id) "{monitor_id: " #id ", monitoring_only: true}"
#define OFF(id)  "{monitor_id: " #id ", enabled: false}"

static void a_failing_member_that_must_be_healthy_makes_the_endpoint_unhealthy_at_once(void **state)
{
	static const struct group_case cases[] = {
		{ M(a) "," M(b) "," MUST(c), "ppf", "unhealthy" },
		{ M(a) "," M(b) "," MUST(c), "uuf", "unhealthy" }, /* nobody else is waited for */
		{ M(a) "," M(b) "," MUST(c), "ppp", "healthy" },
		{ M(a) "," M(b) "," MUST(c), "fpp", "healthy" },
		{ MUST(a) "," MUST(b), "pf", "unhealthy" },
	};

	(void)state;
	check_groups(cases, sizeof(cases) / sizeof(*cases));
}

static void an_endpoint_is_unhealthy_when_more_than_half_of_the_voting_members_say_so(void **state)
{
	static const struct group_case cases[] = {
		{ M(a), "p", "healthy" },
		{ M(a), "f", "unhealthy" },
		{ M(a) "," M(b), "fp", "healthy" }, /* a half is not more than a half */
		{ M(a) "," M(b), "ff", "unhealthy" },
		{ M(a) "," M(b) "," M(c), "fpp", "healthy" },
		{ M(a) "," M(b) "," M(c), "fpf", "unhealthy" },
		{ M(a) "," M(b) "," M(c), "ffu", "unhealthy" }, /* whatever the third says */
		{ M(a) "," M(b) "," M(c), "fuu", "unknown" },
		{ M(a) "," M(b) "," M(c), "ppu", "unknown" },
		{ M(a) "," M(b) "," M(c) "," M(d), "ffpp", "healthy" },
		{ M(a) "," M(b) "," M(c) "," M(d), "fffp", "unhealthy" },
	};

	(void)state;
	check_groups(cases, sizeof(cases) / sizeof(*cases));
}

static void members_that_are_disabled_or_only_monitor_have_no_vote(void **state)
{
	static const struct group_case cases[] = {
		{ M(a) "," SEES(b) "," SEES(c), "pff", "healthy" },
		{ M(a) "," SEES(b) "," SEES(c), "fpp", "unhealthy" },
		{ M(a) "," M(b) "," OFF(c), "pfu", "healthy" },
		{ M(a) "," OFF(b) "," OFF(c), "fuu", "unhealthy" },
		{ "{monitor_id: a, monitoring_only: true, must_be_healthy: true}," M(b), "fp",
		  "healthy" },
		{ SEES(a) "," OFF(b), "fu", "unmonitored" },
	};

	(void)state;
	check_groups(cases, sizeof(cases) / sizeof(*cases));
}

static void with_different_intervals_the_last_result_stays_valid_until_the_next_run(void **state)
{
	struct world w = world_of(
		"monitors: [{id: a, interval: 1}, {id: b, interval: 60}, {id: c, interval: 60}]\n"
		"monitor_groups: [{id: g, members: [" M(a) "," M(b) "," M(c) "]}]\n" ORIGINS(
			"monitor_group: g"));

	(void)state;
	verdict(&w, 0, 0, 0, true);
	verdict(&w, 0, 0, 1, true);
	verdict(&w, 0, 0, 2, false);
	for (int s = 0; s < 59; s++) {
		w.now_ms += 1000;
		assert_false(verdict(&w, 0, 0, 0, true));
		assert_int_equal(w.health[0].state, WEIR_HEALTHY);
	}
	assert_true(verdict(&w, 0, 0, 0, false)); /* with what c said a minute ago */
	assert_int_equal(w.health[0].state, WEIR_UNHEALTHY);
	assert_true(verdict(&w, 0, 0, 2, true));
	assert_int_equal(w.health[0].state, WEIR_HEALTHY);
	end(&w);
}

static void the_round_trip_time_is_the_mean_over_voting_members(void **state)
{
	struct world w = world_of(MONITORS "monitor_groups: [{id: g, members: [" M(a) "," M(
		b) "," SEES(c) "," OFF(d) "]}]\n" ORIGINS("monitor_group: g"));

	(void)state;
	verdict(&w, 0, 0, 0, true); /* 1 ms */
	assert_int_equal(w.health[0].rtt_us, 1000);
	verdict(&w, 0, 0, 1, true); /* 2 ms */
	verdict(&w, 0, 0, 2, true); /* 3 ms */
	assert_int_equal(w.health[0].rtt_us, 1500);
	end(&w);
}

/* --- 5.1.2 --- */

static void
consecutive_down_failures_in_a_row_and_consecutive_up_passes_change_the_state(void **state)
{
	static const struct {
		const char *up_down, *verdicts, *states; /* a letter for each verdict */
	} cases[] = {
		{ "consecutive_up: 0, consecutive_down: 0", "pfpf", "hxhx" },
		{ "consecutive_up: 1, consecutive_down: 1", "pfpf", "hxhx" },
		{ "consecutive_up: 2, consecutive_down: 3", "pffpfffpfpp", "hhhhhhxxxxh" },
		{ "consecutive_up: 2", "fpp", "xxh" }, /* the first verdict decides */
		{ "consecutive_down: 5", "pfff", "hhhh" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[256];
		struct world w;

		snprintf(text, sizeof(text), "monitors: [{id: a, %s}]\n" ORIGINS("monitor: a"),
			 cases[i].up_down);
		w = world_of(text);
		for (uint32_t k = 0; cases[i].verdicts[k]; k++) {
			verdict(&w, 0, 0, 0, cases[i].verdicts[k] == 'p');
			assert_int_equal(w.health[0].state,
					 cases[i].states[k] == 'h' ? WEIR_HEALTHY : WEIR_UNHEALTHY);
		}
		end(&w);
	}
}

/* --- 5.1.5: pools --- */

#define FOUR(fields)                                                                  \
	"monitors: [{id: m}]\npools: [{name: p, monitor: m, " fields ", origins: [\n" \
	"{name: a, address: 10.0.0.1}, {name: b, address: 10.0.0.2},\n"               \
	"{name: c, address: 10.0.0.3}, {name: d, address: 10.0.0.4, weight: 0.5}]}]\n"

struct pool_case {
	const char *verdicts, *state, *taking;
};

static void check_pool(const char *text, const struct pool_case *cases, size_t n)
{
	char takes[27];

	for (size_t i = 0; i < n; i++) {
		struct world w = world_of(text);

		verdicts(&w, cases[i].verdicts);
		if (strcmp(taking(&w, takes), cases[i].taking) ||
		    strcmp(weir_pool_state_text(w.view->pools[0].state), cases[i].state))
			fail_msg("%s: %s, %s take flows", cases[i].verdicts,
				 weir_pool_state_text(w.view->pools[0].state), takes);
		end(&w);
	}
}

static void a_pool_is_healthy_degraded_critical_or_unknown(void **state)
{
	static const struct pool_case cases[] = {
		{ "pppp", "healthy", "abcd" }, /* every origin healthy */
		{ "pppf", "degraded", "abc" }, /* some unhealthy, threshold met: healthy ones */
		{ "ppff", "degraded", "ab" },  /* just met */
		{ "pfff", "critical", "" },    /* missed: no traffic */
		{ "ffff", "critical", "" },
		{ "----", "unknown", "" }, /* no result yet: origins count as down */
		{ "p---", "critical", "" },
		{ "pp--", "degraded", "ab" },
	};

	(void)state;
	check_pool(FOUR("minimum_origins: 2"), cases, sizeof(cases) / sizeof(*cases));
}

static void without_a_monitor_health_is_not_considered_and_the_pool_is_used(void **state)
{
	static const struct pool_case cases[] = { { "", "unknown", "a" } };

	(void)state;
	check_pool(ORIGINS("minimum_origins: 1"), cases, 1);
}

static void a_disabled_pool_has_no_traffic(void **state)
{
	static const struct pool_case cases[] = { { "pppp", "disabled", "" } };

	(void)state;
	check_pool(FOUR("enabled: false"), cases, 1);
}

/* --- 5.1.6: load balancers --- */

static void a_load_balancer_is_healthy_degraded_or_critical_by_its_pools(void **state)
{
	static const struct {
		const char *verdicts, *state;
	} cases[] = {
		{ "pp", "healthy" },  { "pf", "degraded" }, { "fp", "degraded" },
		{ "ff", "critical" }, { "--", "critical" }, { "p-", "degraded" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct world w = world_of(
			"monitors: [{id: m}]\npools:\n"
			"- {name: p, monitor: m, origins: [{name: a, address: 10.0.0.1}]}\n"
			"- {name: q, monitor: m, origins: [{name: a, address: 10.0.0.2}]}\n"
			"- {name: r, origins: [{name: a, address: 10.0.0.3}]}\n"
			"load_balancers:\n"
			"- {name: a.b, default_pools: [p, q], fallback_pool: r}\n"
			"- {name: c.d, enabled: false, default_pools: [p], fallback_pool: r}\n");

		for (uint32_t k = 0; k < 2; k++)
			if (cases[i].verdicts[k] != '-')
				verdict(&w, k, 0, 0, cases[i].verdicts[k] == 'p');
		decided(&w, 0);
		assert_string_equal(weir_lb_state_text(&w.model->lbs[0], w.view->pools),
				    cases[i].state);
		assert_string_equal(weir_lb_state_text(&w.model->lbs[1], w.view->pools),
				    "disabled");
		end(&w);
	}
}

/* A generator of its own: the same on all machines. */
static uint32_t draw(uint64_t *x, uint32_t n)
{
	*x = *x * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*x >> 33) % n;
}

#define MANY 8

static void check_random_pool(uint64_t seed)
{
	static const struct weir_monitor m = { .consecutive_up = 1, .consecutive_down = 1 };
	static const struct weir_override forced[] = { { .state = WEIR_FORCED_UP },
						       { .state = WEIR_FORCED_DOWN },
						       { .state = WEIR_FORCED_DRAINING } };
	struct weir_origin origins[MANY];
	struct weir_health health[MANY];
	struct weir_arena *arena = weir_arena_new();
	const struct weir_pool pool = {
		.monitor = draw(&seed, 8) ? &m : NULL,
		.origins = origins,
		.n_origins = 1 + draw(&seed, MANY),
		.minimum_origins = 1 + draw(&seed, 3),
		.quorum = (uint8_t)draw(&seed, 101),
		.panic_threshold = (uint8_t)(draw(&seed, 2) * draw(&seed, 101)),
		.enabled = draw(&seed, 8),
	};
	struct weir_view_pool v;
	bool any = false;

	for (uint32_t i = 0; i < pool.n_origins; i++) {
		origins[i] = (struct weir_origin){ .index = i,
						   .weight = (uint16_t)(draw(&seed, 4) * 25),
						   .enabled = draw(&seed, 5) };
		weir_health_init(&health[i], 0);
		health[i].state = (enum weir_state)draw(&seed, 3);
		health[i].ejected_until_ms = !draw(&seed, 6);
		health[i].held_until_ms = !draw(&seed, 6);
		health[i].forced = draw(&seed, 4) ? NULL : &forced[draw(&seed, 3)];
	}
	v = weir_pool_decide(&pool, health, arena);
	for (uint32_t i = 0; i < pool.n_origins; i++) {
		const struct weir_view_origin *o = &v.origins[i];
		const struct weir_health *h = &health[i];
		bool healthy = h->forced ? h->forced->state == WEIR_FORCED_UP
					 : !h->ejected_until_ms && !h->held_until_ms &&
						   (!pool.monitor || h->state == WEIR_HEALTHY);

		any |= o->takes;
		assert_true(!o->takes || o->takes_last);
		assert_true(!o->takes_last || (origins[i].enabled && origins[i].weight));
		assert_true(!o->takes || healthy || v.panic);
		assert_true(!o->takes_last || !h->forced || h->forced->state == WEIR_FORCED_UP);
		assert_true(!o->takes_last || h->forced || !pool.monitor ||
			    h->state != WEIR_UNKNOWN);
		assert_true(o->takes || v.panic || !healthy || !origins[i].enabled ||
			    !origins[i].weight);
	}
	assert_true(!v.usable || (any && pool.enabled));
	assert_true(!v.panic || pool.panic_threshold);
	weir_arena_free(arena);
}

static void
no_origin_takes_flows_that_is_unhealthy_disabled_or_of_weight_0_but_for_panic(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20000; seed++)
		check_random_pool(seed);
}

/* --- 4.1.2: words --- */

static void failure_reasons_are_of_the_documented_vocabulary(void **state)
{
	static const char *const documented[] = {
		"No failures",
		"TCP connection failed",
		"HTTP timeout occurred",
		"Response code mismatch error",
		"Response body mismatch error",
		"TLS untrusted certificate error",
		"TLS name mismatch error",
		"TLS protocol error",
		"TLS unrecognized name error",
		"No route to host error",
		"TCP Timeout",
		"TLS Handshake Failure",
		"Network Unreachable",
		"HTTP Invalid Response",
		"Connection Reset by Peer",
		"Monitor Config Error",
		"Other Failure",
	};
	static const char *const ours[] = {
		WEIR_REASON_NONE,          WEIR_REASON_TCP_FAILED,    WEIR_REASON_HTTP_TIMEOUT,
		WEIR_REASON_CODE_MISMATCH, WEIR_REASON_BODY_MISMATCH, WEIR_REASON_TLS_UNTRUSTED,
		WEIR_REASON_TLS_NAME,      WEIR_REASON_TLS_PROTOCOL,  WEIR_REASON_TLS_UNKNOWN,
		WEIR_REASON_NO_ROUTE,      WEIR_REASON_TCP_TIMEOUT,   WEIR_REASON_TLS_HANDSHAKE,
		WEIR_REASON_UNREACHABLE,   WEIR_REASON_HTTP_INVALID,  WEIR_REASON_RESET,
		WEIR_REASON_CONFIG,        WEIR_REASON_OTHER,
	};

	(void)state;
	assert_int_equal(sizeof(ours), sizeof(documented));
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		assert_string_equal(ours[i], documented[i]);
}

/* --- 7: Fastly --- */

static void the_pool_is_up_when_the_weight_of_healthy_members_reaches_quorum_percent(void **state)
{
	/* Weights 1, 1, 1 and 0.5: 3.5 in all. */
	static const struct pool_case three_quarters[] = {
		{ "pppp", "healthy", "abcd" },
		{ "pppf", "degraded", "abc" }, /* 86 % */
		{ "fppp", "critical", "" },    /* 71 % */
	};
	static const struct pool_case all[] = { { "pppp", "healthy", "abcd" },
						{ "pppf", "critical", "" } };

	(void)state;
	check_pool(FOUR("quorum: 75"), three_quarters, 3);
	check_pool(FOUR("quorum: 100"), all, 2);
}

static void with_quorum_0_the_pool_is_up_while_at_least_one_member_is_healthy(void **state)
{
	static const struct pool_case cases[] = { { "fffp", "degraded", "d" },
						  { "ffff", "critical", "" } };

	(void)state;
	check_pool(FOUR("quorum: 0"), cases, 2);
}

static void a_disabled_server_is_no_part_of_the_quorum(void **state)
{
	static const struct pool_case cases[] = { { "-pf", "degraded", "b" },
						  { "-ff", "critical", "" } };

	(void)state;
	check_pool("monitors: [{id: m}]\npools: [{name: p, monitor: m, quorum: 50, origins: [\n"
		   "{name: a, address: 10.0.0.1, enabled: false},\n"
		   "{name: b, address: 10.0.0.2}, {name: c, address: 10.0.0.3}]}]\n",
		   cases, 2);
}

static void a_server_is_healthy_when_threshold_of_the_last_window_results_passed(void **state)
{
	static const struct {
		const char *window, *verdicts, *states; /* the first: before any verdict */
	} cases[] = {
		{ "window: 5, threshold: 3, initial: 4", "ffpff", "hhhhxx" },
		{ "window: 5, threshold: 3, initial: 2", "fppff", "uxhhhx" },
		{ "window: 5, threshold: 3", "pppff", "uxxhhh" },
		{ "window: 5, threshold: 3", "pppfff", "uxxhhhx" },
		{ "window: 3, threshold: 3, initial: 3", "fppp", "hxxxh" },
		{ "window: 1, threshold: 1", "pfp", "uhxh" },
		{ "window: 64, threshold: 1, initial: 64", "f", "hh" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[256];
		struct world w;

		snprintf(text, sizeof(text), "monitors: [{id: a, %s}]\n" ORIGINS("monitor: a"),
			 cases[i].window);
		w = world_of(text);
		for (uint32_t k = 0; cases[i].states[k]; k++) {
			if (k)
				verdict(&w, 0, 0, 0, cases[i].verdicts[k - 1] == 'p');
			if (w.health[0].state != (cases[i].states[k] == 'h'   ? WEIR_HEALTHY
						  : cases[i].states[k] == 'x' ? WEIR_UNHEALTHY
									      : WEIR_UNKNOWN))
				fail_msg("%s after %u of %s: state %d", cases[i].window, k,
					 cases[i].verdicts, w.health[0].state);
		}
		end(&w);
	}
}

static void a_server_without_a_healthcheck_is_always_healthy(void **state)
{
	char takes[27];
	struct world w = world_of(ORIGINS("quorum: 100"));

	(void)state;
	assert_string_equal(taking(&w, takes), "a");
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_failing_member_that_must_be_healthy_makes_the_endpoint_unhealthy_at_once),
		cmocka_unit_test(
			an_endpoint_is_unhealthy_when_more_than_half_of_the_voting_members_say_so),
		cmocka_unit_test(members_that_are_disabled_or_only_monitor_have_no_vote),
		cmocka_unit_test(
			with_different_intervals_the_last_result_stays_valid_until_the_next_run),
		cmocka_unit_test(the_round_trip_time_is_the_mean_over_voting_members),
		cmocka_unit_test(
			consecutive_down_failures_in_a_row_and_consecutive_up_passes_change_the_state),
		cmocka_unit_test(a_pool_is_healthy_degraded_critical_or_unknown),
		cmocka_unit_test(without_a_monitor_health_is_not_considered_and_the_pool_is_used),
		cmocka_unit_test(a_disabled_pool_has_no_traffic),
		cmocka_unit_test(a_load_balancer_is_healthy_degraded_or_critical_by_its_pools),
		cmocka_unit_test(
			no_origin_takes_flows_that_is_unhealthy_disabled_or_of_weight_0_but_for_panic),
		cmocka_unit_test(failure_reasons_are_of_the_documented_vocabulary),
		cmocka_unit_test(
			the_pool_is_up_when_the_weight_of_healthy_members_reaches_quorum_percent),
		cmocka_unit_test(with_quorum_0_the_pool_is_up_while_at_least_one_member_is_healthy),
		cmocka_unit_test(a_disabled_server_is_no_part_of_the_quorum),
		cmocka_unit_test(
			a_server_is_healthy_when_threshold_of_the_last_window_results_passed),
		cmocka_unit_test(a_server_without_a_healthcheck_is_always_healthy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
