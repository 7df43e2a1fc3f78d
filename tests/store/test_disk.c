/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk of 1 MiB that is full, or read-only. It is mounted in a mount namespace of this process,
 * and is gone with it, however it ends. */
#include "bed.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

static int disk_new(void **state)
{
	struct bed *b;

	bed_new(state);
	b = *state;
	if (mount("weir-store", b->folder, "tmpfs", 0, "size=1m,mode=0700") < 0)
		fail_msg("mount: %s (this test runs as root)", strerror(errno));
	return 0;
}

static int disk_free(void **state)
{
	struct bed *b = *state;

	bed_close(b);
	umount2(b->folder, MNT_DETACH);
	rmdir(b->folder);
	free(b);
	return 0;
}

/* Takes all room that is left. Returns its path. */
static const char *take_room(struct bed *b)
{
	static char path[128];
	char block[4096] = "";
	int fd;

	snprintf(path, sizeof(path), "%s/filler", b->folder);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	while (write(fd, block, sizeof(block)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	close(fd);
	return path;
}

/* A body of some size, with a number. */
static bool put_large(struct bed *b, int n, size_t len)
{
	char *text = malloc(len + 64), id[16];
	bool ok;

	snprintf(id, sizeof(id), "o%d", n);
	sprintf(text, "{\"n\":%d,\"s\":\"%0*d\"}", n, (int)len, n);
	ok = bed_try(b, "k", id, text);
	free(text);
	return ok;
}

static void is_told_full(struct bed *b)
{
	if (!strstr(b->err.text, "the disk is full; nothing was changed"))
		fail_msg("\"%s\"", b->err.text);
}

static off_t log_size(struct bed *b)
{
	char wal[128];
	struct stat st;

	snprintf(wal, sizeof(wal), "%s-wal", b->path);
	assert_int_equal(stat(wal, &st), 0);
	return st.st_size;
}

static void a_full_disk_changes_nothing_and_works_again_with_room(void **state)
{
	struct bed *b = *state;
	const char *filler;
	json_t *was, *is;
	uint64_t revision;

	bed_open(b);
	for (int i = 0; i < 10; i++)
		assert_true(put_large(b, i, 1000));
	was = bed_objects(b);
	filler = take_room(b);
	assert_false(put_large(b, 10, 60000));
	is_told_full(b);
	is = bed_objects(b);
	assert_true(json_equal(is, was));
	assert_int_equal(weir_store_revision(b->store), 10);
	json_decref(is);
	bed_reopen(b); /* on the full disk */
	is = bed_objects(b);
	assert_true(json_equal(is, was));
	json_decref(is);
	take_room(b);
	assert_false(put_large(b, 10, 60000));
	assert_int_equal(unlink(filler), 0);
	assert_true(put_large(b, 10, 60000));
	revision = weir_store_revision(b->store);
	assert_int_equal(revision, 11);
	bed_reopen(b);
	is = bed_objects(b);
	assert_int_equal(json_array_size(is), 11);
	json_decref(is);
	json_decref(was);
}

/* Filled by the store itself: what was acknowledged is there, and removing objects makes room. */
static void a_store_that_fills_its_disk_keeps_what_it_acknowledged(void **state)
{
	struct bed *b = *state;
	unsigned n = 0, more = 0;
	json_t *is;

	bed_open(b);
	while (put_large(b, (int)n, 20000))
		n++;
	is_told_full(b);
	assert_in_range(n, 5, 50);
	while (put_large(b, (int)(n + more), 500) && more < 1000)
		more++;
	is_told_full(b);
	assert_int_equal(weir_store_revision(b->store), n + more);
	bed_reopen(b);
	assert_int_equal(weir_store_revision(b->store), n + more);
	is = bed_objects(b);
	assert_int_equal(json_array_size(is), n + more);
	json_decref(is);
}

static void events_tokens_and_letters_say_that_the_disk_is_full(void **state)
{
	struct bed *b = *state;
	char *text = malloc(70000);
	json_t *body, *list;
	uint8_t hash[WEIR_TOKEN_HASH] = { 1 };
	struct weir_token t;
	uint64_t id;

	memset(text, 's', 69999);
	text[69999] = '\0';
	body = json_string(text);
	free(text);
	bed_open(b);
	assert_true(weir_store_add_token(b->store, "ci", hash, true, NOW, &t, &b->err));
	take_room(b);
	assert_false(weir_store_add_event(b->store, body, NOW, &id, &b->err));
	is_told_full(b);
	assert_false(weir_store_post(b->store, "p", body, NOW, &id, &b->err));
	is_told_full(b);
	assert_int_equal(log_size(b), 0); /* a full disk needs that room most */
	take_room(b);
	assert_true(weir_store_begin(b->store, &b->err));
	for (int i = 0; i < 60; i++) /* more than is held in memory until the end */
		weir_store_add_event(b->store, body, NOW, &id, &b->err);
	assert_false(weir_store_note(b->store, "n", json_true(), &b->err));
	assert_false(weir_store_end(b->store, &b->err));
	is_told_full(b);
	take_room(b);
	assert_true(weir_store_find_token(b->store, hash, NOW, &t, &b->err));
	assert_true(weir_store_notes(b->store, &list, &b->err));
	is_json(list, "{}");
	assert_true(weir_store_events(b->store, 0, UINT64_MAX, 0, 9, &list, &b->err));
	is_json(list, "[]");
	json_decref(body);
}

static void a_backup_that_has_no_room_leaves_nothing(void **state)
{
	struct bed *b = *state;
	char path[128];

	bed_open(b);
	for (int i = 0; i < 10; i++)
		assert_true(put_large(b, i, 10000));
	take_room(b);
	snprintf(path, sizeof(path), "%s/backup", b->folder);
	assert_false(weir_store_backup(b->store, path, &b->err));
	assert_non_null(strstr(b->err.text, "the disk is full"));
	assert_string_equal(b->err.path, path);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_new_store_is_not_made_on_a_full_disk(void **state)
{
	struct bed *b = *state;

	take_room(b);
	bed_refused(b, "the disk is full");
	assert_int_equal(bed_empty(b), 1); /* the filler */
	bed_open(b);
}

static void remount(struct bed *b, unsigned long flags)
{
	assert_int_equal(mount(NULL, b->folder, NULL, MS_REMOUNT | flags, "size=1m"), 0);
}

static void a_read_only_disk_is_told_at_the_start(void **state)
{
	struct bed *b = *state;

	remount(b, MS_RDONLY);
	bed_refused(b, "cannot be made: Read-only file system");
	remount(b, 0);
	bed_open(b);
	bed_put(b, "k", "a", "1");
	bed_close(b);
	remount(b, MS_RDONLY);
	bed_refused(b, "cannot be written: the file or its disk is read-only");
	remount(b, 0);
	bed_open(b);
	is_json(bed_objects(b), "[[\"k\",\"a\",1]]");
}

static void a_folder_that_takes_no_more_files_is_told(void **state)
{
	struct bed *b = *state;

	bed_open(b);
	bed_put(b, "k", "a", "1");
	bed_close(b);
	/* The file and its folder are all there may be: the log cannot be made. */
	assert_int_equal(mount(NULL, b->folder, NULL, MS_REMOUNT, "size=1m,nr_inodes=2"), 0);
	bed_refused(b, "its folder must be writable and have room");
	assert_int_equal(mount(NULL, b->folder, NULL, MS_REMOUNT, "size=1m,nr_inodes=20"), 0);
	bed_open(b);
	is_json(bed_objects(b), "[[\"k\",\"a\",1]]");
}

int main(void)
{
#define disk_test(f) cmocka_unit_test_setup_teardown(f, disk_new, disk_free)
	const struct CMUnitTest tests[] = {
		disk_test(a_full_disk_changes_nothing_and_works_again_with_room),
		disk_test(a_store_that_fills_its_disk_keeps_what_it_acknowledged),
		disk_test(events_tokens_and_letters_say_that_the_disk_is_full),
		disk_test(a_backup_that_has_no_room_leaves_nothing),
		disk_test(a_new_store_is_not_made_on_a_full_disk),
		disk_test(a_read_only_disk_is_told_at_the_start),
		disk_test(a_folder_that_takes_no_more_files_is_told),
	};

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		printf("not ok - a mount namespace: %s (this test runs as root)\n",
		       strerror(errno));
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
