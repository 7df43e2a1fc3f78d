/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weir.c - weir's own paths that have to do with the store: tokens, history, rollback, backup. They
 * are served on agent.control only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "api/api_impl.h"
#include "api/objects.h"
#include "weir/api.h"

#define BELOW(path)   (path + sizeof(WEIR_API_PREFIX) - 1)
#define SECRET_BYTES  32
#define SECRET_PREFIX "weir_"
#define SECRET_TEXT   (sizeof(SECRET_PREFIX) + (SECRET_BYTES * 8 + 5) / 6)
#define HISTORY_LIMIT 50
#define HISTORY_MAX   1000
#define NAME_MAX_     64

static void __attribute__((format(printf, 3, 4)))
refuse(struct api_request *r, unsigned status, const char *fmt, ...)
{
	struct weir_err err = { 0 };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err.text, sizeof(err.text), fmt, ap);
	va_end(ap);
	r->vendor->fail(r, status, &err);
}

static void refuse_err(struct api_request *r, unsigned status, const struct weir_err *err)
{
	refuse(r, status, "%s%s%s", err->path, err->path[0] ? ": " : "", err->text);
}

static struct api_call *call_of(struct api_request *r)
{
	return (struct api_call *)r; /* its first member */
}

/* NULL: there is none here, said. */
static struct weir_store *store_of(struct api_request *r)
{
	struct weir_store *s = weir_agent_store(r->agent);

	if (!call_of(r)->at->control) {
		refuse(r, MHD_HTTP_NOT_FOUND, "this path is served on agent.control only");
		return NULL;
	}
	if (!s)
		refuse(r, MHD_HTTP_SERVICE_UNAVAILABLE,
		       "there is no store: agent.store is not configured");
	return s;
}

/* A member of the body that is a text; NULL: it is not, said. */
static const char *text_of(struct api_request *r, const char *name)
{
	const char *s = json_string_value(json_object_get(r->body, name));

	if (!s)
		refuse(r, MHD_HTTP_BAD_REQUEST, "%s must be a string", name);
	return s;
}

/* --- tokens --- */

/* RFC 4648, 5, without padding. */
static void secret_text(const uint8_t bytes[SECRET_BYTES], char out[SECRET_TEXT])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char *to = stpcpy(out, SECRET_PREFIX);
	unsigned held = 0, n = 0;

	for (size_t i = 0; i < SECRET_BYTES; i++) {
		held = held << 8 | bytes[i];
		for (n += 8; n >= 6; n -= 6)
			*to++ = digits[held >> (n - 6) & 63];
	}
	if (n)
		*to++ = digits[held << (6 - n) & 63];
	*to = 0;
}

static bool is_name(const char *s)
{
	return *s && strlen(s) <= NAME_MAX_ &&
	       !s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-")];
}

static void create_token(struct api_request *r)
{
	struct weir_store *s = store_of(r);
	const char *name = s ? text_of(r, "name") : NULL;
	const char *scope = name ? text_of(r, "scope") : NULL;
	uint8_t bytes[SECRET_BYTES], hash[WEIR_TOKEN_HASH];
	char secret[SECRET_TEXT];
	struct weir_token token;
	struct weir_err err;

	if (!scope)
		return;
	if (!is_name(name)) {
		refuse(r, MHD_HTTP_BAD_REQUEST, "name must be 1 to %d letters, digits and . _ @ -",
		       NAME_MAX_);
		return;
	}
	if (strcmp(scope, "read") != 0 && strcmp(scope, "write") != 0) {
		refuse(r, MHD_HTTP_BAD_REQUEST, "scope must be read or write");
		return;
	}
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
		refuse(r, MHD_HTTP_INTERNAL_SERVER_ERROR, "the kernel has no random bytes");
		return;
	}
	secret_text(bytes, secret);
	api_hash(secret, hash);
	if (!weir_store_add_token(s, name, hash, strcmp(scope, "write") == 0, r->now_ms, &token,
				  &err)) {
		refuse_err(r, MHD_HTTP_CONFLICT, &err);
		return;
	}
	r->reply = json_pack("{s:I, s:s, s:s, s:s}", "id", (json_int_t)token.id, "name", name,
			     "scope", scope, "token", secret);
	explicit_bzero(secret, sizeof(secret));
	api_audit(r, name);
}

static void list_tokens(struct api_request *r)
{
	struct weir_store *s = store_of(r);
	json_t *tokens;
	struct weir_err err;

	if (!s)
		return;
	if (weir_store_tokens(s, &tokens, &err))
		r->reply = json_pack("{s:o}", "tokens", tokens);
	else
		refuse_err(r, MHD_HTTP_INTERNAL_SERVER_ERROR, &err);
}

static void revoke_token(struct api_request *r)
{
	struct weir_store *s = store_of(r);
	const char *name = api_param(r, "name");
	struct weir_err err = { 0 };

	if (!s)
		return;
	if (!weir_store_revoke_token(s, name, &err)) {
		if (err.text[0])
			refuse_err(r, MHD_HTTP_INTERNAL_SERVER_ERROR, &err);
		else
			refuse(r, MHD_HTTP_NOT_FOUND, "there is no token of this name");
		return;
	}
	api_auth_forget(call_of(r)->api->auth);
	r->reply = json_object();
	api_audit(r, name);
}

/* --- history --- */

/* A whole number of an argument that may be absent. False: it is none, said. */
static bool number_of(struct api_request *r, const char *name, uint64_t most, uint64_t *out)
{
	const char *s = api_arg(r, name);
	char *end;

	if (!s)
		return true;
	*out = strtoull(s, &end, 10);
	if (*s >= '0' && *s <= '9' && !*end && *out >= 1 && *out <= most)
		return true;
	refuse(r, MHD_HTTP_BAD_REQUEST, "%s must be a whole number, 1 to %llu", name,
	       (unsigned long long)most);
	return false;
}

static void show_history(struct api_request *r)
{
	uint64_t before = 0, limit = HISTORY_LIMIT;
	struct weir_store *s = store_of(r);
	json_t *history;
	struct weir_err err;

	if (!s || !number_of(r, "before", INT64_MAX, &before) ||
	    !number_of(r, "limit", HISTORY_MAX, &limit))
		return;
	if (weir_store_history(s, before, (unsigned)limit, &history, &err))
		r->reply = json_pack("{s:I, s:o}", "revision", (json_int_t)weir_store_revision(s),
				     "history", history);
	else
		refuse_err(r, MHD_HTTP_INTERNAL_SERVER_ERROR, &err);
}

static void roll_back(struct api_request *r)
{
	struct weir_store *s = store_of(r);
	const json_t *revision = json_object_get(r->body, "revision");
	json_int_t n = json_integer_value(revision);
	struct api_call *call = call_of(r);
	struct weir_err err;

	if (!s)
		return;
	if (!json_is_integer(revision) || n < 0) {
		refuse(r, MHD_HTTP_BAD_REQUEST, "revision must be a whole number");
		return;
	}
	if (!weir_store_way_back(s, (uint64_t)n, &r->changes, &err)) {
		refuse_err(r, MHD_HTTP_NOT_FOUND, &err);
		return;
	}
	r->n_changes = json_array_size(r->changes);
	snprintf(call->what, sizeof(call->what), "rollback to revision %lld", (long long)n);
	r->reply = json_pack("{s:I, s:I}", "revision", (json_int_t)weir_store_revision(s),
			     "changes", (json_int_t)r->n_changes);
}

static void back_up(struct api_request *r)
{
	struct weir_store *s = store_of(r);
	const char *path = s ? text_of(r, "path") : NULL;
	struct weir_err err;

	if (!path)
		return;
	if (*path != '/') {
		refuse(r, MHD_HTTP_BAD_REQUEST, "path must be absolute");
		return;
	}
	if (!weir_store_backup(s, path, &err)) {
		refuse_err(r, MHD_HTTP_CONFLICT, &err);
		return;
	}
	r->reply = json_pack("{s:s, s:I}", "path", path, "revision",
			     (json_int_t)weir_store_revision(s));
	api_audit(r, path);
}

/* --- as a facade --- */

/* The tables that it is made of do not change. */
static void describe(struct api_request *r)
{
	struct weir_api *api = call_of(r)->api;
	json_t *document;

	if (!api->openapi) {
		document = api_openapi();
		api->openapi = json_dumps(document, JSON_COMPACT);
		json_decref(document);
	}
	r->text = strdup(api->openapi);
	r->content_type = "application/json";
}

static void fail(struct api_request *r, unsigned status, const struct weir_err *err)
{
	char text[sizeof(err->path) + sizeof(err->text) + 2];

	snprintf(text, sizeof(text), "%s%s%s", err->path, err->path[0] ? ": " : "", err->text);
	r->status = status;
	json_decref(r->reply);
	r->reply = json_pack("{s:s}", "error", text);
}

static void unauthorized(struct api_request *r, bool has_one, bool write)
{
	r->status = write ? MHD_HTTP_FORBIDDEN : MHD_HTTP_UNAUTHORIZED;
	r->reply = json_pack("{s:s}", "error",
			     write     ? "this token may only read"
			     : has_one ? "there is no such token"
				       : "a token is needed: Authorization: Bearer TOKEN");
	if (!write)
		api_add_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
}

static const struct api_route routes[] = {
	{ "GET", BELOW(WEIR_API_OPENAPI), "This document", .serve = describe },
	{ "GET", BELOW(WEIR_API_TOKENS), "List tokens", .response = "Tokens", .serve = list_tokens,
	  .alone = true },
	{ "POST", BELOW(WEIR_API_TOKENS), "Create a token", .request = "NewToken",
	  .response = "Token", .serve = create_token },
	{ "DELETE", BELOW(WEIR_API_TOKENS "/{name}"), "Revoke a token", .serve = revoke_token },
	{ "GET", BELOW(WEIR_API_HISTORY), "What was changed, newest first", .query = "before limit",
	  .response = "History", .serve = show_history, .alone = true },
	{ "GET", BELOW(WEIR_API_EVENTS), "What happened to pools and origins, newest first",
	  .query = "after limit pool", .response = "Events", .serve = api_events, .alone = true },
	{ "POST", BELOW(WEIR_API_ROLLBACK), "Make objects what they were", .request = "Rollback",
	  .response = "RolledBack", .serve = roll_back },
	{ "POST", BELOW(WEIR_API_BACKUP), "Copy the store", .request = "Backup", .serve = back_up },
	{ "GET", BELOW(WEIR_API_OBJECTS), "List objects of all kinds", .response = "Objects",
	  .serve = api_objects_all },
	{ "GET", BELOW(WEIR_API_OBJECTS "/{kind}"), "List objects", .response = "Objects",
	  .serve = api_objects_of_kind },
	{ "POST", BELOW(WEIR_API_OBJECTS "/{kind}"), "Create an object", .request = "Body",
	  .response = "Changed", .serve = api_objects_create },
	{ "GET", BELOW(WEIR_API_OBJECTS "/{kind}/{id}"), "Show an object", .response = "Object",
	  .serve = api_objects_one },
	{ "PUT", BELOW(WEIR_API_OBJECTS "/{kind}/{id}"), "Replace an object", .request = "Body",
	  .response = "Changed", .serve = api_objects_replace },
	{ "PATCH", BELOW(WEIR_API_OBJECTS "/{kind}/{id}"), "Edit an object", .request = "Body",
	  .response = "Changed", .serve = api_objects_edit },
	{ "DELETE", BELOW(WEIR_API_OBJECTS "/{kind}/{id}"), "Remove an object",
	  .response = "Changed", .serve = api_objects_remove },
	{ "POST", BELOW(WEIR_API_CHANGES), "Change several objects, all or none",
	  .request = "Changes", .response = "Changed", .serve = api_objects_change },
	{ 0 },
};

/* A schema as a text, since that is the shorter one to read. */
static json_t *schema(const char *name)
{
	static const char *const texts[][2] = {
		{ "NewToken", "{'type':'object','required':['name','scope'],'properties':{"
			      "'name':{'type':'string','minLength':1,'maxLength':64},"
			      "'scope':{'enum':['read','write']}}}" },
		{ "Token", "{'type':'object','properties':{'id':{'type':'integer'},"
			   "'name':{'type':'string'},'scope':{'enum':['read','write']},"
			   "'token':{'type':'string'}}}" },
		{ "Tokens",
		  "{'type':'object','properties':{'tokens':{'type':'array','items':{"
		  "'type':'object','properties':{'id':{'type':'integer'},"
		  "'name':{'type':'string'},'scope':{'enum':['read','write']},"
		  "'created':{'type':'integer'},'used':{'type':['integer','null']}}}}}}" },
		{ "History", "{'type':'object','properties':{'revision':{'type':'integer'},"
			     "'history':{'type':'array','items':{'type':'object'}}}}" },
		{ "Rollback", "{'type':'object','required':['revision'],'properties':{"
			      "'revision':{'type':'integer','minimum':0}}}" },
		{ "RolledBack", "{'type':'object','properties':{'revision':{'type':'integer'},"
				"'changes':{'type':'integer'}}}" },
		{ "Events", "{'type':'object','properties':{'events':{'type':'array','items':{"
			    "'type':'object'}}}}" },
		{ "Body", "{'type':'object'}" },
		{ "Object",
		  "{'type':'object','required':['kind','id','file','object'],'properties':{"
		  "'kind':{'type':'string'},'id':{'type':'string'},"
		  "'file':{'type':'boolean'},'object':{'type':'object'}}}" },
		{ "Objects", "{'type':'object','properties':{'objects':{'type':'array','items':{"
			     "'$ref':'#/components/schemas/weir.Object'}}}}" },
		{ "Changed",
		  "{'type':'object','properties':{'kind':{'type':'string'},'id':{'type':'string'},"
		  "'changes':{'type':'integer'},'revision':{'type':'integer'},"
		  "'notes':{'type':'array','items':{'type':'object'}}}}" },
		{ "Changes",
		  "{'type':'object','required':['changes'],'properties':{'changes':{'type':'array',"
		  "'items':{'type':'object','required':['kind','id','object'],'properties':{"
		  "'kind':{'type':'string'},'id':{'type':'string'},"
		  "'object':{'type':['object','null']}}}}}}" },
		{ "Backup", "{'type':'object','required':['path'],'properties':{"
			    "'path':{'type':'string'}}}" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(texts[i][0], name) == 0)
			return api_schema(texts[i][1]);
	return NULL;
}

/* Those without a parameter, each once. */
void api_weir_paths(json_t *paths)
{
	const char *last = "";
	char path[128];

	for (const struct api_route *route = routes; route->method; route++) {
		if (strchr(route->path, '{') || strcmp(route->path, last) == 0)
			continue;
		snprintf(path, sizeof(path), "%s%s", api_weir.prefix, route->path);
		json_array_append_new(paths, json_string(path));
		last = route->path;
	}
}

const struct api_vendor api_weir = {
	.name = "weir",
	.prefix = WEIR_API_PREFIX,
	.token = api_bearer,
	.unauthorized = unauthorized,
	.fail = fail,
	.changed = api_objects_changed,
	.routes = routes,
	.schema = schema,
};
