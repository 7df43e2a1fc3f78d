/* SPDX-License-Identifier: GPL-2.0-or-later */
/* agent.h - the only mutable state: what is configured, what is healthy, and the one function
 * that makes everything else follow. On the loop's thread only. */
#ifndef WEIR_AGENT_AGENT_H
#define WEIR_AGENT_AGENT_H

#include <jansson.h>
#include <uv.h>

#include "model/model.h"

struct weir_agent;

/* Reads and checks a configuration file; its host names have no addresses yet. On false err has
 * file position and sentence. The caller owns *out: weir_model_free(), and *root, of which it was
 * made, unless root is NULL. */
bool weir_config_read(const char *path, json_t **root, struct weir_model **out,
		      struct weir_err *err);

/* "weir.yaml:12:5: pools[2].origins[0].weight: must be ..." into out. Returns out. */
const char *weir_config_error(const char *path, const struct weir_err *err, char *out, size_t size);

/* Takes model and root, of which it was made, over and loads or adopts the packet path; nothing
 * that packets would notice changes before weir_agent_start(). Where the model has host names the
 * loop runs until they are answered, for 3 s at most. *out is the caller's: weir_agent_close(). 0
 * or a negative errno, said in the log. */
int weir_agent_open(uv_loop_t *loop, const char *config_path, json_t *root,
		    struct weir_model *model, struct weir_agent **out);

/* Attaches, makes the tables say what model says, listens and probes. The same errors. */
int weir_agent_start(struct weir_agent *a);

/* The agent section as it holds now; until the next reload. */
const struct weir_agent_conf *weir_agent_conf(const struct weir_agent *a);

/* Reads the configuration file again: all of it or, after an error that the log and the status
 * tell, nothing. */
void weir_agent_reload(struct weir_agent *a);

/* The status object of weir/api.h, owned by the caller. */
json_t *weir_agent_status(const struct weir_agent *a);

/* What became of packets and queries: the reasons object of weir/api.h, the same way. */
json_t *weir_agent_reasons(const struct weir_agent *a);

/* What became of DNS queries: the dns object of weir/api.h, the same way. */
json_t *weir_agent_dns(const struct weir_agent *a);

/* How long handshakes took: the handshakes object of weir/api.h, the same way. */
json_t *weir_agent_handshakes(const struct weir_agent *a);

/* Where a flow goes and why, by running a packet of it through the packet path: the trace object of
 * weir/api.h, the caller's. args: the texts of the request. -EINVAL: they are not what they must
 * be; any error is in *err. */
int weir_agent_trace(const struct weir_agent *a, const json_t *args, json_t **out,
		     struct weir_err *err);

/* What a DNS question would be answered, and which rule says so; a zone as a file. As the next. */
int weir_agent_explain(const struct weir_agent *a, const json_t *args, json_t **out,
		       struct weir_err *err);
int weir_agent_zone_file(const struct weir_agent *a, const json_t *args, json_t **out,
			 struct weir_err *err);

/* Who refers to an object, and to what it refers: the references object of weir/api.h, the same
 * way. -ENOENT: there is no such object. */
int weir_agent_refs(const struct weir_agent *a, const json_t *args, json_t **out,
		    struct weir_err *err);

/* What holds by hand: the overrides object of weir/api.h, the same way. */
json_t *weir_agent_overrides(const struct weir_agent *a);

/* Says something by hand of a pool (origin NULL) or one of its origins, by the body of weir/api.h;
 * body NULL: what was said so is forgotten. -ENOENT: there is no such pool or origin, or nothing
 * was said; -EINVAL: body is not what it must be; -ENOSPC; any error is in *err. */
int weir_agent_override(struct weir_agent *a, const char *pool, const char *origin,
			const json_t *body, struct weir_err *err);

/* What there is to say of zones: the zones object of weir/api.h, the same way. */
json_t *weir_agent_zones(const struct weir_agent *a);

/* Does something to the keys of a zone: "roll" or "ds-seen", by the body of weir/api.h (NULL:
 * none). -ENOENT: there is no such zone or nothing of that name to do; -EINVAL: not now, or body is
 * not what it must be; -EIO and other errnos: it could not be kept; any error is in *err. */
int weir_agent_zone_do(struct weir_agent *a, const char *zone, const char *what, const json_t *body,
		       struct weir_err *err);

/* --- captures: packets as a pcapng file that grows while they come --- */

struct weir_capture;

/* Begins one, by the arguments of weir/api.h. on_news is called when there is something to take or
 * the capture is over, and every now and then besides. *out is the caller's: weir_capture_free(),
 * before the agent is closed. -EINVAL: args are not what they must be; -EBUSY, -ENODEV: not now;
 * any error is in *err. Blocks while the kernel verifies (tens of ms). */
int weir_agent_capture(struct weir_agent *a, const json_t *args, void (*on_news)(void *arg),
		       void *arg, struct weir_capture **out, struct weir_err *err);

/* Whether there is something to take, or nothing will come any more. */
bool weir_capture_ready(const struct weir_capture *c);

/* The next bytes of the file, as many as there are now and fit. */
size_t weir_capture_take(struct weir_capture *c, char *to, size_t room);

/* Ends it before its time: why, in words. Its last bytes can then be taken. */
void weir_capture_end(struct weir_capture *c, const char *why);

/* NULL until it has ended and everything was taken; then a sentence with its numbers. */
const char *weir_capture_summary(const struct weir_capture *c);

/* Ends it if that was not done. Needs uv_run() afterwards for handles to close. Takes NULL. */
void weir_capture_free(struct weir_capture *c);

/* Stops probing and answering and frees everything; the packet path stays as it is. Needs
 * uv_run() afterwards for handles to close. Takes NULL. */
void weir_agent_close(struct weir_agent *a);

#endif
