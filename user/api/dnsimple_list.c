/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dnsimple_list.c - lists: in an order, and by pages. */
#include <stdlib.h>
#include <string.h>

#include "api/dnsimple_impl.h"

#define PER_PAGE     30
#define PER_PAGE_MAX 100
#define KEYS         8

struct dnsimple_item *dnsimple_list_add(struct dnsimple_list *l)
{
	if (l->n == l->room) {
		l->room = l->room ? 2 * l->room : 64;
		l->items = weir_grow(l->items, l->room, sizeof(*l->items));
	}
	l->items[l->n] = (struct dnsimple_item){ 0 };
	return &l->items[l->n++];
}

/* --- order --- */

enum field {
	FIELD_ID,
	FIELD_NAME,
	FIELD_CONTENT,
	FIELD_TYPE,
	FIELDS
};

static const char *const words[FIELDS] = { "id", "name", "content", "type" };

struct order {
	struct {
		enum field field;
		bool down;
	} keys[KEYS];
	size_t n;
};

static int compare_field(const struct dnsimple_item *a, const struct dnsimple_item *b, enum field f)
{
	switch (f) {
	case FIELD_NAME:
		return strcmp(a->name, b->name);
	case FIELD_CONTENT:
		return strcmp(a->content, b->content);
	case FIELD_TYPE:
		return strcmp(a->type, b->type);
	default:
		return (a->number > b->number) - (a->number < b->number);
	}
}

static int compare(const void *x, const void *y, void *arg)
{
	const struct order *o = arg;

	for (size_t i = 0; i < o->n; i++) {
		int c = compare_field(x, y, o->keys[i].field);

		if (c)
			return o->keys[i].down ? -c : c;
	}
	return compare_field(x, y, FIELD_ID);
}

static bool is_word(const char *list, const char *word, size_t n)
{
	for (; *list; list += strcspn(list, " "), list += *list == ' ')
		if (strncmp(list, word, n) == 0 && (list[n] == ' ' || !list[n]))
			return true;
	return false;
}

/* One of "id:desc,name:asc", at s; NULL: it is none of fields, else what follows it. */
static const char *take_key(const char *s, const char *fields, struct order *o)
{
	size_t n = strcspn(s, ":,");

	if (o->n == KEYS || !n || !is_word(fields, s, n))
		return NULL;
	for (unsigned f = 0; f < FIELDS; f++)
		if (strncmp(words[f], s, n) == 0 && !words[f][n])
			o->keys[o->n].field = (enum field)f;
	s += n;
	o->keys[o->n].down = strncmp(s, ":desc", 5) == 0;
	if (*s == ':') {
		if (strncmp(s, ":desc", 5) != 0 && strncmp(s, ":asc", 4) != 0)
			return NULL;
		s += o->keys[o->n].down ? 5 : 4;
	}
	o->n++;
	return *s == ',' ? s + 1 : *s ? NULL : s;
}

static bool take_order(struct api_request *r, const char *fields, struct order *o)
{
	const char *sort = api_arg(r, "sort");
	char first[32];

	*o = (struct order){ 0 };
	if (!sort || !*sort) {
		size_t n = strcspn(fields, " ");

		memcpy(first, fields, n);
		first[n] = 0;
		take_key(first, fields, o);
		return true;
	}
	for (const char *s = sort; *s;) {
		s = take_key(s, fields, o);
		if (!s) {
			dnsimple_refuse(r, 400,
					"Invalid sort `%s`: it is a list of field:asc or "
					"field:desc, of %s",
					sort, fields);
			return false;
		}
	}
	return true;
}

/* --- pages --- */

static bool take_page(struct api_request *r, const char *arg, json_int_t def, json_int_t *out)
{
	const char *text = api_arg(r, arg);

	*out = text && *text ? dnsimple_parse_number(text) : def;
	if (*out >= 1)
		return true;
	dnsimple_refuse(r, 400, "Invalid %s `%s`: it is a number from 1", arg, text);
	return false;
}

void dnsimple_list_reply(struct api_request *r, struct dnsimple_list *l, const char *fields,
			 json_t *(*show)(const struct dnsimple_item *item, const void *arg),
			 const void *arg)
{
	json_int_t page, per_page, pages, total = (json_int_t)l->n;
	json_t *data;
	struct order o;

	if (!take_page(r, "page", 1, &page) || !take_page(r, "per_page", PER_PAGE, &per_page) ||
	    !take_order(r, fields, &o))
		return;
	if (per_page > PER_PAGE_MAX)
		per_page = PER_PAGE_MAX;
	pages = (total + per_page - 1) / per_page;
	if (l->n)
		qsort_r(l->items, l->n, sizeof(*l->items), compare, &o);
	data = json_array();
	for (json_int_t i = page > pages ? total : (page - 1) * per_page;
	     i < total && i < page * per_page; i++)
		json_array_append_new(data, show(&l->items[i], arg));
	dnsimple_reply(r, 200, data);
	json_object_set_new(r->reply, "pagination",
			    json_pack("{s:I, s:I, s:I, s:I}", "current_page", page, "per_page",
				      per_page, "total_entries", total, "total_pages", pages));
}
