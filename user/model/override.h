/* SPDX-License-Identifier: GPL-2.0-or-later */
/* override.h - what is said by hand of pools and their origins, by the document and while the agent
 * runs. Of one object the latter counts, and of an origin what is said of itself, not of its pool.
 * Objects are known by id and name, so that it outlives a model. Pure: time is an argument, always
 * the wall clock. */
#ifndef WEIR_MODEL_OVERRIDE_H
#define WEIR_MODEL_OVERRIDE_H

#include "base/mem.h"
#include "model/health.h"
#include "model/model.h"

#define WEIR_OVERRIDES_MAX 256

/* Those that were said while the agent runs. */
struct weir_overrides;

struct weir_overrides *weir_overrides_new(void);
void weir_overrides_free(struct weir_overrides *l); /* takes NULL */

/* An override as the body of a request has it: {state, reason, by, until or for}. False: *err. Its
 * texts live in arena. */
bool weir_override_parse(const json_t *body, uint64_t wall_ms, struct weir_arena *arena,
			 struct weir_override *out, struct weir_err *err);

/* Keeps a copy, instead of what was said before of this pool (origin NULL) or origin. After this,
 * as after clear and expire, weir_overrides_apply() comes before health is used. False: there are
 * too many. */
bool weir_overrides_set(struct weir_overrides *l, const char *pool, const char *origin,
			const struct weir_override *o);

/* Forgets it. False: nothing was said. */
bool weir_overrides_clear(struct weir_overrides *l, const char *pool, const char *origin);

/* Forgets those whose time is over; how many they were. */
uint32_t weir_overrides_expire(struct weir_overrides *l, uint64_t wall_ms);

/* Makes health (by origin index) say what holds now; list and model must outlive it. Returns when
 * the first of them ends, 0: none does. */
uint64_t weir_overrides_apply(const struct weir_overrides *l, const struct weir_model *m,
			      struct weir_health *health, uint64_t wall_ms);

/* What holds of a pool as a whole (origin NULL), or was said of this origin itself. NULL: nothing.
 */
const struct weir_override *weir_overrides_of(const struct weir_overrides *l,
					      const struct weir_pool *pool,
					      const struct weir_origin *origin, uint64_t wall_ms);

#endif
