/* SPDX-License-Identifier: GPL-2.0-or-later */
/* openapi.c - what is served as an OpenAPI 3.1 document, made of the tables of routes. */
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_impl.h"
#include "base/mem.h"
#include "weir/api.h"

#define REF       "#/components/schemas/"
#define NAME_SIZE 128

json_t *api_schema(const char *text)
{
	char *copy = strdup(text);
	json_t *v;

	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	v = json_loads(copy, 0, NULL);
	assert(v);
	free(copy);
	return v;
}

static json_t *parameter(const char *name, size_t len, const char *in)
{
	return json_pack("{s:s%, s:s, s:b, s:{s:s}}", "name", name, (size_t)len, "in", in,
			 "required", strcmp(in, "path") == 0, "schema", "type", "string");
}

/* Those of the template of a path, and of a list of names; NULL: none. */
static json_t *parameters(const char *path, const char *query)
{
	json_t *list = json_array();

	for (const char *at = strchr(path, '{'); at; at = strchr(at, '{')) {
		at++;
		json_array_append_new(list, parameter(at, strcspn(at, "}"), "path"));
	}
	while (query && *query) {
		size_t n = strcspn(query, " ");

		json_array_append_new(list, parameter(query, n, "query"));
		query += n + strspn(query + n, " ");
	}
	return list;
}

/* Where the schema of a name is; it is noted in wanted, of VENDOR.NAME. */
static json_t *schema_ref(const struct api_vendor *v, const char *name, json_t *wanted)
{
	char ref[sizeof(REF) + NAME_SIZE];

	if (!name)
		return json_object(); /* anything */
	snprintf(ref, sizeof(ref), REF "%s.%s", v->name, name);
	json_object_set_new(wanted, ref + strlen(REF), json_true());
	return json_pack("{s:s}", "$ref", ref);
}

/* schema NULL: there is no body. */
static json_t *responses(json_t *schema)
{
	json_t *good = json_pack("{s:s}", "description", "It is so.");

	if (schema)
		json_object_set_new(good, "content",
				    json_pack("{s:{s:o}}", "application/json", "schema", schema));
	return json_pack("{s:o, s:{s:s}}", "2XX", good, "4XX", "description",
			 "It was refused: the body says why.");
}

static json_t *operation(const struct api_vendor *v, const struct api_route *r, json_t *wanted)
{
	json_t *op = json_pack("{s:s, s:[s], s:o, s:o}", "summary", r->summary, "tags", v->name,
			       "parameters", parameters(r->path, r->query), "responses",
			       responses(r->response && strcmp(r->response, API_NOTHING) == 0
						 ? NULL
						 : schema_ref(v, r->response, wanted)));

	if (r->request)
		json_object_set_new(op, "requestBody",
				    json_pack("{s:{s:{s:o}}}", "content",
					      v->forms ? "application/x-www-form-urlencoded"
						       : "application/json",
					      "schema", schema_ref(v, r->request, wanted)));
	json_object_set_new(op, "security",
			    r->open ? json_array() : json_pack("[{s:[]}]", v->name));
	return op;
}

void api_describe(json_t *paths, const char *path, const char *method, json_t *operation_of_it)
{
	json_t *item = json_object_get(paths, path);
	char lower[16] = "";

	for (size_t i = 0; method[i] && i < sizeof(lower) - 1; i++)
		lower[i] = (char)tolower(method[i]);
	if (!item) {
		item = json_object();
		json_object_set_new(paths, path, item);
	}
	json_object_set_new(item, lower, operation_of_it);
}

json_t *api_operation(const char *path, const char *summary, const char *query)
{
	const struct api_route r = { .path = path, .summary = summary, .query = query };

	return operation(&api_weir, &r, NULL);
}

static void describe_vendor(const struct api_vendor *v, json_t *paths, json_t *wanted)
{
	char path[512];

	for (const struct api_route *r = v->routes; r && r->method; r++) {
		snprintf(path, sizeof(path), "%s%s", v->prefix, r->path);
		api_describe(paths, path, r->method, operation(v, r, wanted));
	}
}

/* --- schemas --- */

static void note_refs(const json_t *v, json_t *wanted)
{
	const char *ref = json_string_value(json_object_get(v, "$ref"));
	const char *key;
	json_t *item;
	size_t i;

	if (ref && strncmp(ref, REF, strlen(REF)) == 0)
		json_object_set_new(wanted, ref + strlen(REF), json_true());
	json_object_foreach((json_t *)(uintptr_t)v, key, item) note_refs(item, wanted);
	json_array_foreach(v, i, item) note_refs(item, wanted);
}

/* By its name with the vendor's. */
static json_t *make_schema(const char *name)
{
	for (const struct api_vendor *const *v = api_vendors; *v; v++) {
		size_t n = strlen((*v)->name);
		json_t *schema;

		if (strncmp(name, (*v)->name, n) != 0 || name[n] != '.')
			continue;
		schema = (*v)->schema ? (*v)->schema(name + n + 1) : NULL;
		return schema ? schema : json_object();
	}
	return json_object();
}

/* Those that are wanted, and those that they refer to. */
static json_t *make_schemas(json_t *wanted)
{
	json_t *schemas = json_object(), *schema, *more;
	const char *name;
	bool again = true;

	while (again) {
		again = false;
		more = json_object();
		json_object_foreach(wanted, name, schema)
		{
			if (json_object_get(schemas, name))
				continue;
			json_object_set_new(schemas, name, make_schema(name));
			note_refs(json_object_get(schemas, name), more);
			again = true;
		}
		json_object_update(wanted, more);
		json_decref(more);
	}
	return schemas;
}

static json_t *security_schemes(void)
{
	json_t *all = json_object();

	for (const struct api_vendor *const *v = api_vendors; *v; v++)
		json_object_set_new(
			all, (*v)->name,
			(*v)->key_header
				? json_pack("{s:s, s:s, s:s}", "type", "apiKey", "in", "header",
					    "name", (*v)->key_header)
				: json_pack("{s:s, s:s}", "type", "http", "scheme", "bearer"));
	return all;
}

json_t *api_openapi(void)
{
	json_t *paths = json_object(), *wanted = json_object(), *document;

	api_describe_own(paths);
	for (const struct api_vendor *const *v = api_vendors; *v; v++)
		describe_vendor(*v, paths, wanted);
	document =
		json_pack("{s:s, s:{s:s, s:s, s:{s:s, s:s}}, s:[{s:s}], s:o, s:{s:o, s:o}}",
			  "openapi", "3.1.0", "info", "title", "weir", "version", WEIR_VERSION,
			  "license", "name", "GPL-2.0-or-later", "identifier", "GPL-2.0-or-later",
			  "servers", "url", "/", "paths", paths, "components", "schemas",
			  make_schemas(wanted), "securitySchemes", security_schemes());
	json_decref(wanted);
	return document;
}
