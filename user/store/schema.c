/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema.c - the tables, and how an older file becomes one of the present version: step n makes
 * version n + 1 of version n. A step that was released is never changed; a new one follows it. */
#include "store/store_impl.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

static const char *const steps[] = {
	/* 1: objects. place: their order; sum: a hash of what the row says, as quick_check does not
	 * see a byte that has become another one. Changes say where the object was, so that a
	 * change can be taken back; those of revisions before the first that is kept may go. */
	"CREATE TABLE object (kind TEXT NOT NULL, id TEXT NOT NULL, place INTEGER NOT NULL,"
	" body TEXT NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;"
	"CREATE UNIQUE INDEX object_place ON object (place);"
	"CREATE TABLE revision (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL,"
	" origin TEXT NOT NULL, what TEXT NOT NULL);"
	"CREATE TABLE change (id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, kind TEXT NOT NULL,"
	" object TEXT NOT NULL, before TEXT, place INTEGER, after TEXT);"
	"CREATE INDEX change_revision ON change (revision, id);"
	"CREATE TABLE token (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
	" hash BLOB NOT NULL, may_write INTEGER NOT NULL, created INTEGER NOT NULL,"
	" used INTEGER NOT NULL DEFAULT 0);",
	/* 2: events, what is to be delivered (done: NULL until it is), and notes. */
	"CREATE TABLE event (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, body TEXT NOT NULL);"
	"CREATE TABLE letter (id INTEGER PRIMARY KEY AUTOINCREMENT, lane TEXT NOT NULL,"
	" at INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, done INTEGER, body TEXT NOT NULL);"
	"CREATE INDEX letter_open ON letter (id) WHERE done IS NULL;"
	"CREATE INDEX letter_done ON letter (done, id) WHERE done IS NOT NULL;"
	"CREATE TABLE note (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;",
};

_Static_assert(sizeof(steps) / sizeof(*steps) == STORE_VERSION, "a step for each version");

static bool pragma(struct weir_store *s, const char *sql, int64_t *out, struct weir_err *err)
{
	sqlite3_stmt *st;
	bool ok;

	if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) != SQLITE_OK)
		return store_fail(s, err);
	ok = sqlite3_step(st) == SQLITE_ROW;
	*out = ok ? sqlite3_column_int64(st, 0) : 0;
	if (!ok)
		store_fail(s, err);
	sqlite3_finalize(st);
	return ok;
}

static bool set_version(struct weir_store *s, struct weir_err *err)
{
	char sql[96];

	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 STORE_APPLICATION, STORE_VERSION);
	return store_exec(s, sql, err);
}

/* A file with tables and another number in its header is somebody else's. */
static bool check_owner(struct weir_store *s, int64_t version, struct weir_err *err)
{
	int64_t application, tables;

	if (!pragma(s, "PRAGMA application_id", &application, err) ||
	    !pragma(s, "SELECT count(*) FROM sqlite_schema", &tables, err))
		return false;
	if (application == STORE_APPLICATION ? version > 0 : !tables && !application && !version)
		return true;
	return weir_err_set(err, s->path,
			    "is an SQLite file of another program; name another file");
}

bool store_migrate(struct weir_store *s, struct weir_err *err)
{
	int64_t version;
	bool ok = true;

	if (!pragma(s, "PRAGMA user_version", &version, err) || !check_owner(s, version, err))
		return false;
	if (version > STORE_VERSION)
		return weir_err_set(err, s->path,
				    "is a store of a newer weir (schema %" PRId64
				    ", this one knows up to %d); use that version, or restore a "
				    "backup made by this one",
				    version, STORE_VERSION);
	if (version == STORE_VERSION)
		return true;
	if (!store_exec(s, "BEGIN IMMEDIATE", err))
		return false;
	for (int64_t i = version; ok && i < STORE_VERSION; i++)
		ok = store_exec(s, steps[i], err);
	ok = ok && set_version(s, err) && store_exec(s, "COMMIT", err);
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL); /* err says why */
	return ok;
}
