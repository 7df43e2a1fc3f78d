/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api_impl.h - what the files of this folder share, but for what facades see: request.h. */
#ifndef WEIR_API_API_IMPL_H
#define WEIR_API_API_IMPL_H

#include <microhttpd.h>

#include "api/api.h"
#include "api/request.h"

struct api_auth;
struct api_call;
struct api_connection;
struct api_door;
struct api_listener;
struct changing;
struct kept;
struct stream;

/* Requests that wait for their turn, in order of arrival. */
struct api_queue {
	struct api_call *first, **end;
};

struct weir_api {
	uv_loop_t *loop;
	uv_idle_t turn;     /* when those that wait go on */
	uv_timer_t janitor; /* looks for connections whose time is over */
	unsigned n_handles; /* that are not closed yet */
	bool closing, reload_later;
	struct weir_agent *agent;
	struct api_door *doors;
	struct api_listener *listeners;
	struct api_auth *auth;
	struct kept *kept;         /* by route */
	char *openapi;             /* the document as a text; NULL: nobody asked yet */
	struct stream *streams;    /* captures that are being sent */
	struct api_queue reads;    /* there was no time for them */
	struct api_queue writes;   /* a change was under way, or they came behind such */
	uint64_t turn_ns;          /* when the present turn began */
	struct api_call *changing; /* whose change is under way; NULL: none of ours */
	size_t body_bytes;         /* of all bodies that are kept */
};

/* An address that is listened on. */
struct api_door {
	struct api_door *next;
	struct weir_api *api;
	struct weir_sockaddr addr;
	struct api_listener *to;            /* who serves those that come */
	struct api_connection *connections; /* all, also those that are being served */
	struct api_connection *entering;    /* that libmicrohttpd is being given */
	unsigned n_connections, max;
	uv_poll_t poll; /* of epoll, where fd and those that have said nothing yet are */
	int epoll, fd;
	bool tls, control, is_open; /* control: weir's own paths need no token here */
};

/* A libmicrohttpd daemon: it serves those that come in by a door. */
struct api_listener {
	struct api_listener *next;
	struct weir_api *api;
	struct api_door *door;
	struct MHD_Daemon *daemon;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned n_handles;
	bool resumed;  /* there is something to do for it in the next turn */
	bool draining; /* another one serves those that come */
	bool control;  /* as the door */
};

/* --- listen.c: libmicrohttpd on the loop --- */

/* Listens on addr, with TLS if conf is of agent.api and has it. -EINVAL: the certificate or key is
 * not what it must be (said in the log); any other negative errno is the caller's to say. */
int api_listen(struct weir_api *api, const struct weir_sockaddr *addr,
	       const struct weir_api_conf *conf);

/* The same address with the files as they are now, for connections that come from now on; those
 * that are there end with their next reply. On failure everything stays (said in the log). */
void api_listen_again(struct api_door *d, const struct weir_api_conf *conf);

/* Ends all connections. Needs uv_run() afterwards. */
void api_listen_no_more(struct weir_api *api);

struct api_listener *api_listener_of(const struct weir_api *api, struct MHD_Connection *c);

/* The handles of a listener or a door (or the api's own) are closed. */
void api_handle_closed(struct weir_api *api);

/* Lets libmicrohttpd do what there is to do. Not from within its callbacks. l may be gone after. */
void api_run(struct api_listener *l);

/* --- connections.c: who comes in, and for how long --- */

/* Takes new ones, and lets some in of those that have something to say. api_run() follows. */
void api_at_door(struct api_door *d);

/* A connection's time for what it does next: 0 ends the limit. */
void api_connection_has(struct MHD_Connection *c, unsigned seconds);
/* It is read no more. */
void api_connection_end(struct MHD_Connection *c);
void api_on_connection(void *arg, struct MHD_Connection *c, void **socket_context,
		       enum MHD_ConnectionNotificationCode code);
void api_cut_off(struct api_door *d, uint64_t now_ns);
/* Ends those that are not being served. */
void api_empty_door(struct api_door *d);

/* --- http.c: libmicrohttpd's callbacks --- */

#define API_BODY_MAX 65536 /* bytes of a request's body on weir's own paths */

/* A request and what becomes of it. */
struct api_call {
	struct api_request r;
	struct weir_api *api;
	struct api_listener *at;
	struct api_call *next;      /* in a queue */
	struct api_queue *queue;    /* NULL: in none */
	struct changing *change;    /* that is under way; NULL: none */
	char *target;               /* path and query as they came */
	char *path;                 /* that segments are cut from; NULL: not yet */
	char *body;                 /* what is kept of it */
	size_t body_len, body_kept; /* of all that came; of what is kept */
	char from[WEIR_ADDR_TEXT];
	char what[128]; /* it does, for the audit; "": method and path say so */
	bool begun;     /* the headers are there */
	bool own;       /* a path of routes.c */
	bool admitted;  /* its token was found good */
	bool refused;   /* a reply says no; its body is not kept */
	bool write;     /* may change something */
	bool alone;     /* only while no change is under way */
	bool turn;      /* it has waited */
	bool suspended;
	bool ready; /* the reply can be sent */
};

void *api_on_target(void *arg, const char *target, struct MHD_Connection *c);
enum MHD_Result api_on_request(void *arg, struct MHD_Connection *c, const char *path,
			       const char *method, const char *version, const char *data,
			       size_t *len, void **state);
void api_on_request_over(void *arg, struct MHD_Connection *c, void **state,
			 enum MHD_RequestTerminationCode why);

/* --- vendor.c: which facade, which route --- */

/* All facades, longest prefix first, NULL at the end; weir's own, whose prefix comes before. */
extern const struct api_vendor *const api_vendors[];
extern const struct api_vendor api_weir, api_cloudflare, api_dnsimple, api_fastly;

/* Finds vendor, segments, route and arguments of a call. False: err says what is wrong with them;
 * the vendor is there nevertheless. */
bool api_find(struct api_call *call, struct weir_err *err);

/* Has the facade answer and begins its changes; for weir's own paths only looks whether it may. The
 * reply can be sent when it is true. False: it waits for its turn or its change, and its connection
 * is to be suspended. */
bool api_serve(struct api_call *call);

/* Its client is gone, or the server ends: the change goes on. */
void api_leave_change(struct api_call *call);

/* Sets a reply of the vendor's form to what the server refuses. */
void api_fail(struct api_call *call, unsigned status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

uint64_t api_wall_ms(void);

/* Sends what was set. */
enum MHD_Result api_send(struct api_call *call);
void api_forget_reply(struct api_request *r);

/* --- queue.c: whose turn it is --- */

void api_queue_init(struct weir_api *api);
void api_wait(struct api_queue *q, struct api_call *call, bool in_front);
void api_wait_no_more(struct api_call *call);
bool api_turn_is_over(const struct weir_api *api);
void api_next_turn(struct weir_api *api);   /* soon */
void api_go_on(struct api_call *call);      /* not suspended any more */
void api_queue_close(struct weir_api *api); /* before daemons are stopped */

/* --- auth.c: who may --- */

enum api_admission {
	API_ADMITTED,
	API_REFUSED,
	API_LATER
};

/* Refused: the reply is set. Later: the store is in use. */
enum api_admission api_admit(struct api_call *call);
struct api_auth *api_auth_new(void);
void api_auth_free(struct api_auth *auth);
/* All that is known of tokens may have changed. */
void api_auth_forget(struct api_auth *auth);
void api_hash(const char *secret, uint8_t hash[WEIR_TOKEN_HASH]);

/* --- routes.c: weir's own paths that are read, asked and told --- */

bool api_is_own(const char *path);
bool api_is_private(const char *path); /* reading it needs a token that may write */
enum MHD_Result api_serve_own(struct api_call *call, const char *path, const char *method);
struct kept *api_kept_new(void);
void api_kept_free(struct kept *kept);
/* Adds them to "paths" of an OpenAPI document. */
void api_describe_own(json_t *paths);
/* Something changed: whoever asks from now on is told so. */
void api_forget_answers(struct weir_api *api);

/* Answers with a JSON object, which is taken over; with {"error": why}. */
enum MHD_Result api_reply(struct MHD_Connection *c, unsigned status, json_t *body);
enum MHD_Result api_refuse(struct MHD_Connection *c, unsigned status, const char *why);

/* --- weir.c, openapi.c --- */

/* Adds the paths of weir.c to a list. */
void api_weir_paths(json_t *paths);
/* The document, the caller's. */
json_t *api_openapi(void);
/* An operation of weir's own, the caller's; adds one (taken over) to "paths". */
json_t *api_operation(const char *path, const char *summary, const char *query);
void api_describe(json_t *paths, const char *path, const char *method, json_t *operation_of_it);
/* A line of the log about what is done besides changes of objects. */
void api_audit(const struct api_request *r, const char *of);

/* --- ask.c: answers that depend on the arguments of the URL --- */

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
