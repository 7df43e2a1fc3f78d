/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_impl.h - what the files of this folder share: prepared statements, transactions, and what
 * SQLite's errors are in words. */
#ifndef WEIR_STORE_STORE_IMPL_H
#define WEIR_STORE_STORE_IMPL_H

#include <sqlite3.h>

#include "store/store.h"

/* Each is prepared once, when the file is opened; its text is in statements.c. */
enum store_sql {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_LAST_REVISION,
	SQL_FIRST_REVISION,
	SQL_OBJECTS,
	SQL_OBJECT,
	SQL_PUT_OBJECT,
	SQL_DROP_OBJECT,
	SQL_NEXT_PLACE,
	SQL_PUT_REVISION,
	SQL_DROP_REVISION,
	SQL_REVISIONS,
	SQL_PUT_CHANGE,
	SQL_CHANGES,
	SQL_CHANGES_BACK,
	SQL_DROP_CHANGES,
	SQL_WAY_BACK,
	SQL_PUT_TOKEN,
	SQL_TOKENS,
	SQL_TOKEN_USED,
	SQL_DROP_TOKEN,
	SQL_PUT_EVENT,
	SQL_BOUND_EVENTS,
	SQL_EVENTS,
	SQL_PUT_LETTER,
	SQL_UNDELIVERED,
	SQL_TRIED,
	SQL_DELIVERED,
	SQL_DROP_LETTER,
	SQL_BOUND_DELIVERED,
	SQL_DELIVERIES,
	SQL_PUT_NOTE,
	SQL_DROP_NOTE,
	SQL_NOTES,
	SQL_STATEMENTS, /* how many there are */
};

extern const char *const store_sql_text[SQL_STATEMENTS];

struct weir_store {
	sqlite3 *db;
	char *path;
	sqlite3_stmt *statements[SQL_STATEMENTS];
	uint64_t revision;
	bool full;               /* the disk is: since the last transaction began */
	bool batch;              /* between weir_store_begin() and weir_store_end() */
	bool batch_failed;       /* something in it was refused: none of it will be */
	struct weir_err failure; /* the first thing that was */
};

/* --- schema.c --- */

#define STORE_APPLICATION 0x77656972 /* "weir", in the file's header */
#define STORE_VERSION     2

/* Takes the file to STORE_VERSION, in one transaction; what is of it already is left alone. */
bool store_migrate(struct weir_store *s, struct weir_err *err);

/* --- statements.c --- */

bool store_prepare(struct weir_store *s, struct weir_err *err);

/* SQL that is no prepared statement's, without results. */
bool store_exec(struct weir_store *s, const char *sql, struct weir_err *err);

/* A statement with its parameters: s text, i uint64_t, b blob (pointer, size_t), j json_t * (NULL:
 * NULL; its text is made here). Texts and blobs stay the caller's, and must stay until
 * the statement has ended. */
sqlite3_stmt *store_bind(struct weir_store *s, enum store_sql which, const char *format, ...);

/* 1: there is a row; 0: there is none any more; -1: *err is set. It has ended when it is not 1. */
int store_step(struct weir_store *s, sqlite3_stmt *st, struct weir_err *err);

/* The statement is not wanted any more; before or after its end. */
void store_stop(sqlite3_stmt *st);

/* Runs a statement whose parameters are bound, to its end. */
bool store_run(struct weir_store *s, sqlite3_stmt *st, struct weir_err *err);

/* The one number that a statement has as its result. */
bool store_number(struct weir_store *s, sqlite3_stmt *st, uint64_t *out, struct weir_err *err);

/* A column; the caller's, NULL where the column is NULL. False: it is no JSON. */
bool store_json(struct weir_store *s, sqlite3_stmt *st, int column, json_t **out,
		struct weir_err *err);
json_t *store_text(sqlite3_stmt *st, int column);
json_t *store_integer(sqlite3_stmt *st, int column); /* NULL is null */

/* Opens a transaction, unless a batch is open. */
bool store_begin(struct weir_store *s, struct weir_err *err);
/* Makes it durable (ok), or takes all of it back (!ok, err is set already). Returns whether it is
 * durable; in a batch: ok. */
bool store_end(struct weir_store *s, bool ok, struct weir_err *err);

/* Says in *err what SQLite has just refused. Returns false. */
bool store_fail(struct weir_store *s, struct weir_err *err);
bool store_damaged(struct weir_store *s, const char *what, struct weir_err *err);

#endif
