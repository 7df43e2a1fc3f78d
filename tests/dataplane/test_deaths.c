/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An agent that dies between two stores to what packets find: the next one goes on. */
#include "bed.h"

#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataplane/plane_impl.h"

#define MIN WEIR_TABLE_MIN

#define DIED 99

/* Services 0 and 1 of one balancer, 2 of another. */
static void two_balancers(struct bed *b)
{
	bed_serve(b, 0, MIN, 0, 3);
	bed_share(b, 1, 0);
	bed_serve(b, 2, MIN, 4, 3);
	bed_sync(b);
}

static volatile uint32_t stores_left;

static void on_store(int sig)
{
	(void)sig;
	if (!--stores_left)
		_exit(DIED);
}

/* From now on each store to where packets find the rows of a service is a SIGTRAP, right after
 * it. */
static bool watch(const struct weir_service *s)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = (uintptr_t)&s->table,
		.bp_len = sizeof(s->table),
		.sample_period = 1,
		.sigtrap = 1,
		.remove_on_exec = 1,
		.exclude_kernel = 1,
	};

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0) >= 0;
}

/* A sync, then a tick, by an agent that dies as soon as it has stored nth references to rows.
 * False: they were fewer. */
static bool died_after(struct bed *b, uint32_t nth)
{
	struct weir_service *own[SERVICES];
	int status;
	pid_t agent;

	for (uint32_t i = 0; i < SERVICES; i++) /* as that process has it in its memory */
		own[i] = bed_service(b, i) ? b->plane->services + (bed_service(b, i) - b->services)
					   : NULL;
	agent = fork();
	assert_int_not_equal(agent, -1);
	if (!agent) {
		stores_left = nth;
		signal(SIGTRAP, on_store);
		for (uint32_t i = 0; i < SERVICES; i++)
			if (own[i] && !watch(own[i]))
				_exit(errno);
		if (bed_try(b))
			_exit(EINVAL);
		bed_pass(b, 1000);
		_exit(0);
	}
	assert_int_equal(waitpid(agent, &status, 0), agent);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) && WEXITSTATUS(status) != DIED)
		fail_msg("the agent: %s", strerror(WEXITSTATUS(status)));
	return WEXITSTATUS(status) == DIED;
}

static void empty(struct bed *b)
{
	memset(&b->wish, 0, sizeof(b->wish));
	bed_sync(b);
	bed_pass(b, DRAIN_MS);
	bed_pass(b, 1000);
	assert_int_equal(bed_usage(b).rows, 0);
}

/* Whatever the step at which the agent dies, the next one goes on and no flow breaks. */
static void die_at_each_step(struct bed *b, uint32_t steps, void (*change)(struct bed *b))
{
	for (uint32_t nth = 1; nth <= steps + 1; nth++) {
		struct bed_flows zero, one, two;

		empty(b);
		two_balancers(b);
		zero = bed_flows(b, 0, 0);
		one = bed_flows(b, 1, 0);
		two = bed_flows(b, 2, 0);
		change(b);
		assert_int_equal(died_after(b, nth), nth <= steps);
		for (uint32_t agents = 0; agents < 2; agents++) {
			bed_stay(b, &zero);
			bed_stay(b, &one);
			bed_stay(b, &two);
			bed_leave(b);
			bed_return(b);
			bed_sync(b);
			bed_pass(b, 1000);
		}
		bed_stay(b, &zero);
		bed_stay(b, &one);
		bed_stay(b, &two);
		bed_new_flows(b, 0, 8, 3);
		bed_new_flows(b, 1, 8, 3);
		bed_silence(b);
		bed_pass(b, DRAIN_MS);
		bed_sync(b);
		bed_pass(b, 1000);
		assert_true(bed_one_table(b, 0, 1));
		assert_int_equal(bed_usage(b).unsettled_rows, 0);
		assert_int_equal(bed_usage(b).rows, bed_service(b, 1)->table.mask + 1 + MIN);
	}
}

static void grow(struct bed *b)
{
	bed_serve(b, 0, 2 * MIN, 8, 3);
}

static void a_death_while_a_shared_table_grows_breaks_nothing(void **state)
{
	die_at_each_step(*state, 2, grow);
}

static void swap(struct bed *b)
{
	bed_serve(b, 2, 2 * MIN, 8, 3);
	bed_share(b, 0, 2);
	bed_share(b, 1, 2);
	bed_serve(b, 3, MIN, 4, 3); /* and something new */
	bed_share(b, 2, 3);
}

static void a_death_while_services_change_balancers_breaks_nothing(void **state)
{
	die_at_each_step(*state, 2, swap);
}

static void a_death_while_tables_become_one_breaks_nothing(void **state)
{
	struct bed *b = *state;
	bool died = true;

	for (uint32_t nth = 1; died; nth++) {
		struct bed_flows zero, two;

		empty(b);
		two_balancers(b);
		bed_serve(b, 2, MIN, 8, 3);
		bed_share(b, 0, 2);
		bed_share(b, 1, 2);
		bed_sync(b);
		bed_silence(b);
		bed_pass(b, DRAIN_MS);
		zero = bed_flows(b, 0, 0);
		two = bed_flows(b, 2, 0);
		died = died_after(b, nth);
		assert_true(died || nth > 1);
		bed_stay(b, &zero);
		bed_stay(b, &two);
		bed_leave(b);
		bed_return(b);
		bed_serve(b, 2, MIN, 4, 3); /* a change before they are one */
		bed_sync(b);
		bed_stay(b, &zero);
		bed_stay(b, &two);
		bed_silence(b);
		bed_pass(b, DRAIN_MS);
		bed_sync(b);
		bed_pass(b, 1000);
		assert_true(bed_one_table(b, 0, 1) && bed_one_table(b, 0, 2));
		assert_int_equal(bed_usage(b).rows, MIN);
	}
}

static void a_death_while_a_table_becomes_smaller_breaks_nothing(void **state)
{
	struct bed *b = *state;
	bool died = true;

	for (uint32_t nth = 1; died; nth++) {
		struct bed_flows zero, one;

		empty(b);
		bed_serve(b, 0, 4 * MIN, 0, 3);
		for (uint32_t i = 0; i < 4 * MIN; i++)
			b->wish.service[0].rows[i] = (uint8_t)(i % MIN % 3);
		bed_share(b, 1, 0);
		bed_sync(b);
		zero = bed_flows(b, 0, 0);
		one = bed_flows(b, 1, 0);
		b->wish.service[0].size = MIN; /* in which all is as it was */
		died = died_after(b, nth);
		assert_true(died || nth > 2);
		bed_stay(b, &zero);
		bed_stay(b, &one);
		bed_leave(b);
		bed_return(b);
		bed_sync(b);
		bed_pass(b, 1000);
		bed_pass(b, 1000);
		bed_stay(b, &zero);
		bed_stay(b, &one);
		assert_true(bed_one_table(b, 0, 1));
		assert_int_equal(bed_usage(b).rows, MIN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(a_death_while_a_shared_table_grows_breaks_nothing),
		BED_TEST(a_death_while_services_change_balancers_breaks_nothing),
		BED_TEST(a_death_while_tables_become_one_breaks_nothing),
		BED_TEST(a_death_while_a_table_becomes_smaller_breaks_nothing),
	};

	return BED_TESTS(tests);
}
