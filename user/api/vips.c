/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vips.c - VIPs for balancers whose API has no word for them: packets do not show names, so each
 * has one of each family for itself, while there are some. */
#include <string.h>

#include "api/request.h"
#include "base/addr.h"

/* Whether a balancer, or a record that is one, has this VIP. */
static bool has_vip(const json_t *body, const union weir_addr *vip)
{
	const json_t *vips = json_object_get(body, "vips"), *v;
	union weir_addr addr;
	size_t i;

	if (!json_is_true(json_object_get(body, "proxied")))
		return false;
	json_array_foreach(vips, i, v)
	{
		if (json_is_string(v) && weir_addr_parse(json_string_value(v), &addr) &&
		    weir_addr_eq(&addr, vip))
			return true;
	}
	return !json_array_size(vips); /* it has all of them */
}

static bool is_taken(const struct api_request *r, const char *id, const union weir_addr *vip)
{
	static const char *const kinds[] = { "load_balancer", "record" };
	const json_t *body;
	const char *other;

	for (size_t k = 0; k < 2; k++)
		json_object_foreach((json_t *)weir_agent_objects(r->agent, kinds[k]), other, body)
		{
			if (strcmp(other, id) != 0 && has_vip(body, vip))
				return true;
		}
	return false;
}

json_t *api_free_vips(const struct api_request *r, const char *id)
{
	const struct weir_agent_conf *conf = weir_agent_conf(r->agent);
	bool found[2] = { false, false };
	char text[WEIR_ADDR_TEXT];
	json_t *out = json_array();

	for (uint32_t i = 0; i < conf->n_vips; i++) {
		bool *family = &found[weir_addr_is_v4(&conf->vips[i])];

		if (*family || is_taken(r, id, &conf->vips[i]))
			continue;
		*family = true;
		json_array_append_new(out, json_string(weir_addr_text(&conf->vips[i], text)));
	}
	if (json_array_size(out))
		return out;
	json_decref(out);
	return NULL;
}
