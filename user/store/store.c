/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.c - the file: made, opened by one process, found whole or refused, and copied. */
#include "store/store_impl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* --- what is wrong, in words --- */

bool store_damaged(struct weir_store *s, const char *what, struct weir_err *err)
{
	return weir_err_set(err, s->path,
			    "is damaged (%s); move it and %s-wal, if there is one, away, and put a "
			    "backup made by \"weirctl backup\" in its place",
			    what, s->path);
}

static bool is_full(int rc, int error)
{
	return (rc & 0xff) == SQLITE_FULL ||
	       ((rc & 0xff) == SQLITE_IOERR &&
		(error == ENOSPC || error == EDQUOT || error == EFBIG));
}

bool store_fail(struct weir_store *s, struct weir_err *err)
{
	int rc = sqlite3_extended_errcode(s->db), error = sqlite3_system_errno(s->db);

	if (is_full(rc, error)) {
		s->full = true;
		return weir_err_set(err, s->path,
				    "cannot be written: the disk is full; nothing was changed, and "
				    "it works again once there is room");
	}
	switch (rc & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return store_damaged(s, sqlite3_errmsg(s->db), err);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return weir_err_set(err, s->path,
				    "is used by another process; a store is one agent's");
	case SQLITE_READONLY:
		return weir_err_set(err, s->path,
				    "cannot be written: the file or its disk is read-only");
	case SQLITE_CANTOPEN: /* the file or its log; errno is that of the last thing tried */
		return weir_err_set(err, s->path,
				    "cannot be opened, or the log beside it cannot be made; it and "
				    "its folder must be writable and have room");
	case SQLITE_IOERR:
		return weir_err_set(err, s->path,
				    "cannot be read or written: %s; nothing was changed, and the "
				    "disk needs looking at",
				    error ? strerror(error) : sqlite3_errmsg(s->db));
	default:
		return weir_err_set(err, s->path, "cannot be used: %s", sqlite3_errmsg(s->db));
	}
}

static bool cannot(const char *path, const char *what, struct weir_err *err)
{
	return weir_err_set(err, path, "cannot be %s: %s", what, strerror(errno));
}

/* --- files --- */

static bool sync_folder(const char *path)
{
	char *copy = strdup(path);
	int fd;
	bool ok;

	assert(copy);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	ok = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool sync_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return ok && sync_folder(path);
}

static bool connect_to(struct weir_store *s, const char *path, struct weir_err *err)
{
	int rc = sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	assert(s->db); /* else no memory */
	sqlite3_extended_result_codes(s->db, 1);
	if (rc != SQLITE_OK)
		return store_fail(s, err);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return true;
}

static bool fill(struct weir_store *s, const char *path, struct weir_err *err)
{
	bool ok = connect_to(s, path, err) && store_exec(s, "PRAGMA synchronous = FULL", err) &&
		  store_migrate(s, err);

	sqlite3_close(s->db);
	s->db = NULL;
	return ok;
}

/* A new file is filled under another name: one that is there is a whole one. */
static bool make(struct weir_store *s, struct weir_err *err)
{
	char *path;
	int fd;
	bool ok;

	if (asprintf(&path, "%s.XXXXXX", s->path) < 0)
		abort();
	fd = mkstemp(path); /* mode 0600 */
	if (fd < 0) {
		free(path);
		return cannot(s->path, "made", err);
	}
	close(fd);
	ok = fill(s, path, err);
	if (ok && renameat2(AT_FDCWD, path, AT_FDCWD, s->path, RENAME_NOREPLACE) < 0)
		ok = cannot(s->path, "made", err);
	if (!ok)
		unlink(path);
	else if (!sync_folder(s->path))
		ok = cannot(s->path, "made", err);
	free(path);
	return ok;
}

/* Nothing here opens the file: closing it again would end SQLite's locks on it. */
static bool check_file(struct weir_store *s, struct weir_err *err)
{
	struct stat st;
	char *wal;
	bool alone;

	if (stat(s->path, &st) == 0) {
		if (!S_ISREG(st.st_mode))
			return weir_err_set(err, s->path, "is not a file");
		if (!st.st_size)
			return store_damaged(s, "it is empty", err);
		if ((st.st_mode & 077) && chmod(s->path, 0600) < 0)
			return cannot(s->path, "kept from others (mode 0600)", err);
		return true;
	}
	if (errno != ENOENT)
		return cannot(s->path, "opened", err);
	if (asprintf(&wal, "%s-wal", s->path) < 0)
		abort();
	alone = access(wal, F_OK) == 0;
	free(wal);
	if (alone) /* with a new file it would be read as part of that */
		return weir_err_set(err, s->path,
				    "is missing, but %s-wal, which is part of it, is there; put it "
				    "back, or move that away",
				    s->path);
	return make(s, err);
}

/* --- opening --- */

static bool check_whole(struct weir_store *s, struct weir_err *err)
{
	sqlite3_stmt *st;
	const char *text;
	bool ok;

	if (sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &st, NULL) != SQLITE_OK)
		return store_fail(s, err);
	ok = sqlite3_step(st) == SQLITE_ROW;
	text = ok ? (const char *)sqlite3_column_text(st, 0) : NULL;
	if (!ok)
		store_fail(s, err);
	else if (!text || strcmp(text, "ok") != 0)
		ok = store_damaged(s, text ? text : "it cannot be checked", err);
	sqlite3_finalize(st);
	return ok;
}

static bool take_file(struct weir_store *s, struct weir_err *err)
{
	if (!connect_to(s, s->path, err))
		return false;
	if (sqlite3_db_readonly(s->db, "main") == 1)
		return weir_err_set(err, s->path,
				    "cannot be written: the file or its disk is read-only");
	/* Exclusive before the log is opened: no other process, and no shared memory, is needed.
	 * The log is kept short, as a small disk must hold both. */
	return store_exec(s,
			  "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
			  "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 256;"
			  "PRAGMA journal_size_limit = 1048576; PRAGMA cell_size_check = ON;"
			  "PRAGMA temp_store = MEMORY; BEGIN EXCLUSIVE; COMMIT",
			  err);
}

bool weir_store_open(const char *path, struct weir_store **out, struct weir_err *err)
{
	struct weir_store *s = weir_new(struct weir_store);

	s->path = strdup(path);
	assert(s->path);
	memset(err, 0, sizeof(*err));
	if (check_file(s, err) && take_file(s, err) && check_whole(s, err) &&
	    store_migrate(s, err) && store_prepare(s, err) &&
	    store_number(s, store_bind(s, SQL_LAST_REVISION, ""), &s->revision, err)) {
		*out = s;
		return true;
	}
	weir_store_close(s);
	*out = NULL;
	return false;
}

void weir_store_close(struct weir_store *s)
{
	if (!s)
		return;
	for (int i = 0; i < SQL_STATEMENTS; i++)
		sqlite3_finalize(s->statements[i]);
	sqlite3_close(s->db);
	free(s->path);
	free(s);
}

/* --- a copy --- */

static bool copy_into(struct weir_store *s, const char *path, struct weir_err *err)
{
	sqlite3_stmt *st;
	bool ok = sqlite3_prepare_v2(s->db, "VACUUM INTO ?", -1, &st, NULL) == SQLITE_OK &&
		  sqlite3_bind_text(st, 1, path, -1, SQLITE_STATIC) == SQLITE_OK &&
		  sqlite3_step(st) == SQLITE_DONE;

	if (!ok) {
		store_fail(s, err);
		snprintf(err->path, sizeof(err->path), "%s", path); /* where the copy went */
		s->full = false;
	}
	sqlite3_finalize(st);
	return ok;
}

bool weir_store_backup(struct weir_store *s, const char *path, struct weir_err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool ok;

	assert(!s->batch);
	if (fd < 0 && errno == EEXIST)
		return weir_err_set(err, path, "is there already; a backup makes a new file");
	if (fd < 0)
		return cannot(path, "made", err);
	close(fd); /* SQLite takes an empty file, whose mode is ours */
	ok = copy_into(s, path, err);
	if (ok && !sync_file(path))
		ok = cannot(path, "made durable", err);
	if (!ok)
		unlink(path);
	return ok;
}
