/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tokens.c - who may ask. What a client sends is never here: only its SHA-256 is. */
#include "store/store_impl.h"

#include <string.h>

#define HOUR_MS 3600000u

static bool check_name(const char *name, struct weir_err *err)
{
	size_t len = strlen(name);

	if (!len || len >= sizeof(((struct weir_token *)0)->name))
		return weir_err_set(err, "name", "must be 1 to 64 bytes long");
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
			return weir_err_set(err, "name", "must not hold control characters");
	return true;
}

bool weir_store_add_token(struct weir_store *s, const char *name,
			  const uint8_t hash[WEIR_TOKEN_HASH], bool may_write, uint64_t now_ms,
			  struct weir_token *out, struct weir_err *err)
{
	bool ok;

	if (!check_name(name, err) || !store_begin(s, err))
		return false;
	ok = store_run(s,
		       store_bind(s, SQL_PUT_TOKEN, "sbii", name, hash, (size_t)WEIR_TOKEN_HASH,
				  (uint64_t)may_write, now_ms),
		       err);
	if (ok && !sqlite3_changes(s->db))
		ok = weir_err_set(err, "name", "is another token's already: %s", name);
	if (!store_end(s, ok, err))
		return false;
	*out = (struct weir_token){ .id = (uint64_t)sqlite3_last_insert_rowid(s->db),
				    .may_write = may_write,
				    .created_ms = now_ms };
	strcpy(out->name, name);
	return true;
}

/* Takes as long whatever they are. */
static bool is_same(const uint8_t *a, const uint8_t *b)
{
	volatile uint8_t other = 0;

	for (size_t i = 0; i < WEIR_TOKEN_HASH; i++)
		other |= a[i] ^ b[i];
	return !other;
}

static void read_token(sqlite3_stmt *st, struct weir_token *t)
{
	const char *name = (const char *)sqlite3_column_text(st, 1);

	*t = (struct weir_token){ .id = (uint64_t)sqlite3_column_int64(st, 0),
				  .may_write = sqlite3_column_int(st, 3),
				  .created_ms = (uint64_t)sqlite3_column_int64(st, 4),
				  .used_ms = (uint64_t)sqlite3_column_int64(st, 5) };
	strncpy(t->name, name ? name : "", sizeof(t->name) - 1);
}

/* A disk that is full keeps nobody out: that it was used is then not kept. */
static void note_use(struct weir_store *s, struct weir_token *t, uint64_t now_ms)
{
	uint64_t hour = now_ms - now_ms % HOUR_MS;
	struct weir_err err;
	bool ok;

	if (t->used_ms == hour || !hour || !store_begin(s, &err))
		return;
	ok = store_run(s, store_bind(s, SQL_TOKEN_USED, "ii", hour, t->id), &err);
	if (store_end(s, ok, &err))
		t->used_ms = hour;
}

bool weir_store_find_token(struct weir_store *s, const uint8_t hash[WEIR_TOKEN_HASH],
			   uint64_t now_ms, struct weir_token *out, struct weir_err *err)
{
	sqlite3_stmt *st = store_bind(s, SQL_TOKENS, "");
	bool found = false;
	const void *its;
	int n;

	err->path[0] = err->text[0] = '\0';
	/* All of them, so that the time does not tell which one it was. */
	while ((n = store_step(s, st, err)) > 0) {
		its = sqlite3_column_blob(st, 2);
		if (!its || sqlite3_column_bytes(st, 2) != WEIR_TOKEN_HASH || !is_same(its, hash))
			continue;
		read_token(st, out);
		found = true;
	}
	if (n < 0 || !found)
		return false;
	note_use(s, out, now_ms);
	return true;
}

bool weir_store_revoke_token(struct weir_store *s, const char *name, struct weir_err *err)
{
	bool ok;

	if (!store_begin(s, err))
		return false;
	ok = store_run(s, store_bind(s, SQL_DROP_TOKEN, "s", name), err);
	if (ok && !sqlite3_changes(s->db)) {
		store_end(s, true, err);
		err->path[0] = err->text[0] = '\0';
		return false;
	}
	return store_end(s, ok, err);
}

bool weir_store_tokens(struct weir_store *s, json_t **out, struct weir_err *err)
{
	sqlite3_stmt *st = store_bind(s, SQL_TOKENS, "");
	struct weir_token t;
	int n;

	*out = json_array();
	while ((n = store_step(s, st, err)) > 0) {
		read_token(st, &t);
		json_array_append_new(
			*out,
			json_pack("{s:I, s:s, s:s, s:I, s:o}", "id", (json_int_t)t.id, "name",
				  t.name, "scope", t.may_write ? "write" : "read", "created",
				  (json_int_t)t.created_ms, "used",
				  t.used_ms ? json_integer((json_int_t)t.used_ms) : json_null()));
	}
	if (n == 0)
		return true;
	json_decref(*out);
	*out = NULL;
	return false;
}
