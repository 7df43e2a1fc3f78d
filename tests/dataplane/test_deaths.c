/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An agent that dies between two stores to what packets find: the next one goes on. */
#include "bed.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/ucontext.h>
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

/* The agent's memory of the service table, whose references to rows are watched, or of what is not
 * usual about services, whose references to ways are: all of it is read-only, and a store that
 * faults is done in a single step with the table open. Hardware breakpoints would do that too, but
 * not every virtual machine reports them. */
static struct {
	uint8_t *table;
	size_t size;
	bool ways;
	const uint8_t *refs[SERVICES]; /* of 8 bytes; NULL: none */
	uint32_t stores_left;
	bool hit; /* the store that is done is to one of them */
} watched;

#define TRAP_FLAG 0x100 /* of EFLAGS */

static void protect(int prot)
{
	if (mprotect(watched.table, watched.size, prot))
		_exit(errno);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	const uint8_t *at = info->si_addr;
	ucontext_t *u = context;

	(void)sig;
	if (at < watched.table || at >= watched.table + watched.size)
		_exit(EFAULT);
	watched.hit = false;
	for (uint32_t i = 0; i < SERVICES; i++)
		watched.hit |= watched.refs[i] && at >= watched.refs[i] && at < watched.refs[i] + 8;
	protect(PROT_READ | PROT_WRITE);
	u->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void on_step(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	(void)sig, (void)info;
	if (watched.hit && !--watched.stores_left)
		_exit(DIED);
	protect(PROT_READ);
	u->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}

/* From now on this process dies right after the nth store to a reference. */
static void watch(struct bed *b, uint32_t nth)
{
	struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	struct sigaction step = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };

	struct weir_service *services = b->plane->services;
	struct weir_special *specials = b->plane->specials;

	watched.table = watched.ways ? (uint8_t *)specials : (uint8_t *)services;
	watched.size = watched.ways ? WEIR_MAX_SERVICES * sizeof(*specials)
				    : WEIR_SERVICE_SLOTS * sizeof(*services);
	watched.stores_left = nth;
	for (uint32_t i = 0; i < SERVICES; i++) { /* as this process has it in its memory */
		const struct weir_service *s = bed_service(b, i);

		if (s && watched.ways)
			watched.refs[i] = (uint8_t *)&specials[s->key.id].steer;
		else if (s)
			watched.refs[i] = (uint8_t *)&services[s - b->services].table;
	}
	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGTRAP, &step, NULL);
	protect(PROT_READ);
}

/* A sync, then a tick, by an agent that dies as soon as it has stored nth references to rows.
 * False: they were fewer. */
static bool died_after(struct bed *b, uint32_t nth)
{
	pid_t agent = fork();
	int status;

	assert_int_not_equal(agent, -1);
	if (!agent) {
		watch(b, nth);
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

/* Services 0 and 1 of a balancer whose clients use the rows of 2 and 3, which are off. */
static void share_out(struct bed *b, struct wish_steer *steer, uint32_t to_second)
{
	*steer = (struct wish_steer){ .n_tables = 2, .rows_of = { 2, 3 }, .n_classes = 1 };
	steer->sliced = true;
	for (uint32_t i = 0; i < WEIR_STEER_SLICES; i++)
		steer->way[i].table = i < to_second;
	b->wish.service[0].steer = to_second ? steer : NULL;
}

/* From one table to two, to other slices, and back to one; n: the step at which it dies. */
static void a_death_while_clients_are_told_apart_breaks_nothing(void **state)
{
	static const uint32_t to_second[] = { 0, 500, 800, 0 };
	static struct wish_steer steer;
	struct bed *b = *state;

	watched.ways = true;
	for (uint32_t n = 0; n < 6; n++) {
		struct bed_flows zero, one;

		empty(b);
		bed_serve(b, 2, MIN, 0, 3);
		bed_serve(b, 3, MIN, 4, 3);
		b->wish.service[2].on = b->wish.service[3].on = false;
		bed_serve(b, 0, MIN, 0, 3);
		bed_share(b, 1, 0);
		share_out(b, &steer, to_second[n / 2]);
		bed_sync(b);
		zero = bed_flows(b, 0, 0);
		one = bed_flows(b, 1, 0);
		share_out(b, &steer, to_second[n / 2 + 1]);
		assert_true(died_after(b, 1 + n % 2));
		for (uint32_t agents = 0; agents < 2; agents++) {
			bed_stay(b, &zero);
			bed_stay(b, &one);
			bed_leave(b);
			bed_return(b);
			bed_sync(b);
			bed_pass(b, 1000);
		}
		bed_silence(b);
		bed_pass(b, 0);
		bed_pass(b, DRAIN_MS);
		bed_sync(b);
		bed_stay(b, &zero);
		bed_pass(b, 1000);
		bed_pass(b, 1000);
		assert_int_equal(bed_usage(b).rows, to_second[n / 2 + 1] ? 2 * MIN : MIN);
	}
	watched.ways = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(a_death_while_a_shared_table_grows_breaks_nothing),
		BED_TEST(a_death_while_services_change_balancers_breaks_nothing),
		BED_TEST(a_death_while_tables_become_one_breaks_nothing),
		BED_TEST(a_death_while_a_table_becomes_smaller_breaks_nothing),
		BED_TEST(a_death_while_clients_are_told_apart_breaks_nothing),
	};

	return BED_TESTS(tests);
}
