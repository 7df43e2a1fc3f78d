/* SPDX-License-Identifier: GPL-2.0-or-later */
/* zones.c - what operators tell zones. */
#include <errno.h>
#include <string.h>

#include "api/api_impl.h"

#define NAME_BYTES 256

static unsigned status_of(int err)
{
	switch (err) {
	case -ENOENT:
		return MHD_HTTP_NOT_FOUND;
	case -EINVAL:
		return MHD_HTTP_BAD_REQUEST;
	default:
		return MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
}

enum MHD_Result api_tell_zone(struct weir_api *api, struct MHD_Connection *c, const char *which,
			      const char *method, const char *body, size_t len)
{
	const char *slash = strchr(which, '/');
	struct weir_err err = { 0 };
	char zone[NAME_BYTES];
	json_t *root = NULL;
	int rc;

	(void)method;
	if (!slash || slash - which >= NAME_BYTES)
		return api_refuse(c, MHD_HTTP_NOT_FOUND, "a zone can be told roll and ds-seen");
	memcpy(zone, which, (size_t)(slash - which));
	zone[slash - which] = 0;
	if (len)
		root = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
	if (len && !root)
		return api_refuse(c, MHD_HTTP_BAD_REQUEST, "the body must be a JSON object");
	rc = weir_agent_zone_do(api->agent, zone, slash + 1, root, &err);
	json_decref(root);
	if (rc)
		return api_refuse_err(c, status_of(rc), &err);
	api_forget_answers(api);
	return api_reply(c, MHD_HTTP_OK, json_object());
}
