/* SPDX-License-Identifier: GPL-2.0-or-later */
/* events.c - what happened, what is to be delivered of it, and what must be remembered for that. */
#include "store/store_impl.h"

/* Ends a list; *out is NULL unless n says that all rows were read. */
static bool end_list(sqlite3_stmt *st, int n, json_t **out)
{
	store_stop(st);
	if (n == 0)
		return true;
	json_decref(*out);
	*out = NULL;
	return false;
}

static uint64_t bounded(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : v;
}

/* --- events --- */

bool weir_store_add_event(struct weir_store *s, const json_t *body, uint64_t now_ms, uint64_t *id,
			  struct weir_err *err)
{
	bool ok;

	if (!store_begin(s, err))
		return false;
	ok = store_run(s, store_bind(s, SQL_PUT_EVENT, "ij", now_ms, body), err);
	*id = (uint64_t)sqlite3_last_insert_rowid(s->db);
	if (ok && *id > WEIR_STORE_EVENTS)
		ok = store_run(s, store_bind(s, SQL_BOUND_EVENTS, "i", *id - WEIR_STORE_EVENTS),
			       err);
	return store_end(s, ok, err);
}

bool weir_store_events(struct weir_store *s, uint64_t since_ms, uint64_t until_ms, uint64_t before,
		       unsigned limit, json_t **out, struct weir_err *err)
{
	sqlite3_stmt *st = store_bind(s, SQL_EVENTS, "iiii", bounded(since_ms), bounded(until_ms),
				      before ? bounded(before) : INT64_MAX, (uint64_t)limit);
	json_t *body;
	int n;

	*out = json_array();
	while ((n = store_step(s, st, err)) > 0 && store_json(s, st, 2, &body, err))
		json_array_append_new(*out, json_pack("{s:o, s:o, s:o}", "id", store_integer(st, 0),
						      "at", store_integer(st, 1), "body",
						      body ? body : json_null()));
	return end_list(st, n, out);
}

/* --- the outbox --- */

bool weir_store_post(struct weir_store *s, const char *lane, const json_t *body, uint64_t now_ms,
		     uint64_t *id, struct weir_err *err)
{
	bool ok;

	if (!store_begin(s, err))
		return false;
	ok = store_run(s, store_bind(s, SQL_PUT_LETTER, "sij", lane, now_ms, body), err);
	*id = (uint64_t)sqlite3_last_insert_rowid(s->db);
	return store_end(s, ok, err);
}

bool weir_store_undelivered(struct weir_store *s, json_t **out, struct weir_err *err)
{
	sqlite3_stmt *st = store_bind(s, SQL_UNDELIVERED, "");
	json_t *body;
	int n;

	*out = json_array();
	while ((n = store_step(s, st, err)) > 0 && store_json(s, st, 4, &body, err))
		json_array_append_new(*out, json_pack("{s:o, s:o, s:o, s:o, s:o}", "id",
						      store_integer(st, 0), "lane",
						      store_text(st, 1), "at", store_integer(st, 2),
						      "tries", store_integer(st, 3), "body",
						      body ? body : json_null()));
	return end_list(st, n, out);
}

/* Changes one letter that is not done. */
static bool change_letter(struct weir_store *s, sqlite3_stmt *st, uint64_t id, struct weir_err *err)
{
	return store_run(s, st, err) &&
	       (sqlite3_changes(s->db) ||
		weir_err_set(err, s->path, "has nothing to deliver of number %llu",
			     (unsigned long long)id));
}

bool weir_store_tried(struct weir_store *s, uint64_t id, struct weir_err *err)
{
	return store_begin(s, err) &&
	       store_end(s, change_letter(s, store_bind(s, SQL_TRIED, "i", id), id, err), err);
}

bool weir_store_delivered(struct weir_store *s, uint64_t id, uint64_t now_ms, struct weir_err *err)
{
	bool ok;

	if (!store_begin(s, err))
		return false;
	ok = change_letter(s, store_bind(s, SQL_DELIVERED, "ii", now_ms, id), id, err);
	if (ok && id % 64 == 0) /* it looks at all that is kept */
		ok = store_run(
			s, store_bind(s, SQL_BOUND_DELIVERED, "i", (uint64_t)WEIR_STORE_DELIVERIES),
			err);
	return store_end(s, ok, err);
}

bool weir_store_give_up(struct weir_store *s, uint64_t id, struct weir_err *err)
{
	return store_begin(s, err) &&
	       store_end(s, change_letter(s, store_bind(s, SQL_DROP_LETTER, "i", id), id, err),
			 err);
}

bool weir_store_deliveries(struct weir_store *s, uint64_t since_ms, uint64_t until_ms,
			   unsigned skip, unsigned limit, json_t **out, struct weir_err *err)
{
	sqlite3_stmt *st = store_bind(s, SQL_DELIVERIES, "iiii", bounded(since_ms),
				      bounded(until_ms), (uint64_t)limit, (uint64_t)skip);
	json_t *body;
	int n;

	*out = json_array();
	while ((n = store_step(s, st, err)) > 0 && store_json(s, st, 5, &body, err))
		json_array_append_new(
			*out, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "id",
					store_integer(st, 0), "lane", store_text(st, 1), "at",
					store_integer(st, 2), "tries", store_integer(st, 3), "done",
					store_integer(st, 4), "body", body ? body : json_null()));
	return end_list(st, n, out);
}

/* --- notes --- */

bool weir_store_note(struct weir_store *s, const char *key, const json_t *body,
		     struct weir_err *err)
{
	sqlite3_stmt *st;

	if (!store_begin(s, err))
		return false;
	st = body ? store_bind(s, SQL_PUT_NOTE, "sj", key, body)
		  : store_bind(s, SQL_DROP_NOTE, "s", key);
	return store_end(s, store_run(s, st, err), err);
}

bool weir_store_notes(struct weir_store *s, json_t **out, struct weir_err *err)
{
	sqlite3_stmt *st = store_bind(s, SQL_NOTES, "");
	const char *key;
	json_t *body;
	int n;

	*out = json_object();
	while ((n = store_step(s, st, err)) > 0 && store_json(s, st, 1, &body, err)) {
		key = (const char *)sqlite3_column_text(st, 0);
		json_object_set_new(*out, key ? key : "", body ? body : json_null());
	}
	return end_list(st, n, out);
}
