/* SPDX-License-Identifier: GPL-2.0-or-later */
/* statements.c - all SQL but the schema's, and how it is run. */
#include "store/store_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const store_sql_text[SQL_STATEMENTS] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_LAST_REVISION] = "SELECT coalesce(max(id), 0) FROM revision",
	[SQL_FIRST_REVISION] = "SELECT coalesce(min(id), 1) FROM revision",
	[SQL_OBJECTS] = "SELECT kind, id, body, sum FROM object ORDER BY place",
	[SQL_OBJECT] = "SELECT body, place FROM object WHERE kind = ? AND id = ?",
	[SQL_PUT_OBJECT] = "INSERT INTO object (kind, id, place, body, sum) VALUES (?, ?, ?, ?, ?)"
			   " ON CONFLICT (kind, id) DO UPDATE SET place = excluded.place,"
			   " body = excluded.body, sum = excluded.sum",
	[SQL_DROP_OBJECT] = "DELETE FROM object WHERE kind = ? AND id = ?",
	[SQL_NEXT_PLACE] = "SELECT coalesce(max(place), 0) + 1 FROM object",
	[SQL_PUT_REVISION] = "INSERT INTO revision (id, at, who, origin, what)"
			     " VALUES (?, ?, ?, ?, ?)",
	[SQL_DROP_REVISION] = "DELETE FROM revision WHERE id = ?",
	[SQL_REVISIONS] = "SELECT id, at, who, origin, what FROM revision WHERE id < ?"
			  " ORDER BY id DESC LIMIT ?",
	[SQL_PUT_CHANGE] = "INSERT INTO change (revision, kind, object, before, place, after)"
			   " VALUES (?, ?, ?, ?, nullif(?, 0), ?)",
	[SQL_CHANGES] = "SELECT kind, object, before, after FROM change WHERE revision = ?"
			" ORDER BY id",
	[SQL_CHANGES_BACK] = "SELECT kind, object, before, place FROM change WHERE revision = ?"
			     " ORDER BY id DESC",
	[SQL_DROP_CHANGES] = "DELETE FROM change WHERE revision = ?",
	/* The first change after it says what an object was: a bare column is of min()'s row. */
	[SQL_WAY_BACK] = "SELECT c.kind, c.object, c.before FROM (SELECT kind, object, before,"
			 " place, min(id) FROM change WHERE revision > ? GROUP BY kind, object) c"
			 " LEFT JOIN object o ON o.kind = c.kind AND o.id = c.object"
			 " WHERE c.before IS NOT o.body ORDER BY c.place IS NULL, c.place",
	[SQL_PUT_TOKEN] = "INSERT INTO token (name, hash, may_write, created)"
			  " VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
	[SQL_TOKENS] = "SELECT id, name, hash, may_write, created, used FROM token ORDER BY id",
	[SQL_TOKEN_USED] = "UPDATE token SET used = ? WHERE id = ?",
	[SQL_DROP_TOKEN] = "DELETE FROM token WHERE name = ?",
	[SQL_PUT_EVENT] = "INSERT INTO event (at, body) VALUES (?, ?)",
	[SQL_BOUND_EVENTS] = "DELETE FROM event WHERE id <= ?",
	[SQL_EVENTS] = "SELECT id, at, body FROM event WHERE at >= ? AND at < ? AND id < ?"
		       " ORDER BY id DESC LIMIT ?",
	[SQL_PUT_LETTER] = "INSERT INTO letter (lane, at, body) VALUES (?, ?, ?)",
	[SQL_UNDELIVERED] = "SELECT id, lane, at, tries, body FROM letter WHERE done IS NULL"
			    " ORDER BY id",
	[SQL_TRIED] = "UPDATE letter SET tries = tries + 1 WHERE id = ? AND done IS NULL",
	[SQL_DELIVERED] = "UPDATE letter SET tries = tries + 1, done = ?"
			  " WHERE id = ? AND done IS NULL",
	[SQL_DROP_LETTER] = "DELETE FROM letter WHERE id = ? AND done IS NULL",
	[SQL_BOUND_DELIVERED] = "DELETE FROM letter WHERE id IN (SELECT id FROM letter"
				" WHERE done IS NOT NULL ORDER BY done DESC, id DESC"
				" LIMIT -1 OFFSET ?)",
	[SQL_DELIVERIES] = "SELECT id, lane, at, tries, done, body FROM letter"
			   " WHERE done >= ? AND done < ? ORDER BY done DESC, id DESC"
			   " LIMIT ? OFFSET ?",
	[SQL_PUT_NOTE] = "INSERT INTO note (key, body) VALUES (?, ?)"
			 " ON CONFLICT (key) DO UPDATE SET body = excluded.body",
	[SQL_DROP_NOTE] = "DELETE FROM note WHERE key = ?",
	[SQL_NOTES] = "SELECT key, body FROM note ORDER BY key",
};

bool store_prepare(struct weir_store *s, struct weir_err *err)
{
	for (int i = 0; i < SQL_STATEMENTS; i++)
		if (sqlite3_prepare_v3(s->db, store_sql_text[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &s->statements[i], NULL) != SQLITE_OK)
			return store_fail(s, err);
	return true;
}

bool store_exec(struct weir_store *s, const char *sql, struct weir_err *err)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK || store_fail(s, err);
}

static int bind_json(sqlite3_stmt *st, int at, const json_t *v)
{
	char *text;

	if (!v)
		return sqlite3_bind_null(st, at);
	text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	assert(text); /* what was parsed can be written */
	return sqlite3_bind_text(st, at, text, -1, free);
}

sqlite3_stmt *store_bind(struct weir_store *s, enum store_sql which, const char *format, ...)
{
	sqlite3_stmt *st = s->statements[which];
	const void *blob;
	int rc = SQLITE_OK;
	va_list args;

	va_start(args, format);
	for (int at = 1; format[at - 1] && rc == SQLITE_OK; at++)
		switch (format[at - 1]) {
		case 's':
			rc = sqlite3_bind_text(st, at, va_arg(args, const char *), -1,
					       SQLITE_STATIC);
			break;
		case 'i':
			rc = sqlite3_bind_int64(st, at, (int64_t)va_arg(args, uint64_t));
			break;
		case 'b':
			blob = va_arg(args, const void *);
			rc = sqlite3_bind_blob64(st, at, blob, va_arg(args, size_t), SQLITE_STATIC);
			break;
		case 'j':
			rc = bind_json(st, at, va_arg(args, const json_t *));
			break;
		default:
			assert(!"a letter of the format");
		}
	va_end(args);
	assert(rc == SQLITE_OK); /* else no memory, or a text over 1e9 bytes */
	return st;
}

int store_step(struct weir_store *s, sqlite3_stmt *st, struct weir_err *err)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		store_fail(s, err);
	store_stop(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

void store_stop(sqlite3_stmt *st)
{
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

bool store_run(struct weir_store *s, sqlite3_stmt *st, struct weir_err *err)
{
	int n;

	while ((n = store_step(s, st, err)) > 0)
		;
	return n == 0;
}

bool store_number(struct weir_store *s, sqlite3_stmt *st, uint64_t *out, struct weir_err *err)
{
	if (store_step(s, st, err) != 1)
		return false;
	*out = (uint64_t)sqlite3_column_int64(st, 0);
	store_stop(st);
	return true;
}

bool store_json(struct weir_store *s, sqlite3_stmt *st, int column, json_t **out,
		struct weir_err *err)
{
	const char *text = (const char *)sqlite3_column_text(st, column);

	*out = NULL;
	if (!text)
		return true;
	*out = json_loadb(text, (size_t)sqlite3_column_bytes(st, column),
			  JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
	return *out || store_damaged(s, "what should be JSON is not", err);
}

json_t *store_text(sqlite3_stmt *st, int column)
{
	const char *text = (const char *)sqlite3_column_text(st, column);
	json_t *v = text ? json_string(text) : NULL;

	return v ? v : json_string("");
}

json_t *store_integer(sqlite3_stmt *st, int column)
{
	return sqlite3_column_type(st, column) == SQLITE_NULL
		       ? json_null()
		       : json_integer(sqlite3_column_int64(st, column));
}

bool store_begin(struct weir_store *s, struct weir_err *err)
{
	if (!s->batch)
		return store_run(s, store_bind(s, SQL_BEGIN, ""), err);
	if (s->batch_failed) /* SQLite may have ended the transaction by itself */
		*err = s->failure;
	return !s->batch_failed;
}

static void take_all_back(struct weir_store *s)
{
	bool full = s->full;
	struct weir_err why;

	if (!sqlite3_get_autocommit(s->db))
		store_run(s, store_bind(s, SQL_ROLLBACK, ""), &why);
	/* What the log takes and could give back is what a full disk needs most. */
	if (full)
		sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	s->full = false;
}

bool store_end(struct weir_store *s, bool ok, struct weir_err *err)
{
	if (s->batch) {
		if (!ok && !s->batch_failed)
			s->failure = *err;
		s->batch_failed |= !ok;
		return ok;
	}
	ok = ok && store_run(s, store_bind(s, SQL_COMMIT, ""), err);
	if (!ok)
		take_all_back(s);
	return ok;
}

bool weir_store_begin(struct weir_store *s, struct weir_err *err)
{
	assert(!s->batch);
	if (!store_begin(s, err))
		return false;
	s->batch = true;
	s->batch_failed = false;
	return true;
}

bool weir_store_end(struct weir_store *s, struct weir_err *err)
{
	assert(s->batch);
	s->batch = false;
	if (s->batch_failed)
		*err = s->failure;
	return store_end(s, !s->batch_failed, err);
}
