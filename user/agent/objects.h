/* SPDX-License-Identifier: GPL-2.0-or-later */
/* objects.h - the objects that the model is made of, one by one, for those who show and change
 * them: the configuration file's, which only the file changes, and those of the store. On the
 * loop's thread only.
 *
 * An object is a JSON value with the fields of tools/weir.yaml, and has an "id" here even if the
 * file gives it none. Its kind is one of
 *   monitor  monitor_group  pool  load_balancer  zone  record
 * which make the model; any other kind is stored, and means something only to who put it there. */
#ifndef WEIR_AGENT_OBJECTS_H
#define WEIR_AGENT_OBJECTS_H

#include "agent/agent.h"
#include "store/store.h"

/* All of a kind, id -> body, in order: the file's first, then by their age. Borrowed, until the
 * next change or reload. Never NULL. */
const json_t *weir_agent_objects(const struct weir_agent *a, const char *kind);

/* One of them, borrowed likewise; NULL: there is none. */
const json_t *weir_agent_object(const struct weir_agent *a, const char *kind, const char *id);

/* Whether it stands in the configuration file. */
bool weir_agent_is_files(const struct weir_agent *a, const char *kind, const char *id);

/* Why a change was not made. */
enum weir_refusal {
	WEIR_REFUSED_NOT,
	WEIR_REFUSED_INVALID, /* err->path is within the object of changes[which]: origins[0].name
			       */
	WEIR_REFUSED_FILES,   /* changes[which] stands in the configuration file */
	WEIR_REFUSED_IN_USE,  /* changes[which] is referred to; the sentence says by whom */
	WEIR_REFUSED_STORE,   /* it could not be made durable, or there is no store */
	WEIR_REFUSED_APPLY,   /* the packet path or DNS could not take it */
};

struct weir_changed {
	enum weir_refusal refused;
	size_t which;
	struct weir_err err;
	uint64_t revision; /* of the store */
	json_t *notes;     /* [ { "path", "text" } ] about the changed objects: what has no effect,
			    * or another one than its words; borrowed, never NULL */
};

/* Makes all n changes or none: checks them with everything else, makes them durable, has packets
 * and DNS follow, and then calls done, once, perhaps before it returns. changes, bodies and author
 * are copied. One change is made at a time: -EBUSY while another is under way, and done is not
 * called; weir_agent_on_idle() tells when it may be tried again. An object that refers to what the
 * same change removes is a mistake in that object. Also when a was closed meanwhile done is called,
 * by the loop. */
int weir_agent_change(struct weir_agent *a, const struct weir_author *author,
		      const struct weir_change *changes, size_t n,
		      void (*done)(void *arg, const struct weir_changed *result), void *arg);

/* What would become of such a change, which is not made; result->notes is the caller's. */
void weir_agent_check(struct weir_agent *a, const struct weir_change *changes, size_t n,
		      struct weir_changed *result);

/* Whom to tell that no change is under way any more; one listener. Events that are being written
 * (alerts.h) are a change in this sense, and so is a reload that reads zone files. */
void weir_agent_on_idle(struct weir_agent *a, void (*idle)(void *arg), void *arg);
bool weir_agent_is_busy(const struct weir_agent *a);

/* Whether the store is in another thread: with a change, or with events. */
bool weir_agent_store_is_away(const struct weir_agent *a);

/* What became of a pool: an object of "pools" of the status (weir/api.h), the caller's; NULL: there
 * is no such pool. */
json_t *weir_agent_pool(struct weir_agent *a, const char *id);

/* Probes the origins of pools (a list of ids that there are) once, as monitor, the body of one,
 * says; nothing else changes by it. id: 32 digits, of the caller's choice. False: *err says what is
 * wrong; its path is within monitors[0], or pools[i]. */
bool weir_agent_preview(struct weir_agent *a, const char *id, const json_t *monitor,
			const json_t *pools, struct weir_err *err);

/* What is known of it so far: { id of a pool: { "name", "minimum_origins", "origins": [ { "name",
 * "address", "state": "unknown|healthy|unhealthy", "reason", "rtt_us", "status", "checked": null |
 * true } ] } }, an origin for each address; for five minutes after its end. Borrowed; NULL: there
 * is no such preview. */
const json_t *weir_agent_previewed(const struct weir_agent *a, const char *id);

/* The store, for tokens, history and events; NULL: agent.store is not configured. Not while it
 * is away. */
struct weir_store *weir_agent_store(struct weir_agent *a);

#endif
