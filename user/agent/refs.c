/* SPDX-License-Identifier: GPL-2.0-or-later */
/* refs.c - the references object of weir/api.h. */
#include "model/refs.h"

#include <errno.h>
#include <string.h>

#include "agent/agent_impl.h"

static json_t *list(const struct weir_ref *refs, uint32_t n)
{
	json_t *out = json_array();

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(
			out, json_pack("{s:s, s:s, s:s, s:s, s:s}", "reference_type",
				       refs[i].referrer ? "referrer" : "referral", "resource_type",
				       weir_object_text(refs[i].kind), "resource_id", refs[i].id,
				       "resource_name", refs[i].name, "field", refs[i].by));
	return out;
}

/* The value of the only argument of this name; NULL: *err says what is missing. */
static const char *argument(const json_t *args, const char *key, struct weir_err *err)
{
	const char *s = json_string_value(json_object_get(args, key));

	if (!s)
		weir_err_set(err, key, "is missing");
	return s;
}

static bool kind_of(const char *text, enum weir_object *out, struct weir_err *err)
{
	for (unsigned i = WEIR_OBJECT_MONITOR; i <= WEIR_OBJECT_LB; i++) {
		*out = (enum weir_object)i;
		if (!strcmp(text, weir_object_text(*out)))
			return true;
	}
	return weir_err_set(err, "type",
			    "is not one of: monitor, monitor_group, pool, load_balancer");
}

int weir_agent_refs(const struct weir_agent *a, const json_t *args, json_t **out,
		    struct weir_err *err)
{
	const char *type = argument(args, "type", err);
	const char *id = type ? argument(args, "id", err) : NULL;
	struct weir_err in_use;
	const struct weir_ref *refs;
	struct weir_arena *arena;
	enum weir_object kind;
	uint32_t n;
	bool found, removable;

	if (!id || !kind_of(type, &kind, err))
		return -EINVAL;
	arena = weir_arena_new();
	found = weir_refs(a->model, kind, id, arena, &refs, &n);
	removable = weir_check_removal(a->model, kind, id, &in_use);
	if (found)
		*out = json_pack("{s:s, s:s, s:b, s:s*, s:o}", "type", type, "id", id, "removable",
				 removable, "why", removable ? NULL : in_use.text, "references",
				 list(refs, n));
	weir_arena_free(arena);
	if (found)
		return 0;
	weir_err_set(err, "id", "there is no %s of this id", weir_object_text(kind));
	return -ENOENT;
}
