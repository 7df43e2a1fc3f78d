/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is found at the path: an older file, a newer one, a damaged one, somebody else's. */
#include "bed.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/wait.h>

/* Runs SQL on the file, as an older program or somebody else would have. */
static void sql(struct bed *b, const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(b->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

static void overwrite(struct bed *b, off_t at, const void *bytes, size_t n)
{
	int fd = open(b->path, O_WRONLY);

	assert_int_equal(pwrite(fd, bytes, n, at), n);
	close(fd);
}

static off_t size_of(struct bed *b)
{
	struct stat st;

	assert_int_equal(stat(b->path, &st), 0);
	return st.st_size;
}

/* --- making and opening --- */

static void a_new_file_is_its_owners_alone_and_nothing_else_is_left(void **state)
{
	struct bed *b = *state;
	struct stat st;

	umask(0);
	bed_open(b);
	bed_put(b, "k", "a", "1");
	assert_int_equal(stat(b->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	bed_close(b);
	assert_int_equal(chmod(b->path, 0644), 0);
	bed_open(b);
	assert_int_equal(stat(b->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	bed_close(b);
	assert_int_equal(bed_empty(b), 1);
}

static void a_path_that_is_no_file_is_refused(void **state)
{
	struct bed *b = *state;

	snprintf(b->path, sizeof(b->path), "%s", b->folder);
	bed_refused(b, "is not a file");
	snprintf(b->path, sizeof(b->path), "%s/none/store", b->folder);
	bed_refused(b, "cannot be made: No such file or directory");
}

static void a_second_opener_is_told_at_once(void **state)
{
	struct bed *b = *state;
	struct bed other = *b;
	int status;

	bed_open(b);
	bed_refused(&other, "is used by another process");
	if (fork() == 0) {
		struct weir_err err;

		if (weir_store_open(b->path, &other.store, &err))
			_exit(1);
		_exit(strstr(err.text, "is used by another process") ? 0 : 2);
	}
	wait(&status);
	assert_int_equal(status, 0);
	bed_put(b, "k", "a", "1"); /* the first one has noticed nothing */
	bed_close(b);
	bed_open(&other);
	is_json(bed_objects(&other), "[[\"k\",\"a\",1]]");
	bed_close(&other);
}

/* --- versions --- */

/* As version 1 made it: what the second step makes is not there. */
static void an_older_file_becomes_one_of_the_present_version(void **state)
{
	struct bed *b = *state;
	uint8_t hash[WEIR_TOKEN_HASH] = "0123456789abcdef0123456789abcde";
	struct weir_token t;
	json_t *list;
	uint64_t id;

	bed_open(b);
	bed_put(b, "pool", "a", "{\"n\":1}");
	assert_true(weir_store_add_token(b->store, "ci", hash, true, NOW, &t, &b->err));
	bed_close(b);
	sql(b, "PRAGMA journal_mode = DELETE; DROP TABLE event; DROP TABLE letter; DROP TABLE note;"
	       "PRAGMA user_version = 1");
	bed_open(b);
	is_json(bed_objects(b), "[[\"pool\",\"a\",{\"n\":1}]]");
	assert_int_equal(weir_store_revision(b->store), 1);
	assert_true(weir_store_find_token(b->store, hash, NOW, &t, &b->err));
	list = json_of("1");
	assert_true(weir_store_add_event(b->store, list, NOW, &id, &b->err));
	assert_true(weir_store_post(b->store, "p", list, NOW, &id, &b->err));
	json_decref(list);
	bed_reopen(b); /* it is not done again */
	assert_true(weir_store_undelivered(b->store, &list, &b->err));
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);
}

/* A table of the second step is there already: the step fails, and nothing of it remains. */
static void a_step_that_fails_changes_nothing(void **state)
{
	struct bed *b = *state;

	bed_open(b);
	bed_put(b, "pool", "a", "1");
	bed_close(b);
	sql(b, "PRAGMA journal_mode = DELETE; DROP TABLE event; DROP TABLE letter;"
	       "PRAGMA user_version = 1");
	bed_refused(b, "table note already exists");
	sql(b, "CREATE TABLE event (x); DROP TABLE event; DROP TABLE note");
	bed_open(b);
	is_json(bed_objects(b), "[[\"pool\",\"a\",1]]");
}

static void a_newer_file_is_left_alone(void **state)
{
	struct bed *b = *state;

	bed_open(b);
	bed_close(b);
	sql(b, "PRAGMA user_version = 99");
	bed_refused(b, "is a store of a newer weir (schema 99, this one knows up to 2)");
	sql(b, "PRAGMA user_version = 2");
	bed_open(b);
}

static void a_file_of_another_program_is_left_alone(void **state)
{
	struct bed *b = *state;

	sql(b, "CREATE TABLE theirs (x)");
	bed_refused(b, "is an SQLite file of another program");
	sql(b, "INSERT INTO theirs VALUES (1)");
}

/* --- damage --- */

static void what_is_no_store_is_refused(void **state)
{
	struct bed *b = *state;
	char bytes[8192];
	int fd = open(b->path, O_WRONLY | O_CREAT, 0600);

	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	bed_refused(b, "put a backup made by \"weirctl backup\" in its place");
	assert_int_equal(ftruncate(fd, 0), 0);
	close(fd);
	bed_refused(b, "is damaged (it is empty)");
	assert_int_equal(size_of(b), 0);
}

static void fill(struct bed *b)
{
	char id[16], body[400];

	bed_open(b);
	for (int i = 0; i < 60; i++) {
		snprintf(id, sizeof(id), "o%d", i);
		snprintf(body, sizeof(body), "{\"n\":%d,\"s\":\"%0300d\"}", i, i);
		bed_put(b, "pool", id, body);
	}
	bed_close(b);
}

static void a_file_that_was_cut_is_refused(void **state)
{
	struct bed *b = *state;
	off_t size;

	fill(b);
	size = size_of(b);
	for (off_t at = size - 4096; at > 0; at -= size / 7) {
		assert_int_equal(truncate(b->path, at), 0);
		bed_refused(b, "is damaged (");
	}
}

/* Wherever bytes become others: it is refused, or all objects are what they were. */
static void bytes_that_became_others_change_no_object(void **state)
{
	struct bed *b = *state;
	unsigned refused = 0, tried = 0;
	char noise[24], copy[24];
	json_t *was, *is;
	int fd;

	fill(b);
	bed_open(b);
	was = bed_objects(b);
	bed_close(b);
	memset(noise, '7', sizeof(noise));
	for (off_t at = 4096; at < size_of(b); at += 1021, tried++) {
		fd = open(b->path, O_RDONLY);
		assert_int_equal(pread(fd, copy, sizeof(copy), at), sizeof(copy));
		close(fd);
		overwrite(b, at, noise, sizeof(noise));
		is = weir_store_open(b->path, &b->store, &b->err) ? bed_objects(b) : NULL;
		if (is)
			assert_true(json_equal(is, was));
		else
			assert_non_null(strstr(b->err.text, "is damaged ("));
		refused += !is;
		json_decref(is);
		bed_close(b);
		overwrite(b, at, copy, sizeof(copy));
	}
	json_decref(was);
	assert_in_range(refused, tried / 10, tried);
}

static void a_log_without_its_file_is_not_thrown_away(void **state)
{
	struct bed *b = *state;
	char wal[128];

	snprintf(wal, sizeof(wal), "%s-wal", b->path);
	close(open(wal, O_WRONLY | O_CREAT, 0600));
	bed_refused(b, "is missing, but");
	assert_int_equal(access(wal, F_OK), 0);
	unlink(wal);
	bed_open(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(a_new_file_is_its_owners_alone_and_nothing_else_is_left),
		bed_test(a_path_that_is_no_file_is_refused),
		bed_test(a_second_opener_is_told_at_once),
		bed_test(an_older_file_becomes_one_of_the_present_version),
		bed_test(a_step_that_fails_changes_nothing),
		bed_test(a_newer_file_is_left_alone),
		bed_test(a_file_of_another_program_is_left_alone),
		bed_test(what_is_no_store_is_refused),
		bed_test(a_file_that_was_cut_is_refused),
		bed_test(bytes_that_became_others_change_no_object),
		bed_test(a_log_without_its_file_is_not_thrown_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
