/* SPDX-License-Identifier: GPL-2.0-or-later */
/* override.c - what operators say by hand of pools and origins. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/api_impl.h"

#define NAME_BYTES 256

/* Takes "POOL" or "POOL/ORIGIN" apart. *origin is NULL or points into pool. False: nothing has such
 * a name. */
static bool take_names(const char *which, char pool[2 * NAME_BYTES], const char **origin)
{
	char *slash;

	if (strlen(which) >= 2 * NAME_BYTES ||
	    which[strspn(which, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				"0123456789-_./")])
		return false;
	strcpy(pool, which);
	slash = strchr(pool, '/');
	*origin = slash ? slash + 1 : NULL;
	if (slash)
		*slash = 0;
	return true;
}

static unsigned status_of(int err)
{
	switch (err) {
	case -ENOENT:
		return MHD_HTTP_NOT_FOUND;
	case -EINVAL:
		return MHD_HTTP_BAD_REQUEST;
	default:
		return MHD_HTTP_CONFLICT;
	}
}

enum MHD_Result api_change_override(struct weir_api *api, struct MHD_Connection *c,
				    const char *which, const char *method, const char *body,
				    size_t len)
{
	bool put = strcmp(method, "PUT") == 0;
	char pool[2 * NAME_BYTES];
	const char *origin;
	struct weir_err err = { 0 };
	json_t *root = NULL;
	int rc;

	if (!take_names(which, pool, &origin))
		return api_refuse(c, MHD_HTTP_NOT_FOUND,
				  "no pool and no origin can have such a name");
	if (put)
		root = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
	if (put && !root)
		return api_refuse(c, MHD_HTTP_BAD_REQUEST, "the body must be a JSON object");
	rc = weir_agent_override(api->agent, pool, origin, root, &err);
	json_decref(root);
	if (rc)
		return api_refuse_err(c, status_of(rc), &err);
	api_forget_answers(api);
	return api_reply(c, MHD_HTTP_OK, json_object());
}
