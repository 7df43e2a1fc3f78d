/* SPDX-License-Identifier: GPL-2.0-or-later */
/* queue.c - whose turn it is. The loop also probes and answers DNS: after a few milliseconds of
 * requests the others wait for its next round. What may change something waits besides until no
 * change is under way. While a request waits its connection is suspended. */
#include "api/api_impl.h"

#define TURN_NS 5000000

static void push(struct api_queue *q, struct api_call *call, bool in_front)
{
	call->queue = q;
	if (in_front) {
		call->next = q->first;
		if (!q->first)
			q->end = &call->next;
		q->first = call;
		return;
	}
	call->next = NULL;
	*q->end = call;
	q->end = &call->next;
}

void api_wait_no_more(struct api_call *call)
{
	struct api_queue *q = call->queue;

	if (!q)
		return;
	for (struct api_call **at = &q->first; *at; at = &(*at)->next) {
		if (*at != call)
			continue;
		*at = call->next;
		if (!call->next)
			q->end = at;
		break;
	}
	call->queue = NULL;
}

void api_wait(struct api_queue *q, struct api_call *call, bool in_front)
{
	push(q, call, in_front);
	if (q == &call->api->reads || !weir_agent_is_busy(call->api->agent))
		api_next_turn(call->api);
}

bool api_turn_is_over(const struct weir_api *api)
{
	return uv_hrtime() - api->turn_ns > TURN_NS;
}

void api_go_on(struct api_call *call)
{
	if (!call->suspended)
		return;
	MHD_resume_connection(call->r.connection);
	call->suspended = false;
	call->at->resumed = true;
	api_next_turn(call->api);
}

/* The first of q has its turn. */
static void serve_first(struct api_queue *q)
{
	struct api_call *call = q->first;
	struct api_listener *l = call->at;

	api_wait_no_more(call);
	call->turn = true;
	api_go_on(call);
	l->resumed = false;
	api_run(l); /* call and l may be gone */
}

/* Each once: one of them may want to run again in the next turn. */
static void run_resumed(struct weir_api *api)
{
	struct api_listener *next;

	for (struct api_listener *l = api->listeners; l; l = next) {
		next = l->next; /* l may be gone */
		if (!l->resumed)
			continue;
		l->resumed = false;
		api_run(l);
	}
}

static bool may_change(const struct weir_api *api)
{
	return api->writes.first && !weir_agent_is_busy(api->agent);
}

/* None of the two waits for ever: one of those that change something, then the others. */
static void on_turn(uv_idle_t *turn)
{
	struct weir_api *api = turn->data;

	uv_idle_stop(turn);
	api->turn_ns = uv_hrtime();
	run_resumed(api);
	if (may_change(api))
		serve_first(&api->writes);
	while (api->reads.first && !api_turn_is_over(api))
		serve_first(&api->reads);
	while (may_change(api) && !api_turn_is_over(api))
		serve_first(&api->writes);
	if (api->reads.first || may_change(api))
		api_next_turn(api);
}

/* Not by a timer: one that is due at once has another turn before the loop looks at anything else.
 */
void api_next_turn(struct weir_api *api)
{
	if (!api->closing)
		uv_idle_start(&api->turn, on_turn);
}

static void on_idle(void *arg)
{
	struct weir_api *api = arg;

	if (api->writes.first)
		api_next_turn(api);
	if (api->reload_later)
		weir_api_reload(api);
}

void api_queue_init(struct weir_api *api)
{
	api->reads.end = &api->reads.first;
	api->writes.end = &api->writes.first;
	uv_idle_init(api->loop, &api->turn);
	api->turn.data = api;
	weir_agent_on_idle(api->agent, on_idle, api);
}

static void resume_all(struct api_queue *q)
{
	while (q->first) {
		struct api_call *call = q->first;

		api_wait_no_more(call);
		api_go_on(call);
	}
}

void api_queue_close(struct weir_api *api)
{
	weir_agent_on_idle(api->agent, NULL, NULL);
	uv_idle_stop(&api->turn);
	resume_all(&api->reads);
	resume_all(&api->writes);
	if (api->changing)
		api_go_on(api->changing);
}
