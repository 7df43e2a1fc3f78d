/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bed.h - a store in a folder of its own, and short words for what tests do with it. */
#ifndef WEIR_TESTS_STORE_BED_H
#define WEIR_TESTS_STORE_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"

#define NOW 1700000000000u

struct bed {
	char folder[64], path[96];
	struct weir_store *store;
	struct weir_err err;
};

static const struct weir_author author = { "ops", "192.0.2.7", "PUT /x" };

static inline void bed_open(struct bed *b)
{
	if (!weir_store_open(b->path, &b->store, &b->err))
		fail_msg("%s: %s", b->err.path, b->err.text);
}

static inline void bed_close(struct bed *b)
{
	weir_store_close(b->store);
	b->store = NULL;
}

static inline void bed_reopen(struct bed *b)
{
	bed_close(b);
	bed_open(b);
}

/* It is not opened, for this reason. */
static inline void bed_refused(struct bed *b, const char *text)
{
	assert_false(weir_store_open(b->path, &b->store, &b->err));
	assert_null(b->store);
	if (!strstr(b->err.text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, b->err.text);
	assert_string_equal(b->err.path, b->path);
}

static inline int bed_new(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));

	snprintf(b->folder, sizeof(b->folder), "/tmp/weir-store.XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	snprintf(b->path, sizeof(b->path), "%s/store", b->folder);
	*state = b;
	return 0;
}

static inline int bed_empty(struct bed *b)
{
	DIR *d = opendir(b->folder);
	int n = 0;

	for (struct dirent *e; (e = readdir(d));)
		if (e->d_type == DT_REG) {
			unlinkat(dirfd(d), e->d_name, 0);
			n++;
		}
	closedir(d);
	return n;
}

static inline int bed_free(void **state)
{
	struct bed *b = *state;

	bed_close(b);
	bed_empty(b);
	rmdir(b->folder);
	free(b);
	return 0;
}

static inline json_t *json_of(const char *text)
{
	json_t *v = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	assert_non_null(v);
	return v;
}

/* A value is what the text says; it is freed. */
static inline void is_json(json_t *v, const char *text)
{
	json_t *want = json_of(text);
	char *is = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

	if (!json_equal(v, want))
		fail_msg("%s is not %s", is, text);
	free(is);
	json_decref(want);
	json_decref(v);
}

/* One change; text NULL: the object goes. Whether it was made. */
static inline bool bed_try(struct bed *b, const char *kind, const char *id, const char *text)
{
	json_t *body = text ? json_of(text) : NULL;
	struct weir_change c = { kind, id, body };
	uint64_t revision;
	bool ok = weir_store_commit(b->store, &author, &c, 1, NOW, &revision, &b->err);

	json_decref(body);
	return ok;
}

static inline void bed_put(struct bed *b, const char *kind, const char *id, const char *text)
{
	if (!bed_try(b, kind, id, text))
		fail_msg("%s: %s", b->err.path, b->err.text);
}

static inline bool bed_collect(void *list, const char *kind, const char *id, json_t *body)
{
	json_array_append_new(list, json_pack("[s, s, O]", kind, id, body));
	return true;
}

/* [ [ kind, id, body ] ], the caller's; NULL: refused. */
static inline json_t *bed_objects(struct bed *b)
{
	json_t *list = json_array();

	if (weir_store_objects(b->store, bed_collect, list, &b->err))
		return list;
	json_decref(list);
	return NULL;
}

#define bed_test(f) cmocka_unit_test_setup_teardown(f, bed_new, bed_free)

#endif
