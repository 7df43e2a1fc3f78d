/* SPDX-License-Identifier: GPL-2.0-or-later */
/* change.c - a change of objects: checked on the loop, made durable in another thread, and then in
 * effect, one at a time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_impl.h"
#include "base/log.h"
#include "model/refs.h"

struct agent_change {
	uv_work_t work;
	struct weir_agent *agent; /* NULL: it was closed meanwhile */
	struct weir_store *store;
	struct agent_objects *objects;   /* as they will be */
	struct weir_model *model;        /* made of them; NULL: it is as it was */
	uint64_t model_of;               /* a->models when it was made */
	struct agent_zone_reading *read; /* of its zone files; NULL: all are as they were */
	json_t *list;                    /* of changes */
	struct weir_change *changes;     /* the same; refers to list */
	char *who, *from, *what;
	uint64_t now_ms;
	bool durable;
	struct weir_changed result;
	void (*done)(void *arg, const struct weir_changed *result);
	void *arg;
};

static void drop(struct agent_change *c)
{
	agent_objects_free(c->objects);
	weir_model_free(c->model);
	agent_zone_reading_free(c->read);
	json_decref(c->list);
	json_decref(c->result.notes);
	free(c->changes);
	free(c->who);
	free(c->from);
	free(c->what);
	free(c);
}

static char *copy(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(weir_alloc(n, 1), s, n);
}

static struct agent_change *new_change(struct weir_agent *a, const struct weir_author *author,
				       const struct weir_change *changes, size_t n)
{
	struct agent_change *c = weir_new(struct agent_change);

	c->agent = a;
	c->store = a->store;
	c->now_ms = agent_now_ms();
	c->who = copy(author->who);
	c->from = copy(author->from);
	c->what = copy(author->what);
	c->changes = weir_new_array(n, struct weir_change);
	c->list = json_array();
	c->result.notes = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *one = json_pack(
			"{s:s, s:s, s:o}", "kind", changes[i].kind, "id", changes[i].id, "body",
			changes[i].body ? json_deep_copy(changes[i].body) : json_null());

		json_array_append_new(c->list, one);
		c->changes[i] = (struct weir_change){
			.kind = json_string_value(json_object_get(one, "kind")),
			.id = json_string_value(json_object_get(one, "id")),
			.body = changes[i].body ? json_object_get(one, "body") : NULL,
		};
	}
	return c;
}

static size_t size_of(const struct agent_change *c)
{
	return json_array_size(c->list);
}

/* --- is it good? --- */

static bool refuse(struct agent_change *c, enum weir_refusal why, size_t which)
{
	c->result.refused = why;
	c->result.which = which;
	return false;
}

/* The change of this object. */
static bool find(const struct agent_change *c, const char *kind, const char *id, size_t *which)
{
	for (size_t i = 0; i < size_of(c); i++) {
		*which = i;
		if (!strcmp(c->changes[i].kind, kind) && !strcmp(c->changes[i].id, id))
			return true;
	}
	return false;
}

static bool check_owners(struct agent_change *c)
{
	for (size_t i = 0; i < size_of(c); i++) {
		if (!weir_agent_is_files(c->agent, c->changes[i].kind, c->changes[i].id))
			continue;
		weir_err_set(&c->result.err, "",
			     "stands in %s, and only that file changes it: edit it there and "
			     "reload",
			     c->agent->config_path);
		return refuse(c, WEIR_REFUSED_FILES, i);
	}
	return true;
}

/* Objects that are removed and in use. */
static bool check_removals(struct agent_change *c)
{
	for (size_t i = 0; i < size_of(c); i++) {
		const struct weir_change *of = &c->changes[i];

		for (unsigned k = WEIR_OBJECT_MONITOR; !of->body && k <= WEIR_OBJECT_LB; k++)
			if (!strcmp(of->kind, weir_object_text((enum weir_object)k)) &&
			    !weir_check_removal(c->agent->model, (enum weir_object)k, of->id,
						&c->result.err))
				return refuse(c, WEIR_REFUSED_IN_USE, i);
	}
	return true;
}

/* The document is not good: who of the change is to blame. */
static bool blame(struct agent_change *c)
{
	struct weir_err err = c->result.err;
	const char *kind, *id, *rest;
	size_t which = 0;

	if (!check_removals(c))
		return false;
	c->result.err = err;
	if (agent_objects_place(c->objects, err.path, &kind, &id, &rest) &&
	    find(c, kind, id, &which))
		memmove(c->result.err.path, c->result.err.path + (strlen(err.path) - strlen(rest)),
			strlen(rest) + 1);
	else
		agent_objects_explain(c->objects, &c->result.err);
	return refuse(c, WEIR_REFUSED_INVALID, which);
}

static void gather_notes(struct agent_change *c)
{
	for (uint32_t i = 0; i < c->model->n_notes; i++) {
		const struct weir_note *n = &c->model->notes[i];
		const char *kind, *id, *rest;
		size_t which;

		if (agent_objects_place(c->objects, n->path, &kind, &id, &rest) &&
		    find(c, kind, id, &which))
			json_array_append_new(c->result.notes, json_pack("{s:s, s:s}", "path", rest,
									 "text", n->text));
	}
}

static bool concerns_model(const struct agent_change *c)
{
	for (size_t i = 0; i < size_of(c); i++)
		if (agent_objects_is_models(c->changes[i].kind))
			return true;
	return false;
}

static bool check(struct agent_change *c)
{
	struct weir_agent *a = c->agent;

	if (!a->store) {
		weir_err_set(&c->result.err, "agent.store",
			     "is not configured: nothing can be kept");
		return refuse(c, WEIR_REFUSED_STORE, 0);
	}
	if (!check_owners(c))
		return false;
	c->objects = agent_objects_change(a->objects, c->list);
	if (!concerns_model(c))
		return true;
	c->model_of = a->models;
	if (!agent_hosts_build(a, c->objects, &c->model, &c->result.err))
		return blame(c);
	gather_notes(c);
	return true;
}

/* --- it is durable: now in effect --- */

/* The model that was checked, unless addresses of host names have changed meanwhile. */
static bool fresh(struct agent_change *c)
{
	struct weir_agent *a = c->agent;

	if (c->model_of == a->models)
		return true;
	weir_model_free(c->model);
	c->model = NULL;
	return agent_hosts_build(a, c->objects, &c->model, &c->result.err);
}

static bool take_effect(struct agent_change *c)
{
	struct weir_agent *a = c->agent;

	if (!c->model)
		return true;
	if (!fresh(c) || !agent_use(a, c->model, c->read, NULL, &c->result.err))
		return refuse(c, WEIR_REFUSED_APPLY, 0);
	if (c->model->n_hosts)
		agent_hosts_ask(a, c->model);
	c->model = NULL; /* it is the agent's */
	agent_hosts_settle(a, true);
	return true;
}

static void take_back(struct agent_change *c)
{
	struct weir_err err;

	if (!weir_store_take_back(c->store, c->result.revision, &err))
		weir_error("%s: %s", err.path, err.text);
}

static void finish(struct agent_change *c)
{
	struct weir_agent *a = c->agent;
	uint64_t before = a->stored_revision;

	a->stored_revision = c->result.revision;
	if (take_effect(c)) {
		agent_objects_free(a->objects);
		a->objects = c->objects;
		c->objects = NULL;
		agent_alerts_objects(a);
		weir_info("revision %llu by %s from %s: %s, table digest %016llx",
			  (unsigned long long)c->result.revision, c->who, c->from, c->what,
			  (unsigned long long)a->tables->digest);
	} else {
		a->stored_revision = before;
		take_back(c);
	}
}

static void in_thread(uv_work_t *work)
{
	struct agent_change *c = work->data;
	const struct weir_author author = { c->who, c->from, c->what };

	if (c->read)
		agent_zone_reading_run(c->read);
	c->durable = weir_store_commit(c->store, &author, c->changes, size_of(c), c->now_ms,
				       &c->result.revision, &c->result.err);
}

/* Nobody waits for this any more: the next agent finds it in the store. */
static void abandon(struct agent_change *c)
{
	weir_store_close(c->store);
	c->done(c->arg, &c->result); /* frees what it has */
	drop(c);
}

static void after_thread(uv_work_t *work, int status)
{
	struct agent_change *c = work->data;
	struct weir_agent *a = c->agent;

	(void)status;
	if (!a) {
		abandon(c);
		return;
	}
	if (c->durable) {
		finish(c);
	} else {
		weir_error("a change is refused: %s: %s", c->result.err.path, c->result.err.text);
		refuse(c, WEIR_REFUSED_STORE, 0);
	}
	a->change = NULL;
	c->done(c->arg, &c->result);
	drop(c);
	if (a->change)
		return;
	if (a->reload_later)
		weir_agent_reload(a);
	agent_alerts_idle(a);
	agent_store_idle(a);
}

int weir_agent_change(struct weir_agent *a, const struct weir_author *author,
		      const struct weir_change *changes, size_t n,
		      void (*done)(void *arg, const struct weir_changed *result), void *arg)
{
	struct agent_change *c;

	if (weir_agent_is_busy(a))
		return -EBUSY;
	c = new_change(a, author, changes, n);
	c->done = done;
	c->arg = arg;
	if (!check(c)) {
		done(arg, &c->result);
		drop(c);
		return 0;
	}
	if (c->model)
		c->read = agent_zone_reading_new(c->model, &a->where.zones);
	a->change = c;
	c->work.data = c;
	return uv_queue_work(a->loop, &c->work, in_thread, after_thread);
}

void weir_agent_check(struct weir_agent *a, const struct weir_change *changes, size_t n,
		      struct weir_changed *result)
{
	const struct weir_author nobody = { "", "", "" };
	struct agent_change *c = new_change(a, &nobody, changes, n);

	check(c);
	*result = c->result;
	c->result.notes = NULL;
	drop(c);
}

void weir_agent_on_idle(struct weir_agent *a, void (*idle)(void *arg), void *arg)
{
	a->on_idle = idle;
	a->on_idle_arg = arg;
}

bool weir_agent_is_busy(const struct weir_agent *a)
{
	return a->reload || weir_agent_store_is_away(a);
}

bool weir_agent_store_is_away(const struct weir_agent *a)
{
	return a->change || agent_alerts_are_writing(a);
}

void agent_store_idle(struct weir_agent *a)
{
	if (!weir_agent_is_busy(a) && a->on_idle)
		a->on_idle(a->on_idle_arg);
}

/* --- the store --- */

struct weir_store *weir_agent_store(struct weir_agent *a)
{
	return weir_agent_store_is_away(a) ? NULL : a->store;
}

static bool gather(void *arg, const char *kind, const char *id, json_t *body)
{
	json_t *stored = arg, *of = json_object_get(stored, kind);

	if (!of) {
		of = json_object();
		json_object_set_new(stored, kind, of);
	}
	json_object_set(of, id, body);
	return true;
}

/* What is stored goes with the file, or the agent does not start: packets go on meanwhile as they
 * did. */
static bool use_stored(struct weir_agent *a, json_t *file, json_t *stored, struct weir_model **m,
		       struct weir_err *err)
{
	struct weir_model *both;

	agent_objects_free(a->objects);
	a->objects = agent_objects_new(file, stored);
	if (!agent_objects_is_mixed(a->objects))
		return true;
	if (!weir_model_parse(a->objects->document, &both, err)) {
		agent_objects_explain(a->objects, err);
		return false;
	}
	weir_model_free(*m);
	*m = both;
	return true;
}

int agent_store_open(struct weir_agent *a, json_t *file, struct weir_model **m)
{
	const char *path = (*m)->agent.store;
	json_t *stored = json_object();
	struct weir_err err;
	bool ok = true;

	a->objects = agent_objects_new(file, stored);
	if (path)
		ok = weir_store_open(path, &a->store, &err) &&
		     weir_store_objects(a->store, gather, stored, &err) &&
		     use_stored(a, file, stored, m, &err);
	json_decref(stored);
	if (ok && a->store)
		a->stored_revision = weir_store_revision(a->store);
	if (ok)
		return 0;
	weir_error("%s%s%s", err.path, err.path[0] ? ": " : "", err.text);
	return -EINVAL;
}

void agent_store_close(struct weir_agent *a)
{
	if (a->change)
		a->change->agent = NULL; /* it closes the store */
	else
		weir_store_close(a->store);
	agent_objects_free(a->objects);
}
