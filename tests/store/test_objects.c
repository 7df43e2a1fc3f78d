/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Objects, the revisions that made them, and the ways back. */
#include "bed.h"

static void what_was_committed_is_there_again_in_order(void **state)
{
	struct bed *b = *state;

	bed_open(b);
	assert_int_equal(weir_store_revision(b->store), 0);
	is_json(bed_objects(b), "[]");
	bed_put(b, "pool", "b",
		"{\"weight\":0.1,\"n\":9007199254740993,\"s\":\"a\\u0000\xc3\xa4\"}");
	bed_put(b, "pool", "a", "{}");
	bed_put(b, "monitor", "b", "[1]");
	bed_put(b, "pool", "a", "{\"x\":null}");
	bed_reopen(b);
	assert_int_equal(weir_store_revision(b->store), 4);
	json_t *want = json_loads("[[\"pool\",\"b\",{\"weight\":0.1,\"n\":9007199254740993,"
				  "\"s\":\"a\\u0000\xc3\xa4\"}],[\"pool\",\"a\",{\"x\":null}],"
				  "[\"monitor\",\"b\",[1]]]",
				  JSON_ALLOW_NUL, NULL);
	json_t *is = bed_objects(b);
	assert_true(json_equal(is, want));
	json_decref(is);
	json_decref(want);
}

static bool take_two(void *arg, const char *kind, const char *id, json_t *body)
{
	(void)kind;
	(void)id;
	(void)body;
	return ++*(int *)arg < 2;
}

static void reading_ends_when_its_taker_says_so(void **state)
{
	struct bed *b = *state;
	int n = 0;

	bed_open(b);
	for (int i = 0; i < 4; i++)
		bed_put(b, "k", (char[]){ (char)('a' + i), 0 }, "{}");
	assert_true(weir_store_objects(b->store, take_two, &n, &b->err));
	assert_int_equal(n, 2);
	bed_put(b, "k", "z", "{}"); /* nothing is still being read */
}

static void many_changes_are_one_revision(void **state)
{
	struct bed *b = *state;
	json_t *one = json_of("{\"n\":1}"), *history;
	struct weir_change changes[] = {
		{ "k", "a", one }, { "k", "b", one }, { "k", "a", NULL }, { "k", "none", NULL }
	};
	uint64_t revision = 0;

	bed_open(b);
	assert_true(weir_store_commit(b->store, &author, changes, 4, NOW + 5, &revision, &b->err));
	json_decref(one);
	assert_int_equal(revision, 1);
	is_json(bed_objects(b), "[[\"k\",\"b\",{\"n\":1}]]");
	assert_true(weir_store_history(b->store, 0, 10, &history, &b->err));
	is_json(history,
		"[{\"revision\":1,\"at\":1700000000005,\"who\":\"ops\",\"from\":\"192.0.2.7\","
		"\"what\":\"PUT /x\",\"changes\":["
		"{\"kind\":\"k\",\"id\":\"a\",\"before\":null,\"after\":{\"n\":1}},"
		"{\"kind\":\"k\",\"id\":\"b\",\"before\":null,\"after\":{\"n\":1}},"
		"{\"kind\":\"k\",\"id\":\"a\",\"before\":{\"n\":1},\"after\":null},"
		"{\"kind\":\"k\",\"id\":\"none\",\"before\":null,\"after\":null}]}]");
}

static void history_is_newest_first_in_pages(void **state)
{
	struct bed *b = *state;
	json_t *page;

	bed_open(b);
	for (int i = 0; i < 5; i++)
		bed_put(b, "k", "a", "1");
	assert_true(weir_store_history(b->store, 0, 2, &page, &b->err));
	assert_int_equal(json_array_size(page), 2);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(page, 0), "revision")),
			 5);
	json_decref(page);
	assert_true(weir_store_history(b->store, 2, 10, &page, &b->err));
	assert_int_equal(json_array_size(page), 1);
	json_decref(page);
}

static void a_revision_taken_back_leaves_no_trace(void **state)
{
	struct bed *b = *state;
	json_t *two = json_of("2"), *history;
	struct weir_change changes[] = { { "k", "a", NULL },
					 { "k", "c", two },
					 { "k", "b", two },
					 { "k", "a", two },
					 { "k", "c", NULL } };
	uint64_t revision;

	bed_open(b);
	bed_put(b, "k", "a", "1");
	bed_put(b, "k", "b", "1");
	assert_true(weir_store_commit(b->store, &author, changes, 5, NOW, &revision, &b->err));
	json_decref(two);
	is_json(bed_objects(b), "[[\"k\",\"b\",2],[\"k\",\"a\",2]]");
	assert_false(weir_store_take_back(b->store, 2, &b->err));
	assert_non_null(strstr(b->err.text, "only the last revision, 3,"));
	assert_true(weir_store_take_back(b->store, 3, &b->err));
	assert_int_equal(weir_store_revision(b->store), 2);
	bed_reopen(b);
	assert_int_equal(weir_store_revision(b->store), 2);
	is_json(bed_objects(b), "[[\"k\",\"a\",1],[\"k\",\"b\",1]]");
	assert_true(weir_store_history(b->store, 0, 10, &history, &b->err));
	assert_int_equal(json_array_size(history), 2);
	json_decref(history);
	bed_put(b, "k", "d", "4");
	assert_int_equal(weir_store_revision(b->store), 3);
}

static void there_is_nothing_to_take_back_in_a_new_store(void **state)
{
	struct bed *b = *state;

	bed_open(b);
	assert_false(weir_store_take_back(b->store, 0, &b->err));
}

static void the_way_back_makes_what_was(void **state)
{
	struct bed *b = *state;
	json_t *way;

	bed_open(b);
	bed_put(b, "k", "a", "1");
	bed_put(b, "k", "b", "1");
	bed_put(b, "k", "a", "2");
	bed_put(b, "k", "b", NULL);
	bed_put(b, "k", "c", "1");
	bed_put(b, "k", "a", "3");
	bed_put(b, "k", "d", "1");
	bed_put(b, "k", "d", NULL);
	assert_true(weir_store_way_back(b->store, 2, &way, &b->err));
	is_json(way, "[{\"kind\":\"k\",\"id\":\"a\",\"body\":1},"
		     "{\"kind\":\"k\",\"id\":\"b\",\"body\":1},"
		     "{\"kind\":\"k\",\"id\":\"c\",\"body\":null}]");
	assert_true(weir_store_way_back(b->store, 8, &way, &b->err));
	is_json(way, "[]");
	assert_true(weir_store_way_back(b->store, 0, &way, &b->err));
	is_json(way, "[{\"kind\":\"k\",\"id\":\"a\",\"body\":null},"
		     "{\"kind\":\"k\",\"id\":\"c\",\"body\":null}]");
	assert_false(weir_store_way_back(b->store, 9, &way, &b->err));
	assert_non_null(strstr(b->err.text, "knows no revision 9; it knows those from 0 to 8"));
}

/* Random changes; then every way back is gone and must lead to what was then. */
static void every_way_back_leads_there(void **state)
{
	enum {
		REVISIONS = 60
	};
	struct bed *b = *state;
	json_t *was[REVISIONS + 1], *way, *is;
	char id[2] = "a", text[16];

	bed_open(b);
	srand(7);
	was[0] = json_object();
	for (int r = 1; r <= REVISIONS; r++) {
		id[0] = (char)('a' + rand() % 7);
		snprintf(text, sizeof(text), "%d", rand() % 3);
		was[r] = json_copy(was[r - 1]);
		if (rand() % 3) {
			bed_put(b, "k", id, text);
			json_object_set_new(was[r], id, json_of(text));
		} else {
			bed_put(b, "k", id, NULL);
			json_object_del(was[r], id);
		}
	}
	for (int r = 0; r <= REVISIONS; r++) {
		json_t *step;
		size_t i;

		assert_true(weir_store_way_back(b->store, (uint64_t)r, &way, &b->err));
		is = json_copy(was[REVISIONS]);
		json_array_foreach(way, i, step)
		{
			const char *name = json_string_value(json_object_get(step, "id"));
			json_t *body = json_object_get(step, "body");

			if (json_is_null(body))
				json_object_del(is, name);
			else
				json_object_set(is, name, body);
		}
		assert_true(json_equal(is, was[r]));
		json_decref(is);
		json_decref(way);
	}
	for (int r = 0; r <= REVISIONS; r++)
		json_decref(was[r]);
}

static void a_backup_is_the_whole_store(void **state)
{
	struct bed *b = *state;
	struct bed copy = { 0 };
	struct stat st;

	bed_open(b);
	bed_put(b, "k", "a", "1");
	bed_put(b, "k", "b", "2");
	snprintf(copy.path, sizeof(copy.path), "%s/backup", b->folder);
	assert_true(weir_store_backup(b->store, copy.path, &b->err));
	assert_int_equal(stat(copy.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	bed_put(b, "k", "a", NULL); /* the copy stays as it was */
	bed_open(&copy);
	assert_int_equal(weir_store_revision(copy.store), 2);
	is_json(bed_objects(&copy), "[[\"k\",\"a\",1],[\"k\",\"b\",2]]");
	bed_close(&copy);
	is_json(bed_objects(b), "[[\"k\",\"b\",2]]");
}

static void a_backup_takes_no_other_files_place(void **state)
{
	struct bed *b = *state;
	char path[128];

	bed_open(b);
	assert_false(weir_store_backup(b->store, b->path, &b->err));
	assert_non_null(strstr(b->err.text, "is there already"));
	snprintf(path, sizeof(path), "%s/none/backup", b->folder);
	assert_false(weir_store_backup(b->store, path, &b->err));
	assert_string_equal(b->err.path, path);
	assert_non_null(strstr(b->err.text, "No such file"));
	bed_put(b, "k", "a", "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(what_was_committed_is_there_again_in_order),
		bed_test(reading_ends_when_its_taker_says_so),
		bed_test(many_changes_are_one_revision),
		bed_test(history_is_newest_first_in_pages),
		bed_test(a_revision_taken_back_leaves_no_trace),
		bed_test(there_is_nothing_to_take_back_in_a_new_store),
		bed_test(the_way_back_makes_what_was),
		bed_test(every_way_back_leads_there),
		bed_test(a_backup_is_the_whole_store),
		bed_test(a_backup_takes_no_other_files_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
