/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process that commits is killed at a random moment, STORE_ROUNDS times (200): the store is
 * whole, has every revision that was acknowledged, at most one more, and exactly their objects. */
#include "bed.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define IDS 17

/* What revision r changes: one object is made or replaced, all of them share another one, and
 * every fifth time one goes. */
static size_t changes_of(uint64_t r, struct weir_change out[3], char ids[2][16])
{
	size_t n = 2;

	snprintf(ids[0], sizeof(ids[0]), "o%u", (unsigned)(r % IDS));
	snprintf(ids[1], sizeof(ids[1]), "o%u", (unsigned)((r + 3) % IDS));
	out[0] = (struct weir_change){ "k", ids[0],
				       json_pack("{s:I, s:s}", "n", (json_int_t)r, "s", "pad") };
	out[1] = (struct weir_change){ "k", "all", json_pack("{s:I}", "n", (json_int_t)r) };
	if (r % 5 == 0)
		out[n++] = (struct weir_change){ "k", ids[1], NULL };
	return n;
}

static void free_changes(struct weir_change *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_decref(c[i].body);
}

static void commit_for_ever(const char *path, int out)
{
	struct weir_store *s;
	struct weir_change c[3];
	struct weir_err err;
	char ids[2][16];
	uint64_t r;
	size_t n;

	if (!weir_store_open(path, &s, &err)) {
		fprintf(stderr, "# child: %s\n", err.text);
		_exit(1);
	}
	for (;;) {
		n = changes_of(weir_store_revision(s) + 1, c, ids);
		if (!weir_store_commit(s, &author, c, n, NOW, &r, &err))
			_exit(2);
		free_changes(c, n);
		if (write(out, &r, sizeof(r)) != sizeof(r))
			_exit(3);
	}
}

/* Follows revisions from *at to r in world, id -> body. */
static void follow(json_t *world, uint64_t *at, uint64_t r)
{
	struct weir_change c[3];
	char ids[2][16];

	while (*at < r) {
		size_t n = changes_of(++*at, c, ids);

		for (size_t i = 0; i < n; i++)
			if (c[i].body)
				json_object_set(world, c[i].id, c[i].body);
			else
				json_object_del(world, c[i].id);
		free_changes(c, n);
	}
}

static bool into_object(void *world, const char *kind, const char *id, json_t *body)
{
	(void)kind;
	json_object_set(world, id, body);
	return true;
}

/* Runs one child for a while. Returns the last revision that it acknowledged; 0: none. */
static uint64_t round_of(const char *path, unsigned us)
{
	struct timespec time = { .tv_nsec = us * 1000l };
	uint64_t r, last = 0;
	int pipe_of[2], status;
	pid_t child;

	assert_int_equal(pipe2(pipe_of, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		close(pipe_of[0]);
		commit_for_ever(path, pipe_of[1]);
	}
	close(pipe_of[1]);
	nanosleep(&time, NULL); /* the moment is what is random */
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	while (read(pipe_of[0], &r, sizeof(r)) == sizeof(r))
		last = r;
	close(pipe_of[0]);
	return last;
}

static void every_acknowledged_revision_is_there(void **state)
{
	struct bed *b = *state;
	int rounds = getenv("STORE_ROUNDS") ? atoi(getenv("STORE_ROUNDS")) : 200;
	json_t *world = json_object(), *is;
	uint64_t at = 0, acked = 0, last, unacked = 0;

	srand(11);
	for (int i = 0; i < rounds; i++) {
		last = round_of(b->path, (unsigned)(rand() % 120000));
		acked = last ? last : acked;
		bed_open(b);
		assert_in_range(weir_store_revision(b->store), acked, acked + 1);
		unacked += weir_store_revision(b->store) > acked;
		acked = weir_store_revision(b->store);
		follow(world, &at, acked);
		is = json_object();
		assert_true(weir_store_objects(b->store, into_object, is, &b->err));
		assert_true(json_equal(is, world));
		json_decref(is);
		bed_close(b);
	}
	json_decref(world);
	printf("# %d rounds, %llu revisions, %llu of them durable but not told\n", rounds,
	       (unsigned long long)acked, (unsigned long long)unacked);
	assert_true(acked > (uint64_t)rounds / 2);
}

/* Each change of each revision leads from one state to the next, all the way back. */
static void the_history_of_killed_writers_has_no_hole(void **state)
{
	struct bed *b = *state;
	json_t *way, *page;
	uint64_t before = 0, n = 0;
	size_t size;

	for (int i = 0; i < 10; i++)
		round_of(b->path, 20000 + (unsigned)(rand() % 80000));
	bed_open(b);
	do {
		assert_true(weir_store_history(b->store, before, 7, &page, &b->err));
		size = json_array_size(page);
		for (size_t i = 0; i < size; i++, n++) {
			before = (uint64_t)json_integer_value(
				json_object_get(json_array_get(page, i), "revision"));
			assert_int_equal(before, weir_store_revision(b->store) - n);
		}
		json_decref(page);
	} while (size);
	assert_int_equal(n, weir_store_revision(b->store));
	assert_true(weir_store_way_back(b->store, 0, &way, &b->err));
	page = bed_objects(b);
	assert_int_equal(json_array_size(way), json_array_size(page));
	json_decref(page);
	json_decref(way);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(every_acknowledged_revision_is_there),
		bed_test(the_history_of_killed_writers_has_no_hole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
