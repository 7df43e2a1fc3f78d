/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dnsimple_edit.c - what is asked and said of records, one by one and in batches, and zones as
 * files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/dnsimple_impl.h"

static bool begin(struct api_request *r, struct dnsimple_zone *z, struct dnsimple_edit *e)
{
	*e = (struct dnsimple_edit){ .r = r, .zone = z };
	if (!dnsimple_find_zone(r, z))
		return false;
	e->list.arena = weir_arena_new();
	e->touched = json_object();
	return true;
}

static void end(struct dnsimple_edit *e, struct dnsimple_zone *z)
{
	free(e->list.items);
	weir_arena_free(e->list.arena);
	json_decref(e->touched);
	dnsimple_zone_done(z);
}

/* Nothing is changed of a request of which a part is refused. */
static void refuse(struct dnsimple_edit *e, unsigned status, json_t *errors)
{
	json_array_clear(e->r->changes);
	e->r->n_changes = 0;
	dnsimple_refuse_with(e->r, status, errors);
}

static json_int_t number_in_path(const struct api_request *r)
{
	return dnsimple_parse_number(api_param(r, "record"));
}

/* --- one record --- */

void dnsimple_get_records(struct api_request *r)
{
	const char *name = api_arg(r, "name"), *like = api_arg(r, "name_like");
	const char *type = api_arg(r, "type");
	struct dnsimple_zone z;
	struct dnsimple_edit e;
	size_t n = 0;

	if (!begin(r, &z, &e))
		return;
	dnsimple_list_records(r, &z, &e.list);
	for (size_t i = 0; i < e.list.n; i++) {
		const struct dnsimple_item *item = &e.list.items[i];

		if ((!name || strcasecmp(item->name, name) == 0) &&
		    (!like || strcasestr(item->name, like)) &&
		    (!type || strcasecmp(item->type, type) == 0))
			e.list.items[n++] = *item;
	}
	e.list.n = n;
	dnsimple_list_reply(r, &e.list, "id name content type", dnsimple_show_record, &z);
	end(&e, &z);
}

void dnsimple_get_record(struct api_request *r)
{
	const struct dnsimple_item *item;
	struct dnsimple_zone z;
	struct dnsimple_edit e;

	if (!begin(r, &z, &e))
		return;
	item = dnsimple_find_record(&e, number_in_path(r));
	if (item)
		dnsimple_reply(r, 200, dnsimple_show_record(item, &z));
	else
		refuse(&e, e.status, e.errors);
	end(&e, &z);
}

/* As of the whole zone. */
void dnsimple_record_distribution(struct api_request *r)
{
	struct dnsimple_zone z;
	struct dnsimple_edit e;

	if (!begin(r, &z, &e))
		return;
	if (dnsimple_find_record(&e, number_in_path(r)))
		dnsimple_distribution(r);
	else
		refuse(&e, e.status, e.errors);
	end(&e, &z);
}

void dnsimple_create_record(struct api_request *r)
{
	struct dnsimple_zone z;
	struct dnsimple_edit e;
	json_t *shown;

	if (!begin(r, &z, &e))
		return;
	if (dnsimple_make_record(&e, r->body, &shown)) {
		dnsimple_reply(r, 201, shown);
	} else {
		refuse(&e, e.status, e.errors);
	}
	end(&e, &z);
}

void dnsimple_patch_record(struct api_request *r)
{
	struct dnsimple_zone z;
	struct dnsimple_edit e;
	json_t *shown;

	if (!begin(r, &z, &e))
		return;
	if (dnsimple_edit_record(&e, number_in_path(r), r->body, &shown)) {
		dnsimple_reply(r, 200, shown);
	} else {
		refuse(&e, e.status, e.errors);
	}
	end(&e, &z);
}

void dnsimple_delete_record(struct api_request *r)
{
	struct dnsimple_zone z;
	struct dnsimple_edit e;

	if (!begin(r, &z, &e))
		return;
	if (dnsimple_drop_record(&e, number_in_path(r)))
		dnsimple_reply(r, 204, NULL);
	else
		refuse(&e, e.status, e.errors);
	end(&e, &z);
}

/* --- batches --- */

enum part {
	PART_DELETES,
	PART_UPDATES,
	PART_CREATES,
	PARTS
};

/* In this order they are made, and so stand among the changes. */
static const char *const parts[PARTS] = { "deletes", "updates", "creates" };

static json_int_t number_of(const json_t *item)
{
	const json_t *id = json_object_get(item, "id");

	return json_is_integer(id) ? json_integer_value(id)
				   : dnsimple_parse_number(json_string_value(id));
}

static bool take(struct dnsimple_edit *e, enum part part, const json_t *item, json_t **shown)
{
	switch (part) {
	case PART_DELETES:
		*shown = json_pack("{s:I}", "id", number_of(item));
		return dnsimple_drop_record(e, number_of(item));
	case PART_UPDATES:
		return dnsimple_edit_record(e, number_of(item), item, shown);
	default:
		return dnsimple_make_record(e, item, shown);
	}
}

/* What is wrong, with the number of what it is wrong with. */
static json_t *with_index(enum part part, size_t i, json_t *why)
{
	json_object_set_new(why, "index", json_integer((json_int_t)i));
	return json_pack("{s:s, s:{s:[o]}}", "message", "Validation failed", "errors", parts[part],
			 why);
}

static bool take_part(struct dnsimple_edit *e, enum part part, json_t *reply)
{
	json_t *shown = json_array(), *one;
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(e->r->body, parts[part]), i, item)
	{
		one = NULL;
		if (!take(e, part, item, &one)) {
			json_decref(one);
			json_decref(shown);
			refuse(e, 400, with_index(part, i, e->errors));
			return false;
		}
		json_array_append_new(shown, one);
	}
	json_object_set_new(reply, parts[part], shown);
	return true;
}

void dnsimple_batch(struct api_request *r)
{
	struct dnsimple_zone z;
	struct dnsimple_edit e;
	json_t *reply;
	size_t n = 0;

	for (unsigned p = 0; p < PARTS; p++) {
		const json_t *list = json_object_get(r->body, parts[p]);

		n += json_array_size(list);
		if (list && !json_is_array(list)) {
			dnsimple_refuse_field(r, parts[p], "must be a list");
			return;
		}
	}
	if (n > API_CHANGES) {
		dnsimple_refuse(r, 400, "A batch has at most %d changes", API_CHANGES);
		return;
	}
	if (!begin(r, &z, &e))
		return;
	reply = json_object();
	for (unsigned p = 0; p < PARTS; p++) {
		if (take_part(&e, (enum part)p, reply))
			continue;
		json_decref(reply);
		reply = NULL;
		break;
	}
	if (reply)
		dnsimple_reply(r, 200, reply);
	end(&e, &z);
}

void dnsimple_batch_refused(struct api_request *r, const struct weir_changed *result)
{
	size_t which = result->which;
	char field[64], text[512];

	for (unsigned p = 0; p < PARTS; p++) {
		size_t n = json_array_size(json_object_get(r->body, parts[p]));

		if (which < n) {
			json_t *why = dnsimple_invalid(
				dnsimple_field(result->err.path, field),
				api_reword(result->err.text, "records", "another record", text));

			dnsimple_refuse_with(r, 400, with_index((enum part)p, which, why));
			return;
		}
		which -= n;
	}
	dnsimple_refuse(r, 400, "%s: %s", result->err.path, result->err.text);
}

/* --- a zone as a file --- */

/* A text as RFC 1035 has it, in pieces of 255 bytes. */
static void print_text(FILE *to, const char *s)
{
	if (strchr(s, '"')) { /* it is so already */
		fputs(s, to);
		return;
	}
	for (size_t i = 0; s[i] || !i; i++) {
		if (i % 255 == 0)
			fputs(i ? "\" \"" : "\"", to);
		if (!s[i])
			break;
		if (s[i] == '\\')
			fputc('\\', to);
		fputc(s[i], to);
	}
	fputc('"', to);
}

/* Whether the last word of the content is a name, which is whole. */
static bool ends_with_name(const char *type)
{
	static const char *const types[] = { "ALIAS", "CNAME", "MX", "NS", "POOL", "PTR", "SRV" };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

static void print_content(FILE *to, const struct dnsimple_item *item, const json_t *shown)
{
	const char *content = json_string_value(json_object_get(shown, "content"));
	const json_t *priority = json_object_get(shown, "priority");
	int n;

	if (json_is_integer(priority))
		fprintf(to, "%lld ", (long long)json_integer_value(priority));
	if (strcmp(item->type, "TXT") == 0 || strcmp(item->type, "SPF") == 0) {
		print_text(to, content);
	} else if (strcmp(item->type, "SOA") == 0) { /* two names before the numbers */
		n = (int)strcspn(content, " ");
		content += fprintf(to, "%.*s. ", n, content) - 1;
		n = (int)strcspn(content, " ");
		fprintf(to, "%.*s.%s", n, content, content + n);
	} else {
		fprintf(to, "%s%s", content,
			ends_with_name(item->type) && content[strlen(content) - 1] != '.' ? "."
											  : "");
	}
}

/* Types that only exist here are comments. */
static void print_record(FILE *to, const struct dnsimple_zone *z, const struct dnsimple_item *item)
{
	bool own = strcmp(item->type, "POOL") == 0 || strcmp(item->type, "ALIAS") == 0;
	json_t *shown = dnsimple_show_record(item, z);

	if (!json_string_length(json_object_get(shown, "content"))) {
		json_decref(shown);
		return;
	}
	fprintf(to, "%s%s%s%s. %lld IN %s ", own ? "; " : "", item->name, *item->name ? "." : "",
		z->name, (long long)json_integer_value(json_object_get(shown, "ttl")), item->type);
	print_content(to, item, shown);
	fputc('\n', to);
	json_decref(shown);
}

/* Of a zone that is a file, and what DNS answers of it. */
static json_t *print_file_zone(const struct api_request *r, const struct dnsimple_zone *z)
{
	json_t *args = json_pack("{s:s}", "name", z->name), *reply = NULL, *text;
	struct weir_err err;

	weir_agent_zone_file(r->agent, args, &reply, &err);
	text = json_incref(json_object_get(reply, "file"));
	json_decref(args);
	json_decref(reply);
	return text ? text : json_string("");
}

static json_t *print_zone(const struct dnsimple_edit *e)
{
	const struct dnsimple_zone *z = e->zone;
	char *text = NULL;
	json_t *out;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		abort();
	fprintf(to, "$ORIGIN %s.\n$TTL %d\n", z->name, DNSIMPLE_TTL);
	for (size_t i = 0; i < e->list.n; i++)
		print_record(to, z, &e->list.items[i]);
	fclose(to);
	out = json_stringn(text, size);
	free(text);
	return out ? out : json_string("");
}

void dnsimple_zone_file(struct api_request *r)
{
	struct dnsimple_zone z;
	struct dnsimple_edit e;
	json_t *text;

	if (!begin(r, &z, &e))
		return;
	dnsimple_list_records(r, &z, &e.list);
	text = json_object_get(z.body, "file") ? print_file_zone(r, &z) : print_zone(&e);
	dnsimple_reply(r, 200, json_pack("{s:o}", "zone", text));
	end(&e, &z);
}
