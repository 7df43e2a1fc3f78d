/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloudflare_list.c - lists and their pages. */
#include <stdlib.h>
#include <string.h>

#include "api/cloudflare_impl.h"
#include "base/mem.h"

void cf_found_add(struct cf_found *f, const json_t *body)
{
	if (f->n == f->room) {
		f->room = f->room ? 2 * f->room : 64;
		f->all = weir_grow(f->all, f->room, sizeof(*f->all));
	}
	f->all[f->n++] = body;
}

void cf_found(const struct api_request *r, const struct cf_kind *k, struct cf_found *out)
{
	const char *id;
	json_t *body;

	*out = (struct cf_found){ 0 };
	json_object_foreach((json_t *)weir_agent_objects(r->agent, k->kind), id, body)
	{
		if (!k->concerns || k->concerns(r, body))
			cf_found_add(out, body);
	}
}

void cf_found_free(struct cf_found *f)
{
	free(f->all);
}

/* A number of the query; what is none is as if it were not there. */
static size_t number(const struct api_request *r, const char *name, size_t usual)
{
	const char *s = api_arg(r, name);
	char *end;
	unsigned long long v;

	if (!s || *s < '0' || *s > '9')
		return usual;
	v = strtoull(s, &end, 10);
	return *end ? usual : v > 1000000000 ? 1000000000 : (size_t)v;
}

void cf_page(struct api_request *r, size_t total, size_t usual, size_t least, size_t most,
	     size_t *first, size_t *n)
{
	size_t page = number(r, "page", 1), size = usual;

	if (!size) /* all of them, unless pages are asked for */
		size = api_arg(r, "page") ? 25 : total > least ? total : least;
	size = number(r, "per_page", size);
	if (api_arg(r, "per_page"))
		size = size < least ? least : size > most ? most : size;
	page += !page;
	*first = page - 1 > total / size ? total : (page - 1) * size;
	if (*first > total)
		*first = total;
	*n = total - *first < size ? total - *first : size;
	json_object_set_new(r->reply, "result_info",
			    json_pack("{s:I, s:I, s:I, s:I, s:I}", "page", (json_int_t)page,
				      "per_page", (json_int_t)size, "count", (json_int_t)*n,
				      "total_count", (json_int_t)total, "total_pages",
				      (json_int_t)((total + size - 1) / size)));
}

void cf_reply_found(struct api_request *r, const struct cf_kind *k, struct cf_found *f,
		    size_t usual, size_t least, size_t most)
{
	json_t *list = json_array();
	size_t first, n;

	cf_reply(r, list);
	cf_page(r, f->n, usual, least, most, &first, &n);
	for (size_t i = first; i < first + n; i++) {
		json_t *shown = cf_show(r, k, f->all[i]);

		if (k->complete_listed)
			k->complete_listed(r, f->all[i], shown);
		json_array_append_new(list, shown);
	}
	cf_found_free(f);
}

void cf_reply_list(struct api_request *r, json_t *list, size_t usual, size_t least, size_t most)
{
	json_t *page = json_array();
	size_t first, n;

	cf_reply(r, page);
	cf_page(r, json_array_size(list), usual, least, most, &first, &n);
	for (size_t i = first; i < first + n; i++)
		json_array_append(page, json_array_get(list, i));
	json_decref(list);
}
