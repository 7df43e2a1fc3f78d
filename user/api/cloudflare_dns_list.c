/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloudflare_dns_list.c - lists of DNS records: which, in what order; and many changes at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/cloudflare_dns.h"

/* --- filters --- */

/* How many there are, and how many the record fits. */
struct filters {
	unsigned given, held;
};

static void judge(struct filters *f, bool holds)
{
	f->given++;
	f->held += holds;
}

static bool ends(const char *s, const char *end)
{
	size_t n = strlen(s), e = strlen(end);

	return n >= e && strcasecmp(s + n - e, end) == 0;
}

static bool fits(const char *s, const char *how, const char *want)
{
	if (strcmp(how, "contains") == 0)
		return strcasestr(s, want);
	if (strcmp(how, "startswith") == 0)
		return strncasecmp(s, want, strlen(want)) == 0;
	if (strcmp(how, "endswith") == 0)
		return ends(s, want);
	return strcasecmp(s, want) == 0;
}

/* Whether one of its tags, or (name) what is before the colon of one, is like this. */
static bool has_tag(const json_t *record, const char *how, const char *want, bool name)
{
	const json_t *tag;
	size_t i, n = strlen(want);

	json_array_foreach(json_object_get(record, "tags"), i, tag)
	{
		const char *s = json_string_value(tag);

		if (!s)
			continue;
		if (name ? strncasecmp(s, want, n) == 0 && (!s[n] || s[n] == ':')
			 : fits(s, how, want))
			return true;
	}
	return false;
}

static bool is_how(const char *how)
{
	static const char *const hows[] = { "", "exact", "contains", "startswith", "endswith" };

	for (size_t i = 0; i < sizeof(hows) / sizeof(hows[0]); i++)
		if (strcmp(how, hows[i]) == 0)
			return true;
	return false;
}

static bool has_text(const json_t *record, const char *name, const char *want)
{
	return strcasestr(name, want) || strcasestr(cf_text(record, "content"), want) ||
	       strcasestr(cf_text(record, "comment"), want) ||
	       has_tag(record, "contains", want, false);
}

/* One argument of the query, as in comment.contains=: field and how. */
static void judge_arg(const json_t *record, const char *name, const char *field, const char *how,
		      const char *want, struct filters *f, struct filters *tags)
{
	bool present = strcmp(how, "present") == 0, absent = strcmp(how, "absent") == 0;

	if (strcmp(field, "tag") == 0 && (present || absent))
		judge(tags, has_tag(record, "", want, true) == present);
	else if (strcmp(field, "comment") == 0 && (present || absent))
		judge(f, (*cf_text(record, "comment") != 0) == present);
	else if (!*want || !is_how(how))
		return;
	else if (strcmp(field, "tag") == 0)
		judge(tags, has_tag(record, how, want, false));
	else if (strcmp(field, "name") == 0)
		judge(f, fits(name, how, want));
	else if (strcmp(field, "content") == 0 || strcmp(field, "type") == 0 ||
		 strcmp(field, "comment") == 0)
		judge(f, fits(cf_text(record, field), how, want));
	else if (strcmp(field, "proxied") == 0)
		judge(f, json_is_true(json_object_get(record, "proxied")) ==
				 (strcmp(want, "true") == 0));
	else if (strcmp(field, "search") == 0)
		judge(f, has_text(record, name, want));
}

/* All filters hold, or one is enough. */
static bool is_enough(const struct filters *f, const char *match)
{
	return f->held == f->given || (f->held && match && strcmp(match, "any") == 0);
}

static bool passes(const struct api_request *r, const json_t *record, const char *name)
{
	struct filters f = { 0 }, tags = { 0 };
	char field[64];
	const char *key;
	json_t *v;

	json_object_foreach(r->args, key, v)
	{
		const char *want = api_arg(r, key), *how = strchr(key, '.');

		snprintf(field, sizeof(field), "%.*s", (int)strcspn(key, "."), key);
		judge_arg(record, name, field, how ? how + 1 : "", want ? want : "", &f, &tags);
	}
	if (tags.given)
		judge(&f, is_enough(&tags, api_arg(r, "tag_match")));
	return is_enough(&f, api_arg(r, "match"));
}

bool cf_concerns_record(const struct api_request *r, const json_t *record)
{
	const char *given = cf_text(record, "name");
	char name[CF_NAME];

	if (cf_zone_of(r, given) != cf_zone(r))
		return false;
	return !json_object_size(r->args) || passes(r, record, cf_domain(given, name));
}

/* --- order --- */

struct keyed {
	const json_t *record;
	const char *text;
	json_int_t number;
	size_t nth;
	int sign;
};

static int compare(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;
	int by = x->number != y->number ? (x->number < y->number ? -1 : 1)
					: strcasecmp(x->text, y->text);

	return by ? by * x->sign : x->nth < y->nth ? -1 : 1;
}

/* By a field of them, else as they are; NULL: none is asked for. */
static void sort(struct cf_found *f, const char *field, bool descending)
{
	struct keyed *all = weir_new_array(f->n, struct keyed);

	for (size_t i = 0; i < f->n; i++) {
		const json_t *v = json_object_get(f->all[i], field ? field : "");

		all[i] = (struct keyed){ .record = f->all[i],
					 .text = json_is_string(v) ? json_string_value(v) : "",
					 .number = json_is_true(v) ? 1 : json_integer_value(v),
					 .nth = i,
					 .sign = descending ? -1 : 1 };
		if (!field)
			all[i].number = (json_int_t)i;
	}
	if (f->n)
		qsort(all, f->n, sizeof(*all), compare);
	for (size_t i = 0; i < f->n; i++)
		f->all[i] = all[i].record;
	free(all);
}

void cf_list_records(struct api_request *r, const struct cf_kind *k)
{
	static const char *const orders[] = { "type", "name", "content", "ttl", "proxied" };
	const char *order = api_arg(r, "order"), *direction = api_arg(r, "direction");
	bool descending = direction && strcmp(direction, "desc") == 0;
	const char *field = NULL;
	struct cf_found found;

	cf_found(r, k, &found);
	for (size_t i = 0; order && i < sizeof(orders) / sizeof(orders[0]); i++)
		if (strcmp(order, orders[i]) == 0)
			field = orders[i];
	if (field || descending)
		sort(&found, field, descending);
	cf_reply_found(r, k, &found, 100, 1, 5000000);
}

/* --- one record --- */

/* New, in the place of was, or (edit) was with what from says. The record as it is shown, the
 * caller's; NULL: the reply says why not. */
static json_t *store(struct api_request *r, const json_t *from, const json_t *was, bool edit)
{
	json_t *taken = cf_take_record(r, from, was);
	json_t *body = taken ? cf_body(r, &cf_records, taken, was, edit) : NULL, *shown;

	if (!body)
		return NULL;
	shown = cf_show(r, &cf_records, body);
	api_change(r, "record", cf_text(body, "id"), body);
	return shown;
}

static void store_one(struct api_request *r, const json_t *was, bool edit)
{
	json_t *shown = store(r, r->body, was, edit);

	if (shown)
		cf_reply(r, shown);
}

void cf_create_record(struct api_request *r, const struct cf_kind *k)
{
	(void)k;
	store_one(r, NULL, false);
}

void cf_replace_record(struct api_request *r, const struct cf_kind *k)
{
	const json_t *was = cf_find(r, k);

	if (was)
		store_one(r, was, false);
}

void cf_edit_record(struct api_request *r, const struct cf_kind *k)
{
	const json_t *was = cf_find(r, k);

	if (was)
		store_one(r, was, true);
}

/* --- many at once --- */

enum part {
	DELETES,
	PATCHES,
	PUTS,
	POSTS,
	PARTS
};

static const char *const parts[PARTS] = { "deletes", "patches", "puts", "posts" };

/* What an item of a batch becomes, shown; NULL: the reply says why not. */
static json_t *do_item(struct api_request *r, enum part part, const json_t *item)
{
	const char *id = cf_text(item, "id");
	const json_t *was;
	json_t *shown;

	if (part == POSTS)
		return store(r, item, NULL, false);
	was = cf_record(r, id);
	if (!json_is_object(was) || cf_zone_of(r, cf_text(was, "name")) != cf_zone(r)) {
		cf_fail(r, 404, CF_NO_RECORD, NULL, "Record does not exist: \"%s\"", id);
		return NULL;
	}
	if (part != DELETES)
		return store(r, item, was, part == PATCHES);
	shown = cf_show(r, &cf_records, was);
	api_change(r, "record", id, NULL);
	return shown;
}

void cf_batch_place(const struct api_request *r, size_t which, char out[CF_NAME])
{
	*out = 0;
	for (unsigned part = 0; part < PARTS; part++) {
		size_t n = json_array_size(json_object_get(r->body, parts[part]));

		if (which < n) {
			snprintf(out, CF_NAME, "/%s/%zu", parts[part], which);
			return;
		}
		which -= n;
	}
}

static bool check_batch(struct api_request *r)
{
	char pointer[32];

	if (!json_is_object(r->body))
		return cf_invalid(r, NULL, "the body must be a JSON object");
	for (unsigned part = 0; part < PARTS; part++) {
		const json_t *list = json_object_get(r->body, parts[part]);

		if (!list || json_is_null(list) || json_is_array(list))
			continue;
		snprintf(pointer, sizeof(pointer), "/%s", parts[part]);
		return cf_invalid(r, pointer, "%s must be a list", parts[part]);
	}
	return true;
}

/* All of it or nothing: the first item that is wrong ends it. */
void cf_batch(struct api_request *r, const struct cf_kind *k)
{
	json_t *result, *item;
	size_t i;

	(void)k;
	if (!check_batch(r))
		return;
	result = json_object();
	for (unsigned part = 0; part < PARTS; part++) {
		json_t *list = json_object_get(r->body, parts[part]), *done = json_array();

		json_object_set_new(result, parts[part], done);
		json_array_foreach(list, i, item)
		{
			json_t *shown = do_item(r, part, item);

			if (!shown) {
				json_decref(result);
				cf_say(r, CF_NOTE, "nothing was changed: %s[%zu] is refused",
				       parts[part], i);
				cf_drop_changes(r);
				return;
			}
			json_array_append_new(done, shown);
		}
	}
	cf_reply(r, result);
}

/* The zone as a file. */
void cf_export(struct api_request *r, const struct cf_kind *k)
{
	json_t *args = json_pack("{s:O}", "name", json_object_get(cf_zone(r), "name"));
	json_t *out = NULL;
	struct weir_err err;

	(void)k;
	if (weir_agent_zone_file(r->agent, args, &out, &err)) {
		/* A zone can be kept and not answered for: DNSimple's activation. */
		cf_fail(r, 400, CF_INVALID, NULL, "the zone is not served, so it has no file: %s",
			err.text);
	} else {
		r->text = strdup(cf_text(out, "file"));
		r->content_type = "text/plain";
		r->status = 200;
	}
	json_decref(out);
	json_decref(args);
}
