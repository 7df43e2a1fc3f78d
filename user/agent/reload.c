/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reload.c - another model in the place of the present one: all of it, or nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_impl.h"
#include "base/log.h"

static bool same_listen(const struct weir_api_conf *a, const struct weir_api_conf *b)
{
	bool same = a->n_listen == b->n_listen && !a->certificate == !b->certificate;

	for (uint32_t i = 0; same && i < a->n_listen; i++)
		same = weir_addr_eq(&a->listen[i].addr, &b->listen[i].addr) &&
		       a->listen[i].port == b->listen[i].port;
	return same;
}

/* What a running agent cannot change. */
static bool check_reload(const struct weir_agent_conf *old, const struct weir_agent_conf *now,
			 struct weir_err *err)
{
	if (strcmp(old->pin_path, now->pin_path))
		return weir_err_set(err, "agent.pin_path",
				    "cannot change while the agent runs; "
				    "restart it");
	if (memcmp(old->hash_key, now->hash_key, sizeof(old->hash_key)))
		return weir_err_set(err, "agent.hash_key",
				    "cannot change while the agent runs; "
				    "restart it (established flows may move)");
	if (old->gue_port != now->gue_port)
		return weir_err_set(err, "agent.gue_port",
				    "cannot change while the agent runs; "
				    "restart it");
	if (!weir_prefix_eq(&old->outer4, &now->outer4) ||
	    !weir_prefix_eq(&old->outer6, &now->outer6))
		return weir_err_set(err, "agent.outer_source",
				    "cannot change while the agent runs; "
				    "restart it");
	if (old->max_rows != now->max_rows)
		return weir_err_set(err, "agent.max_rows",
				    "cannot change while packets are forwarded; stop the agent, "
				    "run `weir-agent --detach` and start it");
	if (!old->store != !now->store || (now->store && strcmp(old->store, now->store)))
		return weir_err_set(err, "agent.store",
				    "cannot change while the agent runs; "
				    "restart it");
	if (old->dns.workers != now->dns.workers)
		return weir_err_set(err, "agent.dns.workers",
				    "cannot change while the agent runs; "
				    "restart it");
	if (!weir_addr_eq(&old->control.addr, &now->control.addr) ||
	    old->control.port != now->control.port)
		return weir_err_set(err, "agent.control",
				    "cannot change while the agent runs; "
				    "restart it");
	if (!same_listen(&old->api, &now->api))
		return weir_err_set(err, "agent.api",
				    "where it listens, and whether with TLS, cannot change while "
				    "the agent runs; restart it");
	return true;
}

/* Once for each document, not for what its host names stand for later. */
void agent_say_notes(const struct weir_agent *a)
{
	for (uint32_t i = 0; i < a->model->n_notes; i++)
		weir_info("note: %s: %s", a->model->notes[i].path, a->model->notes[i].text);
}

/* Without a VIP there is no packet to forward, and where tc or sockets answer DNS none to answer: a
 * program that every packet goes through, and that takes the interface's XDP, would be for nothing.
 */
static enum weir_attach attach_mode(const struct weir_agent_conf *conf)
{
	bool idle = !conf->n_vips && conf->dns.kernel != WEIR_DNS_KERNEL_XDP;

	return idle ? WEIR_ATTACH_NONE : conf->attach;
}

int agent_attach(struct weir_agent *a, const struct weir_agent_conf *conf)
{
	return weir_plane_attach(a->plane, conf->interfaces, conf->n_interfaces, attach_mode(conf));
}

/* Everything of a new model that can fail, and the way back when it does. */
static int apply_outside(struct weir_agent *a, const struct weir_model *m,
			 const struct weir_tables *tables)
{
	int err = agent_attach(a, &m->agent);

	if (!err && a->answering)
		err = agent_listen_dns(a, &m->agent);
	if (!err) {
		err = weir_plane_sync(a->plane, tables, agent_uptime_ms(a));
		if (err && a->answering)
			agent_listen_dns(a, &a->model->agent);
		if (err) /* endpoints of the new tables only have slots by now */
			weir_plane_sync(a->plane, a->tables, agent_uptime_ms(a));
	}
	if (err)
		agent_attach(a, &a->model->agent);
	return err;
}

static void drop_model(void *model)
{
	weir_model_free(model);
}

static void take_model(struct weir_agent *a, struct weir_model *m, struct weir_health *health,
		       struct agent_where *where, struct agent_latency latency,
		       const struct agent_decision *d)
{
	struct weir_model *old = a->model;

	free(a->health);
	a->health = health;
	a->model = m;
	a->models++;
	agent_pass_all(a);
	uv_timer_stop(&a->flush);
	if (where->presigned)
		agent_presigned_use(where->presigned);
	where->presigned = NULL;
	agent_publish(a, d, where);
	agent_where_take(a, where);
	latency.due_ms = a->latency.due_ms;
	agent_latency_free(&a->latency);
	a->latency = latency;
	weir_prober_set(a->prober, m);
	if (!weir_regions_eq(&old->agent, &m->agent))
		weir_plane_regions(a->plane, m->agent.regions, m->agent.n_regions);
	weir_dns_retire(a->dns, old, drop_model);
	a->dns_refused = false; /* another address may be refused: that is news */
}

/* Each change by an API is news for secondaries: it counts on in the serials of zones, whichever
 * it is about (RFC 1982: the sum may wrap). */
void agent_count_serials(const struct weir_agent *a, struct weir_model *m)
{
	struct weir_zone_conf *zones = (struct weir_zone_conf *)m->zones; /* nobody reads m yet */

	for (uint32_t i = 0; i < m->n_zones; i++)
		zones[i].serial += (uint32_t)a->stored_revision;
}

int agent_apply(struct weir_agent *a, struct weir_model *m, struct agent_where *where)
{
	struct weir_health *health = agent_carry_health(a, m);
	struct agent_latency latency = agent_latency_for(a, m);
	struct agent_decision d = agent_decide(a, m, health, where, &latency);
	int err = apply_outside(a, m, d.tables);

	agent_count_serials(a, m);
	if (err) {
		weir_arena_free(d.arena);
		agent_where_drop(where);
		agent_latency_free(&latency);
		free(health);
		return err;
	}
	take_model(a, m, health, where, latency, &d);
	return 0;
}

void agent_reload_failed(struct weir_agent *a, const struct weir_err *err)
{
	weir_config_error(a->config_path, err, a->error, sizeof(a->error));
	weir_error("%s", a->error);
	weir_error("the running configuration stays as it is");
}

/* Whether the file still goes with what is stored; *m is of both then. */
static bool with_stored(const struct weir_agent *a, json_t *file, struct weir_model **m,
			struct weir_err *err)
{
	struct agent_objects *both = agent_objects_new(file, a->objects->stored);
	struct weir_model *alone = *m;
	bool ok = !agent_objects_is_mixed(both) || weir_model_parse(both->document, m, err);

	if (ok && *m != alone)
		weir_model_free(alone);
	if (!ok)
		agent_objects_explain(both, err);
	agent_objects_free(both);
	return ok;
}

void weir_agent_reload(struct weir_agent *a)
{
	struct weir_model *m = NULL;
	json_t *file = NULL;
	struct weir_err err;

	a->reload_later = a->change || a->reload;
	if (a->reload_later)
		return;
	if (!weir_config_read(a->config_path, &file, &m, &err) ||
	    !check_reload(&a->model->agent, &m->agent, &err) || !with_stored(a, file, &m, &err)) {
		agent_reload_failed(a, &err);
		weir_model_free(m);
	} else {
		agent_hosts_reload(a, file, m);
	}
	json_decref(file);
}

/* The files that a model names, or none of them. */
static bool read_files(const struct weir_agent *a, const struct weir_model *m,
		       struct agent_zone_reading *read, struct agent_where *where,
		       struct weir_dns_cert **cert, struct weir_err *err)
{
	if (!weir_dns_cert_read(&m->agent.dns.tls, cert, err))
		return false;
	if (agent_where_read(a, m, read, where, err))
		return true;
	weir_dns_cert_free(*cert);
	return false;
}

bool agent_use(struct weir_agent *a, struct weir_model *m, struct agent_zone_reading *read,
	       struct agent_presigned *presigned, struct weir_err *err)
{
	struct agent_where where;
	struct weir_dns_cert *cert;
	int failed;

	if (!read_files(a, m, read, &where, &cert, err))
		return false;
	where.presigned = presigned;
	failed = agent_apply(a, m, &where);
	if (failed) {
		weir_dns_cert_free(cert);
		return weir_err_set(err, "", "not applied: %s (the log says what)",
				    strerror(-failed));
	}
	weir_dns_use_cert(a->dns, cert);
	agent_use_tap(a, &m->agent);
	return true;
}

static void finish(struct weir_agent *a, struct agent_objects *objects, struct weir_model *m,
		   struct agent_zone_reading *read, struct agent_presigned *presigned)
{
	struct weir_err err;

	if (!agent_use(a, m, read, presigned, &err)) {
		agent_reload_failed(a, &err);
		weir_model_free(m);
		agent_objects_free(objects);
		agent_hosts_settle(a, false);
		return;
	}
	agent_objects_free(a->objects);
	a->objects = objects;
	agent_hosts_settle(a, true);
	a->revision++;
	a->loaded_ms = agent_now_ms();
	a->error[0] = 0;
	agent_say_notes(a);
	weir_info("reloaded %s: revision %u, table digest %016llx", a->config_path, a->revision,
		  (unsigned long long)a->tables->digest);
}

/* --- zone files are read, and signed, in another thread; no change begins meanwhile --- */

struct agent_reload {
	uv_work_t work;
	struct weir_agent *agent; /* NULL: it was closed meanwhile */
	struct agent_objects *objects;
	struct weir_model *model;
	uint64_t model_of; /* a->models when it was made */
	struct agent_zone_reading *read;
	struct agent_presigned *presigned; /* NULL: not yet, or there is nothing to sign */
};

static void in_thread(uv_work_t *work)
{
	struct agent_reload *r = work->data;

	if (r->presigned)
		agent_presign_run(r->presigned);
	else
		agent_zone_reading_run(r->read);
}

/* Addresses of host names may have changed meanwhile, which cannot make a good document a bad one:
 * if it is one all the same, the model that was made before is as good. */
static void refresh(struct agent_reload *r)
{
	struct weir_model *m;
	struct weir_err ignored;

	if (r->model_of == r->agent->models ||
	    !agent_hosts_build(r->agent, r->objects, &m, &ignored))
		return;
	weir_model_free(r->model);
	r->model = m;
}

static void after_thread(uv_work_t *work, int status);

/* What was read is signed before it is in use, if there are keys for it. What is wrong with keys is
 * said when the model is to be used. */
static bool is_signing(struct agent_reload *r)
{
	struct weir_agent *a = r->agent;
	struct weir_err later;

	if (!a || r->presigned || !agent_signing_read(a->signing, r->model, &later))
		return false;
	r->presigned = agent_presign_new(a->signing, r->model, r->read, agent_now_ms() / 1000);
	if (r->presigned)
		uv_queue_work(a->loop, &r->work, in_thread, after_thread);
	return r->presigned;
}

static void after_thread(uv_work_t *work, int status)
{
	struct agent_reload *r = work->data;
	struct weir_agent *a = r->agent;

	(void)status; /* it is never cancelled */
	if (is_signing(r))
		return;
	if (a) {
		a->reload = NULL;
		refresh(r);
		finish(a, r->objects, r->model, r->read, r->presigned);
	} else {
		agent_objects_free(r->objects);
		weir_model_free(r->model);
	}
	agent_presigned_free(r->presigned);
	agent_zone_reading_free(r->read);
	free(r);
	if (!a)
		return;
	if (a->reload_later)
		weir_agent_reload(a);
	agent_store_idle(a);
}

void agent_reload_with(struct weir_agent *a, struct agent_objects *objects, struct weir_model *m)
{
	struct agent_zone_reading *read = agent_zone_reading_new(m, &a->where.zones);
	struct agent_reload *r;

	if (!read) {
		finish(a, objects, m, NULL, NULL);
		return;
	}
	r = weir_new(struct agent_reload);
	*r = (struct agent_reload){
		.agent = a, .objects = objects, .model = m, .model_of = a->models, .read = read
	};
	r->work.data = r;
	a->reload = r;
	uv_queue_work(a->loop, &r->work, in_thread, after_thread);
}

void agent_reload_close(struct weir_agent *a)
{
	if (a->reload)
		a->reload->agent = NULL;
	a->reload = NULL;
}
