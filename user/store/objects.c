/* SPDX-License-Identifier: GPL-2.0-or-later */
/* objects.c - objects and the revisions that made them what they are. */
#include "store/store_impl.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

uint64_t weir_store_revision(const struct weir_store *s)
{
	return s->revision;
}

static uint64_t sum_of(const char *kind, const char *id, const char *body)
{
	uint64_t sum = weir_hash_bytes(1, kind, strlen(kind) + 1);

	sum = weir_hash_bytes(sum, id, strlen(id) + 1);
	return weir_hash_bytes(sum, body, strlen(body));
}

/* --- reading --- */

static bool one_object(struct weir_store *s, sqlite3_stmt *st, const char **kind, const char **id,
		       json_t **body, struct weir_err *err)
{
	const char *text = (const char *)sqlite3_column_text(st, 2);

	*kind = (const char *)sqlite3_column_text(st, 0);
	*id = (const char *)sqlite3_column_text(st, 1);
	*body = NULL;
	if (!*kind || !*id || !text ||
	    sum_of(*kind, *id, text) != (uint64_t)sqlite3_column_int64(st, 3))
		return store_damaged(s, "an object is not what was stored", err);
	return store_json(s, st, 2, body, err);
}

bool weir_store_objects(struct weir_store *s,
			bool (*take)(void *arg, const char *kind, const char *id, json_t *body),
			void *arg, struct weir_err *err)
{
	sqlite3_stmt *st = store_bind(s, SQL_OBJECTS, "");
	const char *kind, *id;
	json_t *body;
	bool more = true;
	int n;

	while ((n = store_step(s, st, err)) > 0 && more) {
		if (!one_object(s, st, &kind, &id, &body, err)) {
			n = -1;
			break;
		}
		more = take(arg, kind, id, body);
		json_decref(body);
	}
	store_stop(st);
	return n >= 0;
}

/* --- changing --- */

/* The body that is there, as text, and its place; NULL and 0: there is none. */
static bool present(struct weir_store *s, const struct weir_change *c, char **body, uint64_t *place,
		    struct weir_err *err)
{
	sqlite3_stmt *st = store_bind(s, SQL_OBJECT, "ss", c->kind, c->id);
	int n = store_step(s, st, err);

	*body = NULL;
	*place = 0;
	if (n <= 0)
		return n == 0;
	*body = strdup((const char *)sqlite3_column_text(st, 0));
	assert(*body);
	*place = (uint64_t)sqlite3_column_int64(st, 1);
	store_stop(st);
	return true;
}

static bool put(struct weir_store *s, const char *kind, const char *id, uint64_t place,
		const char *body, struct weir_err *err)
{
	return store_run(s,
			 store_bind(s, SQL_PUT_OBJECT, "ssisi", kind, id, place, body,
				    sum_of(kind, id, body)),
			 err);
}

static bool put_last(struct weir_store *s, const char *kind, const char *id, const char *body,
		     struct weir_err *err)
{
	uint64_t place;

	return store_number(s, store_bind(s, SQL_NEXT_PLACE, ""), &place, err) &&
	       put(s, kind, id, place, body, err);
}

static bool drop(struct weir_store *s, const char *kind, const char *id, struct weir_err *err)
{
	return store_run(s, store_bind(s, SQL_DROP_OBJECT, "ss", kind, id), err);
}

static bool make_change(struct weir_store *s, uint64_t revision, const struct weir_change *c,
			struct weir_err *err)
{
	char *after = c->body ? json_dumps(c->body, JSON_COMPACT | JSON_ENCODE_ANY) : NULL, *before;
	uint64_t place;
	bool ok;

	assert(!c->body || after); /* what was parsed can be written */
	ok = present(s, c, &before, &place, err) &&
	     store_run(s,
		       store_bind(s, SQL_PUT_CHANGE, "isssis", revision, c->kind, c->id, before,
				  place, after),
		       err);
	if (ok && after)
		ok = before ? put(s, c->kind, c->id, place, after, err)
			    : put_last(s, c->kind, c->id, after, err);
	else if (ok)
		ok = drop(s, c->kind, c->id, err);
	free(before);
	free(after);
	return ok;
}

bool weir_store_commit(struct weir_store *s, const struct weir_author *author,
		       const struct weir_change *changes, size_t n, uint64_t now_ms,
		       uint64_t *revision, struct weir_err *err)
{
	uint64_t next = s->revision + 1;
	bool ok;

	assert(!s->batch);
	if (!store_begin(s, err))
		return false;
	ok = store_run(s,
		       store_bind(s, SQL_PUT_REVISION, "iisss", next, now_ms, author->who,
				  author->from, author->what),
		       err);
	for (size_t i = 0; ok && i < n; i++)
		ok = make_change(s, next, &changes[i], err);
	if (!store_end(s, ok, err))
		return false;
	*revision = s->revision = next;
	return true;
}

/* --- taking the last one back --- */

static bool undo(struct weir_store *s, sqlite3_stmt *st, struct weir_err *err)
{
	const char *kind = (const char *)sqlite3_column_text(st, 0);
	const char *id = (const char *)sqlite3_column_text(st, 1);
	const char *before = (const char *)sqlite3_column_text(st, 2);

	if (!kind || !id)
		return store_damaged(s, "a change has no object", err);
	if (!before)
		return drop(s, kind, id, err);
	return put(s, kind, id, (uint64_t)sqlite3_column_int64(st, 3), before, err);
}

static bool undo_all(struct weir_store *s, uint64_t revision, struct weir_err *err)
{
	sqlite3_stmt *st = store_bind(s, SQL_CHANGES_BACK, "i", revision);
	int n;

	while ((n = store_step(s, st, err)) > 0)
		if (!undo(s, st, err)) {
			store_stop(st);
			return false;
		}
	return n == 0;
}

bool weir_store_take_back(struct weir_store *s, uint64_t revision, struct weir_err *err)
{
	bool ok;

	assert(!s->batch);
	if (revision != s->revision || !revision)
		return weir_err_set(err, s->path,
				    "only the last revision, %" PRIu64
				    ", can be taken back, not %" PRIu64,
				    s->revision, revision);
	if (!store_begin(s, err))
		return false;
	ok = undo_all(s, revision, err) &&
	     store_run(s, store_bind(s, SQL_DROP_CHANGES, "i", revision), err) &&
	     store_run(s, store_bind(s, SQL_DROP_REVISION, "i", revision), err);
	if (!store_end(s, ok, err))
		return false;
	s->revision--;
	return true;
}

/* --- what was changed --- */

static bool changes_of(struct weir_store *s, uint64_t revision, json_t *list, struct weir_err *err)
{
	sqlite3_stmt *st = store_bind(s, SQL_CHANGES, "i", revision);
	json_t *before, *after;
	int n;

	while ((n = store_step(s, st, err)) > 0) {
		if (!store_json(s, st, 2, &before, err))
			break;
		if (!store_json(s, st, 3, &after, err)) {
			json_decref(before);
			break;
		}
		json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o}", "kind",
						      store_text(st, 0), "id", store_text(st, 1),
						      "before", before ? before : json_null(),
						      "after", after ? after : json_null()));
	}
	store_stop(st);
	return n == 0;
}

bool weir_store_history(struct weir_store *s, uint64_t before, unsigned limit, json_t **out,
			struct weir_err *err)
{
	sqlite3_stmt *st =
		store_bind(s, SQL_REVISIONS, "ii", before ? before : INT64_MAX, (uint64_t)limit);
	json_t *changes;
	int n;

	*out = json_array();
	while ((n = store_step(s, st, err)) > 0) {
		changes = json_array();
		json_array_append_new(*out,
				      json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "revision",
						store_integer(st, 0), "at", store_integer(st, 1),
						"who", store_text(st, 2), "from", store_text(st, 3),
						"what", store_text(st, 4), "changes", changes));
		if (!changes_of(s, (uint64_t)sqlite3_column_int64(st, 0), changes, err))
			break;
	}
	store_stop(st);
	if (n == 0)
		return true;
	json_decref(*out);
	*out = NULL;
	return false;
}

static bool is_known(struct weir_store *s, uint64_t revision, struct weir_err *err)
{
	uint64_t first;

	if (!store_number(s, store_bind(s, SQL_FIRST_REVISION, ""), &first, err))
		return false;
	if (revision <= s->revision && revision + 1 >= first)
		return true;
	return weir_err_set(err, s->path,
			    "knows no revision %" PRIu64 "; it knows those from %" PRIu64
			    " to %" PRIu64,
			    revision, first - 1, s->revision);
}

bool weir_store_way_back(struct weir_store *s, uint64_t revision, json_t **out,
			 struct weir_err *err)
{
	sqlite3_stmt *st;
	json_t *body;
	int n;

	*out = NULL;
	if (!is_known(s, revision, err))
		return false;
	*out = json_array();
	st = store_bind(s, SQL_WAY_BACK, "i", revision);
	while ((n = store_step(s, st, err)) > 0 && store_json(s, st, 2, &body, err))
		json_array_append_new(*out, json_pack("{s:o, s:o, s:o}", "kind", store_text(st, 0),
						      "id", store_text(st, 1), "body",
						      body ? body : json_null()));
	store_stop(st);
	if (n == 0)
		return true;
	json_decref(*out);
	*out = NULL;
	return false;
}
