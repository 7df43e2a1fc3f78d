/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ask.c - requests whose answer depends on the arguments of the URL. */
#include "api/api_impl.h"

#include <errno.h>
#include <stdio.h>

struct args {
	json_t *texts;
	struct weir_err *err;
	bool bad;
};

static enum MHD_Result add_arg(void *to, enum MHD_ValueKind kind, const char *key,
			       const char *value)
{
	struct args *args = to;

	(void)kind;
	if (json_object_get(args->texts, key))
		args->bad = !weir_err_set(args->err, key, "is given twice");
	else if (json_object_set_new(args->texts, key, json_string(value ? value : "")))
		args->bad = !weir_err_set(args->err, "", "an argument is not UTF-8");
	return args->bad ? MHD_NO : MHD_YES;
}

json_t *api_args(struct MHD_Connection *c, struct weir_err *err)
{
	struct args args = { .texts = json_object(), .err = err };

	MHD_get_connection_values(c, MHD_GET_ARGUMENT_KIND, add_arg, &args);
	if (!args.bad)
		return args.texts;
	json_decref(args.texts);
	return NULL;
}

enum MHD_Result api_refuse_err(struct MHD_Connection *c, unsigned status,
			       const struct weir_err *err)
{
	char text[sizeof(err->path) + sizeof(err->text) + 2];

	snprintf(text, sizeof(text), "%s%s%s", err->path, err->path[0] ? ": " : "", err->text);
	return api_refuse(c, status, text);
}

typedef int ask_fn(const struct weir_agent *a, const json_t *args, json_t **out,
		   struct weir_err *err);

static enum MHD_Result ask(struct weir_api *api, struct MHD_Connection *c, ask_fn *agent)
{
	struct weir_err err;
	json_t *args = api_args(c, &err), *answer = NULL;
	int rc = args ? agent(api->agent, args, &answer, &err) : -EINVAL;

	json_decref(args);
	if (!rc)
		return api_reply(c, MHD_HTTP_OK, answer);
	return api_refuse_err(c,
			      rc == -EINVAL   ? MHD_HTTP_BAD_REQUEST
			      : rc == -ENOENT ? MHD_HTTP_NOT_FOUND
					      : MHD_HTTP_INTERNAL_SERVER_ERROR,
			      &err);
}

enum MHD_Result api_ask_trace(struct weir_api *api, struct MHD_Connection *c)
{
	return ask(api, c, weir_agent_trace);
}

enum MHD_Result api_ask_refs(struct weir_api *api, struct MHD_Connection *c)
{
	return ask(api, c, weir_agent_refs);
}

enum MHD_Result api_ask_explain(struct weir_api *api, struct MHD_Connection *c)
{
	return ask(api, c, weir_agent_explain);
}

enum MHD_Result api_ask_zone_file(struct weir_api *api, struct MHD_Connection *c)
{
	return ask(api, c, weir_agent_zone_file);
}
