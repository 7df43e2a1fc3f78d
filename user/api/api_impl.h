/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api_impl.h - what the files of this folder share. */
#ifndef WEIR_API_API_IMPL_H
#define WEIR_API_API_IMPL_H

#include <microhttpd.h>

#include "api/api.h"

struct weir_api {
	uv_poll_t poll;
	uv_timer_t timer;
	struct MHD_Daemon *daemon;
	struct weir_agent *agent;
	struct kept *kept;      /* by route */
	struct stream *streams; /* captures that are being sent */
};

/* Lets libmicrohttpd do what there is to do. Not from within its callbacks. */
void api_run(struct weir_api *api);

/* Answers with a JSON object, which is taken over; with {"error": why}. */
enum MHD_Result api_reply(struct MHD_Connection *c, unsigned status, json_t *body);
enum MHD_Result api_refuse(struct MHD_Connection *c, unsigned status, const char *why);

/* The same for a method that the path does not have; allow: those that it has. */
enum MHD_Result api_refuse_method(struct MHD_Connection *c, const char *allow, const char *why);

/* Something changed: whoever asks from now on is told so. */
void api_forget_answers(struct weir_api *api);

/* ask.c: answers that depend on the arguments of the URL. */
json_t *api_args(struct MHD_Connection *c, struct weir_err *err); /* the caller's; NULL: err */
enum MHD_Result api_refuse_err(struct MHD_Connection *c, unsigned status,
			       const struct weir_err *err);
enum MHD_Result api_ask_trace(struct weir_api *api, struct MHD_Connection *c);
enum MHD_Result api_ask_refs(struct weir_api *api, struct MHD_Connection *c);
enum MHD_Result api_ask_explain(struct weir_api *api, struct MHD_Connection *c);
enum MHD_Result api_ask_zone_file(struct weir_api *api, struct MHD_Connection *c);

/* override.c: which is "POOL" or "POOL/ORIGIN"; a change by method and body. */
enum MHD_Result api_change_override(struct weir_api *api, struct MHD_Connection *c,
				    const char *which, const char *method, const char *body,
				    size_t len);

/* zones.c: which is "NAME/COMMAND". */
enum MHD_Result api_tell_zone(struct weir_api *api, struct MHD_Connection *c, const char *which,
			      const char *method, const char *body, size_t len);

/* capture.c */
enum MHD_Result api_ask_capture(struct weir_api *api, struct MHD_Connection *c);
/* libmicrohttpd ends no connection that is suspended. */
void api_resume_captures(struct weir_api *api);

#endif
