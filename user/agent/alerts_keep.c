/* SPDX-License-Identifier: GPL-2.0-or-later */
/* alerts_keep.c - what is to be written of events and messages: all of one turn of the loop as one
 * transaction, in another thread, since a disk takes its time. A message is sent once it is
 * durable. The store is in one thread at a time: what is written here is, to all who want to change
 * objects, a change that is under way. */
#include "agent/alerts_impl.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define AT_ONCE      256u /* written as one: the loop, too, has its part of that */
#define OPS_MAX      100000u
#define LETTERS_MAX  50000u
#define AGAIN_MS     1000u /* after this time what could not be written is tried again; at most: */
#define AGAIN_MAX_MS 60000u

struct agent_writing {
	uv_work_t work;
	struct agent_alerts *alerts; /* NULL: they were closed meanwhile */
	struct weir_store *store;
	struct agent_ops ops;
	unsigned n_ops;
	bool ok;
	struct weir_err err;
};

static void op_free(struct agent_op *op)
{
	json_decref(op->body);
	free(op->key);
	free(op);
}

static void ops_free(struct agent_ops *ops)
{
	struct agent_op *op;

	while ((op = STAILQ_FIRST(ops))) {
		STAILQ_REMOVE_HEAD(ops, next);
		op_free(op);
	}
}

/* --- what is to be written --- */

/* Messages that nobody takes must not fill memory and disk. What is known of pools is kept. */
static bool has_room(struct agent_alerts *l, enum agent_op_kind kind)
{
	bool room = kind == AGENT_OP_LETTER  ? l->n_ops < OPS_MAX && l->n_letters < LETTERS_MAX
		    : kind == AGENT_OP_EVENT ? l->n_ops < OPS_MAX
					     : true;

	if (!room && !l->overflowed)
		weir_error("alerts: %u messages wait for their receivers: more are not kept",
			   l->n_letters);
	l->overflowed |= !room;
	return room;
}

void agent_keep(struct agent_alerts *l, enum agent_op_kind kind, const char *key, json_t *body,
		uint64_t id)
{
	struct agent_op *op;

	if (!has_room(l, kind)) {
		json_decref(body);
		return;
	}
	op = weir_new(struct agent_op);
	op->kind = kind;
	op->key = key ? strdup(key) : NULL;
	op->body = body;
	op->at_ms = agent_now_ms();
	op->id = id;
	STAILQ_INSERT_TAIL(&l->ops, op, next);
	l->n_ops++;
	l->n_letters += kind == AGENT_OP_LETTER;
	if (!l->failed && !uv_is_active((uv_handle_t *)&l->flush))
		uv_timer_start(&l->flush, agent_keep_flush, 0, 0);
}

void agent_keep_note(struct agent_alerts *l, const char *what, const char *id, const json_t *body)
{
	size_t size = strlen(what) + strlen(id) + 2;
	char *key = weir_alloc(size, 1);

	snprintf(key, size, "%s/%s", what, id);
	agent_keep(l, AGENT_OP_NOTE, key, body ? json_deep_copy(body) : NULL, 0);
	free(key);
}

/* --- writing --- */

static bool write_one(struct weir_store *s, struct agent_op *op, struct weir_err *err)
{
	switch (op->kind) {
	case AGENT_OP_EVENT:
		return weir_store_add_event(s, op->body, op->at_ms, &op->id, err);
	case AGENT_OP_LETTER:
		return weir_store_post(s, op->key, op->body, op->at_ms, &op->id, err);
	case AGENT_OP_NOTE:
		return weir_store_note(s, op->key, op->body, err);
	case AGENT_OP_TRIED:
		return weir_store_tried(s, op->id, err);
	case AGENT_OP_DELIVERED:
		return weir_store_delivered(s, op->id, op->at_ms, err);
	case AGENT_OP_GIVEN_UP:
		return weir_store_give_up(s, op->id, err);
	}
	return false;
}

static bool write_all(struct weir_store *s, struct agent_ops *ops, struct weir_err *err)
{
	struct agent_op *op;

	if (!weir_store_begin(s, err))
		return false;
	STAILQ_FOREACH(op, ops, next)
	if (!write_one(s, op, err))
		break;
	return weir_store_end(s, err);
}

static void in_thread(uv_work_t *work)
{
	struct agent_writing *w = work->data;

	w->ok = write_all(w->store, &w->ops, &w->err);
}

static void deliver(struct agent_alerts *l, uint64_t id, const char *lane, const json_t *body,
		    uint64_t at_ms)
{
	char *text = json_dumps(json_object_get(body, "payload"), JSON_COMPACT | JSON_ENCODE_ANY);
	const char *webhook = json_string_value(json_object_get(body, "webhook"));
	struct weir_letter letter = { .id = id,
				      .webhook = webhook ? webhook : "",
				      .lane = lane,
				      .body = text ? text : "",
				      .posted_ms = at_ms,
				      .once = json_is_true(json_object_get(body, "once")) };

	weir_deliver_send(l->deliver, &letter);
	free(text);
}

/* It is durable. */
static void written(struct agent_alerts *l, struct agent_writing *w)
{
	struct agent_op *op;

	if (l->failed)
		weir_info("alerts: events and messages are kept again");
	l->failed = 0;
	l->n_ops -= w->n_ops;
	STAILQ_FOREACH(op, &w->ops, next)
	if (op->kind == AGENT_OP_LETTER)
		deliver(l, op->id, op->key, op->body, op->at_ms);
	ops_free(&w->ops);
}

/* It waits, in its place before what has come meanwhile. */
static void not_written(struct agent_alerts *l, struct agent_writing *w)
{
	uint64_t wait = AGAIN_MAX_MS;

	if (!l->failed)
		weir_error("alerts: nothing can be kept, so nothing new is sent: %s: %s",
			   w->err.path, w->err.text);
	if (l->failed < 6)
		wait = AGAIN_MS << l->failed < AGAIN_MAX_MS ? AGAIN_MS << l->failed : AGAIN_MAX_MS;
	l->failed++;
	STAILQ_CONCAT(&w->ops, &l->ops);
	STAILQ_CONCAT(&l->ops, &w->ops);
	uv_timer_start(&l->flush, agent_keep_flush, wait, 0);
}

static void after_thread(uv_work_t *work, int status)
{
	struct agent_writing *w = work->data;
	struct agent_alerts *l = w->alerts;

	(void)status;
	if (!l) {
		weir_store_close(w->store);
		ops_free(&w->ops);
		free(w);
		return;
	}
	l->writing = NULL;
	if (w->ok)
		written(l, w);
	else
		not_written(l, w);
	free(w);
	agent_store_idle(l->agent); /* they come first now, as we do after each change */
	if (!STAILQ_EMPTY(&l->ops) && !uv_is_active((uv_handle_t *)&l->flush))
		uv_timer_start(&l->flush, agent_keep_flush, 0, 0);
}

/* Unless the store is in another thread: then it is tried again when it comes back. */
static void write_now(struct agent_alerts *l)
{
	struct weir_store *s = weir_agent_store(l->agent);
	struct agent_writing *w;
	struct agent_op *op;

	if (!s || STAILQ_EMPTY(&l->ops))
		return;
	w = weir_new(struct agent_writing);
	w->alerts = l;
	w->store = s;
	w->work.data = w;
	STAILQ_INIT(&w->ops);
	for (; w->n_ops < AT_ONCE && (op = STAILQ_FIRST(&l->ops)); w->n_ops++) {
		STAILQ_REMOVE_HEAD(&l->ops, next);
		STAILQ_INSERT_TAIL(&w->ops, op, next);
	}
	l->writing = w;
	uv_queue_work(l->agent->loop, &w->work, in_thread, after_thread);
}

void agent_keep_flush(uv_timer_t *timer)
{
	write_now(timer->data);
}

void agent_alerts_idle(struct weir_agent *a)
{
	if (a->alerts && !uv_is_active((uv_handle_t *)&a->alerts->flush))
		write_now(a->alerts);
}

bool agent_alerts_are_writing(const struct weir_agent *a)
{
	return a->alerts && a->alerts->writing;
}

/* --- what became of messages --- */

/* A webhook that takes nothing is told once, and once that it does again. */
static void mark(struct agent_alerts *l, const struct weir_delivery *d)
{
	json_t *marks = json_object_get(l->webhooks, d->webhook);
	json_int_t success = json_integer_value(json_object_get(marks, "success"));
	json_int_t failure = json_integer_value(json_object_get(marks, "failure"));
	bool taken = d->outcome == WEIR_TAKEN;

	if (!marks || !d->tried)
		return;
	if (!taken && failure <= success)
		weir_warn("alerts: webhook %s took no message: %s", d->webhook, d->why);
	else if (taken && failure > success)
		weir_info("alerts: webhook %s takes messages again", d->webhook);
	json_object_set_new(marks, taken ? "success" : "failure",
			    json_integer((json_int_t)agent_now_ms()));
	agent_keep_note(l, "webhook", d->webhook, marks);
}

void agent_delivered(void *alerts, const struct weir_delivery *d)
{
	struct agent_alerts *l = alerts;

	mark(l, d);
	if (d->outcome == WEIR_NOT_YET) {
		agent_keep(l, AGENT_OP_TRIED, NULL, NULL, d->id);
		return;
	}
	if (d->outcome == WEIR_GIVEN_UP)
		weir_warn("alerts: a message to webhook %s is given up: %s", d->webhook, d->why);
	/* A test message is no notification, and is not in their history. */
	agent_keep(l, d->outcome == WEIR_TAKEN && !d->once ? AGENT_OP_DELIVERED : AGENT_OP_GIVEN_UP,
		   NULL, NULL, d->id);
	l->n_letters--;
	l->overflowed = false;
}

/* --- beginning and end --- */

static void take_notes(struct agent_alerts *l, json_t *notes)
{
	const char *key;
	json_t *v;

	json_object_foreach(notes, key, v)
	{
		if (strncmp(key, "pool/", 5) == 0)
			json_object_set(l->pools, key + 5, v);
		else if (strncmp(key, "webhook/", 8) == 0)
			json_object_set(l->webhooks, key + 8, v);
	}
}

static void send_again(struct agent_alerts *l, json_t *list)
{
	json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
	{
		l->n_letters++;
		deliver(l, (uint64_t)json_integer_value(json_object_get(v, "id")),
			json_string_value(json_object_get(v, "lane")), json_object_get(v, "body"),
			(uint64_t)json_integer_value(json_object_get(v, "at")));
	}
}

bool agent_keep_read(struct agent_alerts *l, struct weir_err *err)
{
	json_t *notes, *letters;

	if (!weir_store_notes(l->agent->store, &notes, err))
		return false;
	take_notes(l, notes);
	json_decref(notes);
	if (!weir_store_undelivered(l->agent->store, &letters, err))
		return false;
	send_again(l, letters);
	json_decref(letters);
	return true;
}

void agent_keep_close(struct agent_alerts *l)
{
	struct weir_agent *a = l->agent;
	struct weir_err err;

	if (l->writing) { /* it closes the store */
		l->writing->alerts = NULL;
		a->store = NULL;
	} else if (weir_agent_store(a) && !STAILQ_EMPTY(&l->ops) &&
		   !write_all(a->store, &l->ops, &err)) {
		weir_error("%s: %s", err.path, err.text);
	}
	ops_free(&l->ops);
}
