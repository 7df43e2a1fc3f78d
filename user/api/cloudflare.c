/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloudflare.c - the Cloudflare API: who asks, and the envelope that every reply is in. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/cloudflare_impl.h"

#define MESSAGES_MAX 50

/* --- the envelope --- */

/* It is made by the first who has something to put in. */
static json_t *envelope(struct api_request *r)
{
	if (!r->reply)
		r->reply = json_pack("{s:n, s:b, s:[], s:[]}", "result", "success", true, "errors",
				     "messages");
	return r->reply;
}

void cf_reply(struct api_request *r, json_t *result)
{
	json_object_set_new(envelope(r), "result", result);
	r->status = 200;
}

/* A text may be cut within a character, and a path may hold anything. */
static json_t *said(enum cf_code code, char *text)
{
	json_t *s = json_string(text);

	for (char *c = text; !s && *c; c++)
		if (*c & 0x80)
			*c = '?';
	return json_pack("{s:i, s:o}", "code", (int)code, "message", s ? s : json_string(text));
}

static void add_error(struct api_request *r, unsigned status, enum cf_code code,
		      const char *pointer, char *text)
{
	json_t *e = said(code, text);

	if (pointer && *pointer)
		json_object_set_new(e, "source", json_pack("{s:s}", "pointer", pointer));
	json_array_append_new(json_object_get(envelope(r), "errors"), e);
	json_object_set_new(r->reply, "success", json_false());
	json_object_set_new(r->reply, "result", json_null());
	json_object_del(r->reply, "result_info");
	r->status = status;
}

bool cf_fail(struct api_request *r, unsigned status, enum cf_code code, const char *pointer,
	     const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add_error(r, status, code, pointer, text);
	return false;
}

bool cf_invalid(struct api_request *r, const char *pointer, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return cf_fail(r, 400, CF_INVALID, pointer, "%s: validation failed", text);
}

void cf_say(struct api_request *r, enum cf_code code, const char *fmt, ...)
{
	json_t *all = json_object_get(envelope(r), "messages");
	char text[1024];
	va_list ap;

	if (json_array_size(all) >= MESSAGES_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(all, said(code, text));
}

/* --- who asks --- */

static const char *bearer(const struct api_request *r)
{
	const char *s = api_header(r, "Authorization");

	if (!s || strncasecmp(s, "Bearer ", 7) != 0)
		return NULL;
	s += 7 + strspn(s + 7, " ");
	return *s ? s : NULL;
}

/* Keys and tokens are the same here: one of them, in the header that the client has for it. */
static const char *token(const struct api_request *r)
{
	const char *s = bearer(r);

	if (!s)
		s = api_header(r, "X-Auth-Key");
	if (!s)
		s = api_header(r, "X-Auth-User-Service-Key");
	return s && *s ? s : NULL;
}

static void bad_headers(struct api_request *r)
{
	json_t *error;

	cf_fail(r, 400, CF_BAD_HEADERS, NULL, "Invalid request headers");
	error = json_array_get(json_object_get(r->reply, "errors"), 0);
	json_object_set_new(error, "error_chain",
			    json_pack("[{s:i, s:s}]", "code", CF_BAD_AUTHORIZATION, "message",
				      "Invalid format for Authorization header: it is Bearer and a "
				      "token"));
}

static bool is_verification(const struct api_request *r)
{
	return r->n_segments >= 2 && !strcmp(r->segments[r->n_segments - 1], "verify") &&
	       !strcmp(r->segments[r->n_segments - 2], "tokens");
}

static void unauthorized(struct api_request *r, bool has_one, bool write)
{
	if (write)
		cf_fail(r, 403, CF_AUTHENTICATION, NULL,
			"Authentication error: this token may only read");
	else if (has_one && is_verification(r))
		cf_fail(r, 401, 1000, NULL, "Invalid API Token");
	else if (has_one)
		cf_fail(r, 403, CF_AUTHENTICATION, NULL, "Authentication error");
	else if (api_header(r, "Authorization"))
		bad_headers(r);
	else
		cf_fail(r, 400, CF_NO_CREDENTIAL, NULL,
			"Missing X-Auth-Key, X-Auth-Email or Authorization headers");
}

/* --- what the server says --- */

static void fail(struct api_request *r, unsigned status, const struct weir_err *err)
{
	if (status == 400) {
		cf_fail(r, status, CF_BAD_JSON, NULL, "Malformed JSON in request body: %s",
			err->text);
	} else if (status == 404) {
		cf_fail(r, status, CF_NO_ROUTE, NULL,
			"Could not route to %s, perhaps your object identifier is invalid?",
			r->path);
		cf_fail(r, status, 7000, NULL, "No route for that URI");
	} else {
		cf_fail(r, status, (enum cf_code)(10000 + status), NULL, "%s", err->text);
	}
}

/* "origins[0].name" as "/origins/0/name". */
static void pointer_of(const char *path, char out[CF_NAME])
{
	size_t n = 0;

	for (const char *c = path; *c && n < CF_NAME - 2; c++) {
		if (c == path || *c == '.' || *c == '[')
			out[n++] = '/';
		if (*c != '.' && *c != '[' && *c != ']')
			out[n++] = *c;
	}
	out[n] = 0;
}

/* DNS records have codes of their own. */
static enum cf_code code_of(const struct api_request *r, const struct weir_changed *result)
{
	if (!r->route || !strstr(r->route->path, "dns_records"))
		return CF_INVALID;
	if (!strstr(result->err.path, "content"))
		return CF_DNS_INVALID;
	return strstr(result->err.text, " already") ? CF_RECORD_EXISTS : CF_DNS_CONTENT;
}

static void refuse(struct api_request *r, const struct weir_changed *result)
{
	const char *text = result->err.text;
	char pointer[2 * CF_NAME] = "";

	if (r->route && strstr(r->route->path, "/batch"))
		cf_batch_place(r, result->which, pointer);
	pointer_of(result->err.path, pointer + strlen(pointer));
	switch (result->refused) {
	case WEIR_REFUSED_INVALID:
		cf_fail(r, 400, code_of(r, result), pointer, "%s%s%s: validation failed",
			result->err.path, *result->err.path ? " " : "", text);
		break;
	case WEIR_REFUSED_FILES:
		cf_fail(r, 400, CF_OF_FILE, NULL, "%s", text);
		break;
	case WEIR_REFUSED_IN_USE:
		cf_fail(r, 412, CF_IN_USE, NULL,
			"This object is referenced by other objects, and cannot be deleted: %s",
			text);
		break;
	default: /* STORE and APPLY: nothing that another try soon would change */
		api_add_header(r, "x-should-retry", "false");
		cf_fail(r, 500, CF_SERVER, NULL, "the change was not made: %s", text);
	}
}

static void changed(struct api_request *r, const struct weir_changed *result)
{
	const json_t *note;
	size_t i;

	if (result->refused) {
		refuse(r, result);
		return;
	}
	json_array_foreach(result->notes, i, note)
	{
		cf_say(r, CF_NOTE, "%s: %s", cf_text(note, "path"), cf_text(note, "text"));
	}
}

const struct api_vendor api_cloudflare = {
	.name = "cloudflare",
	.prefix = "/client/v4/",
	.token = token,
	.unauthorized = unauthorized,
	.fail = fail,
	.changed = changed,
	.routes = cf_routes,
	.schema = cf_schema,
};
