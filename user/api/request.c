/* SPDX-License-Identifier: GPL-2.0-or-later */
/* request.c - what facades do with a request. */
#include "api/request.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "api/api_impl.h"

void api_change(struct api_request *r, const char *kind, const char *id, json_t *body)
{
	r->n_changes++;
	if (r->n_changes > API_CHANGES) { /* the server refuses them all */
		json_decref(body);
		return;
	}
	if (!r->changes)
		r->changes = json_array();
	json_array_append_new(r->changes, json_pack("{s:s, s:s, s:o}", "kind", kind, "id", id,
						    "body", body ? body : json_null()));
}

void api_add_header(struct api_request *r, const char *name, const char *value)
{
	if (!r->headers)
		r->headers = json_array();
	json_array_append_new(r->headers, json_pack("[s, s]", name, value));
}

const char *api_header(const struct api_request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

const char *api_arg(const struct api_request *r, const char *name)
{
	const json_t *v = json_object_get(r->args, name);

	return json_string_value(json_is_array(v) ? json_array_get(v, 0) : v);
}

const char *api_param(const struct api_request *r, const char *name)
{
	const char *at = r->route ? r->route->path : "";
	size_t len = strlen(name);

	for (size_t i = 0; i < r->n_segments; i++) {
		if (at[0] == '{' && strncmp(at + 1, name, len) == 0 && at[1 + len] == '}')
			return r->segments[i];
		at += strcspn(at, "/");
		at += *at == '/';
	}
	return NULL;
}

json_t *api_text(const char *text)
{
	json_t *v = json_string(text);
	size_t n = strlen(text);

	for (unsigned cut = 0; !v && cut < 3 && n; cut++)
		v = json_stringn(text, --n);
	return v ? v : json_string("");
}

const char *api_reword(const char *text, const char *list, const char *words, char out[512])
{
	size_t len = strlen(list), n = 0;

	while (*text && n < 511) {
		size_t digits = strncmp(text, list, len) == 0 && text[len] == '['
					? strspn(text + len + 1, "0123456789")
					: 0;

		if (!digits || text[len + 1 + digits] != ']') {
			out[n++] = *text++;
			continue;
		}
		text += len + digits + 2;
		for (const char *c = words; *c && n < 511; c++)
			out[n++] = *c;
	}
	out[n] = 0;
	return out;
}

void api_random_id(char *out, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char byte;

	for (size_t i = 0; i < n; i++) {
		/* Few bytes are never cut short once the kernel has its randomness. */
		ssize_t got = getrandom(&byte, 1, 0);

		assert(got == 1);
		out[2 * i] = digits[byte >> 4];
		out[2 * i + 1] = digits[byte & 15];
	}
	out[2 * n] = 0;
}

const char *api_time(uint64_t ms, int digits, char out[32])
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	if (digits == 3)
		n += (size_t)snprintf(out + n, 32 - n, ".%03u", (unsigned)(ms % 1000));
	else if (digits == 6)
		n += (size_t)snprintf(out + n, 32 - n, ".%03u000", (unsigned)(ms % 1000));
	snprintf(out + n, 32 - n, "Z");
	return out;
}
