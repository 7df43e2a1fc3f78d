/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dnsimple.c - the API of DNSimple: its routes, errors and headers, and who asks. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/dnsimple_impl.h"
#include "base/hash.h"

#define HASHED     (1ll << 52)
#define HOUR_S     3600
#define RATE_LIMIT "2400"

/* --- replies --- */

static void set_reply(struct api_request *r, unsigned status, json_t *reply)
{
	char reset[24];

	json_decref(r->reply);
	r->reply = reply;
	r->status = status;
	/* No rate is enforced: there is always as much left as there was. */
	snprintf(reset, sizeof(reset), "%" PRIu64, r->now_ms / 1000 / HOUR_S * HOUR_S + HOUR_S);
	json_decref(r->headers);
	r->headers = NULL;
	api_add_header(r, "X-RateLimit-Limit", RATE_LIMIT);
	api_add_header(r, "X-RateLimit-Remaining", RATE_LIMIT);
	api_add_header(r, "X-RateLimit-Reset", reset);
}

void dnsimple_refuse(struct api_request *r, unsigned status, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	set_reply(r, status, json_pack("{s:o}", "message", api_text(text)));
}

json_t *dnsimple_invalid(const char *field, const char *text)
{
	return json_pack("{s:s, s:{s:[o]}}", "message", "Validation failed", "errors", field,
			 api_text(text));
}

void dnsimple_refuse_field(struct api_request *r, const char *field, const char *text)
{
	set_reply(r, 400, dnsimple_invalid(field, text));
}

void dnsimple_refuse_with(struct api_request *r, unsigned status, json_t *errors)
{
	set_reply(r, status, errors);
}

void dnsimple_reply(struct api_request *r, unsigned status, json_t *data)
{
	set_reply(r, status, data ? json_pack("{s:o}", "data", data) : NULL);
}

/* --- what the server has a reply for --- */

static const char *token_of(const struct api_request *r)
{
	const char *v = api_header(r, "Authorization");

	return v && strncasecmp(v, "Bearer ", 7) == 0 ? v + 7 + strspn(v + 7, " ") : NULL;
}

static void unauthorized(struct api_request *r, bool has_one, bool write)
{
	if (has_one && write)
		dnsimple_refuse(r, 403, "The token may read only");
	else
		dnsimple_refuse(r, 401, "Authentication failed");
}

static void fail(struct api_request *r, unsigned status, const struct weir_err *err)
{
	if (err && err->text[0])
		dnsimple_refuse(r, status, "%s%s%s", err->path, err->path[0] ? ": " : "",
				err->text);
	else
		dnsimple_refuse(r, status, "%s",
				status == 404   ? "There is no such operation here"
				: status == 405 ? "This method is none of this path"
				: status == 413 ? "The body is too large"
				: status == 429 ? "quota exceeded"
				: status == 503
					? "Nothing can be kept: agent.store is not configured"
					: "This did not work");
}

const char *dnsimple_field(const char *path, char out[64])
{
	size_t n = strcspn(path, "[.");

	snprintf(out, 64, "%.*s", n < 63 ? (int)n : 63, path);
	return strcmp(out, "type") == 0 ? "record_type" : *out ? out : "base";
}

static void changed(struct api_request *r, const struct weir_changed *result)
{
	char field[64], text[512];

	switch (result->refused) {
	case WEIR_REFUSED_NOT:
		return;
	case WEIR_REFUSED_INVALID:
		if (r->route->serve == dnsimple_batch)
			dnsimple_batch_refused(r, result);
		else
			dnsimple_refuse_field(
				r, dnsimple_field(result->err.path, field),
				api_reword(result->err.text, "records", "another record", text));
		return;
	case WEIR_REFUSED_FILES:
		dnsimple_refuse(r, 403, "This %s", result->err.text);
		return;
	case WEIR_REFUSED_IN_USE:
		dnsimple_refuse(r, 412, "%s", result->err.text);
		return;
	case WEIR_REFUSED_STORE:
	case WEIR_REFUSED_APPLY:
		break;
	}
	dnsimple_refuse(r, 500, "%s: %s", result->err.path, result->err.text);
}

/* --- numbers, names and times --- */

json_int_t dnsimple_parse_number(const char *text)
{
	json_int_t n = 0;

	if (!text || !*text || strlen(text) > 16)
		return -1;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return -1;
		n = n * 10 + (*text - '0');
	}
	return n;
}

bool dnsimple_id_of(json_int_t number, char out[DNSIMPLE_ID])
{
	snprintf(out, DNSIMPLE_ID, "%032" PRIx64, (uint64_t)number);
	return number >= 0 && number < HASHED;
}

json_int_t dnsimple_number(const char *id)
{
	if (strlen(id) == DNSIMPLE_ID - 1 && strspn(id, "0") >= DNSIMPLE_ID - 1 - 13 &&
	    strspn(id, "0123456789abcdef") == DNSIMPLE_ID - 1)
		return strtoll(id, NULL, 16);
	return HASHED | (json_int_t)(weir_hash_bytes(0, id, strlen(id)) & (HASHED - 1));
}

/* The wall clock in ms, and where there are objects of that number (many in one ms) the next. */
void dnsimple_new_id(const struct api_request *r, const char *kind, char out[DNSIMPLE_ID])
{
	const json_t *last = json_array_get(r->changes, json_array_size(r->changes) - 1);
	const char *former = json_string_value(json_object_get(last, "id"));
	json_int_t taken = former ? dnsimple_number(former) : HASHED;
	uint64_t n = r->now_ms;

	if (!(taken & HASHED) && (uint64_t)taken >= n)
		n = (uint64_t)taken + 1;
	do {
		snprintf(out, DNSIMPLE_ID, "%032" PRIx64, n++);
	} while (weir_agent_object(r->agent, kind, out));
}

const char *dnsimple_domain(const char *name, char out[DNSIMPLE_NAME])
{
	size_t n = 0;

	for (; name && name[n] && n < DNSIMPLE_NAME - 1; n++) /* of every record in a list */
		out[n] = name[n] >= 'A' && name[n] <= 'Z' ? (char)(name[n] | 0x20) : name[n];
	n -= n > 1 && out[n - 1] == '.';
	out[n] = 0;
	return out;
}

json_t *dnsimple_time(const json_t *body, const char *key)
{
	const char *s = json_string_value(json_object_get(body, key));
	char out[32];

	if (!s || strlen(s) < 19)
		return json_string("1970-01-01T00:00:00Z");
	snprintf(out, sizeof(out), "%.19sZ", s);
	return json_string(out);
}

/* --- who asks --- */

bool dnsimple_account(struct api_request *r)
{
	const char *account = api_param(r, "account");

	if (dnsimple_parse_number(account) == DNSIMPLE_ACCOUNT)
		return true;
	dnsimple_refuse(r, 404, "Account `%s` not found", account ? account : "");
	return false;
}

static json_t *show_account(const struct api_request *r)
{
	char since[32];

	api_time(r->token.created_ms, 0, since);
	return json_pack("{s:i, s:s, s:s, s:s, s:s, s:s}", "id", DNSIMPLE_ACCOUNT, "email",
			 r->token.name, "name", r->account_name ? r->account_name : "",
			 "plan_identifier", "weir", "created_at", since, "updated_at", since);
}

static void whoami(struct api_request *r)
{
	dnsimple_reply(r, 200, json_pack("{s:n, s:o}", "user", "account", show_account(r)));
}

static void accounts(struct api_request *r)
{
	dnsimple_reply(r, 200, json_pack("[o]", show_account(r)));
}

/* --- routes --- */

#define PAGED  "page per_page sort"
#define ZONE   "{account}/zones/{zone}"
#define RECORD ZONE "/records/{record}"

/* By position: method, path, summary, query, request, response, function. */
#define ROUTE(m, p, s, q, in, out, fn)                                                            \
	{                                                                                         \
		.method = m, .path = p, .summary = s, .query = q, .request = in, .response = out, \
		.serve = fn                                                                       \
	}

static const struct api_route routes[] = {
	ROUTE("GET", "whoami", "Whose token this is", NULL, NULL, "WhoamiReply", whoami),
	ROUTE("GET", "accounts", "List accounts", NULL, NULL, "AccountsReply", accounts),
	ROUTE("GET", "{account}/domains", "List domains", PAGED " name_like", NULL, "DomainsReply",
	      dnsimple_list_domains),
	ROUTE("POST", "{account}/domains", "Create a domain with its zone", NULL, "DomainCreate",
	      "DomainReply", dnsimple_create_domain),
	ROUTE("GET", "{account}/domains/{zone}", "Show a domain", NULL, NULL, "DomainReply",
	      dnsimple_get_domain),
	ROUTE("DELETE", "{account}/domains/{zone}", "Delete a domain and all of its records", NULL,
	      NULL, "Nothing", dnsimple_delete_domain),
	ROUTE("GET", "{account}/zones", "List zones", PAGED " name_like", NULL, "ZonesReply",
	      dnsimple_list_zones),
	ROUTE("GET", ZONE, "Show a zone", NULL, NULL, "ZoneReply", dnsimple_get_zone),
	ROUTE("GET", ZONE "/file", "A zone as a file", NULL, NULL, "ZoneFileReply",
	      dnsimple_zone_file),
	ROUTE("GET", ZONE "/distribution", "Whether all changes of a zone are served", NULL, NULL,
	      "DistributionReply", dnsimple_distribution),
	ROUTE("PUT", ZONE "/activation", "Serve a zone", NULL, NULL, "ZoneReply",
	      dnsimple_activate),
	ROUTE("DELETE", ZONE "/activation", "Serve a zone no more", NULL, NULL, "ZoneReply",
	      dnsimple_deactivate),
	ROUTE("PUT", ZONE "/ns_records", "Set the name servers of a zone", NULL, "NsRecords",
	      "RecordsReply", dnsimple_set_ns),
	ROUTE("GET", ZONE "/records", "List records", PAGED " name name_like type", NULL,
	      "RecordsReply", dnsimple_get_records),
	ROUTE("POST", ZONE "/records", "Create a record", NULL, "RecordCreate", "RecordReply",
	      dnsimple_create_record),
	ROUTE("GET", RECORD, "Show a record", NULL, NULL, "RecordReply", dnsimple_get_record),
	ROUTE("PATCH", RECORD, "Edit a record", NULL, "RecordEdit", "RecordReply",
	      dnsimple_patch_record),
	ROUTE("DELETE", RECORD, "Delete a record", NULL, NULL, "Nothing", dnsimple_delete_record),
	ROUTE("GET", RECORD "/distribution", "Whether a change of a record is served", NULL, NULL,
	      "DistributionReply", dnsimple_record_distribution),
	ROUTE("POST", ZONE "/batch", "Delete, edit and create records, all or none", NULL, "Batch",
	      "BatchReply", dnsimple_batch),
	{ 0 },
};

const struct api_vendor api_dnsimple = {
	.name = "dnsimple",
	.prefix = "/v2/",
	.token = token_of,
	.basic = true,
	.unauthorized = unauthorized,
	.fail = fail,
	.changed = changed,
	.routes = routes,
	.schema = dnsimple_schema,
};
