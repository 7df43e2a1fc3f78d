/* SPDX-License-Identifier: GPL-2.0-or-later */
/* refs.h - which objects refer to one, and to which it refers: in both directions, each object
 * once. Pure; any thread. */
#ifndef WEIR_MODEL_REFS_H
#define WEIR_MODEL_REFS_H

#include "model/model.h"

enum weir_object {
	WEIR_OBJECT_MONITOR,
	WEIR_OBJECT_GROUP,
	WEIR_OBJECT_POOL,
	WEIR_OBJECT_LB,
};

/* monitor, monitor_group, pool, load_balancer. */
const char *weir_object_text(enum weir_object kind);

struct weir_ref {
	bool referrer; /* it refers to the object that was asked for; else that refers to it */
	enum weir_object kind;
	const char *id, *name; /* those of monitors and groups are their descriptions, or ids */
	const char *by;        /* the field that does, the first of them */
};

/* Those of the object of this id, in arena: referrers first, each kind in the order of the
 * document. Whatever a pool's balancer makes of it, it is in use: default_pools, fallback_pool, and
 * what rules override. False: there is no such object. */
bool weir_refs(const struct weir_model *m, enum weir_object kind, const char *id,
	       struct weir_arena *arena, const struct weir_ref **out, uint32_t *n);

/* Whether an object may be removed: nobody refers to it. Else err has a sentence with those who do.
 * One that is not there may be. */
bool weir_check_removal(const struct weir_model *m, enum weir_object kind, const char *id,
			struct weir_err *err);

#endif
