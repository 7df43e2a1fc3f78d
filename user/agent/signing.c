/* SPDX-License-Identifier: GPL-2.0-or-later */
/* signing.c - zones that are signed: what their keys are, and when they change. */
#include "agent/signing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#define BUDGET    100 /* signatures for a change of health: 3 ms */
#define LOOK_S    600 /* between looks at signatures that end */
#define LONGEST_S (WEIR_SIG_LASTS_S + WEIR_SIG_JITTER_S)

struct agent_signing *agent_signing_open(uv_loop_t *loop, void (*on_news)(void *arg), void *arg)
{
	struct agent_signing *g = weir_new(struct agent_signing);

	g->loop = loop;
	g->on_news = on_news;
	g->arg = arg;
	g->cache = weir_sign_cache_new();
	g->until_s = UINT32_MAX;
	return g;
}

struct agent_signed_zone *agent_signed_zone_of(const struct agent_signing *g, const char *name)
{
	for (uint32_t i = 0; i < g->n_zones; i++)
		if (strcmp(g->zones[i]->name, name) == 0)
			return g->zones[i];
	return NULL;
}

/* --- snapshots --- */

static uint32_t ttl_of(const struct weir_rr *rr)
{
	return (uint32_t)rr->wire[4] << 24 | (uint32_t)rr->wire[5] << 16 |
	       (uint32_t)rr->wire[6] << 8 | rr->wire[7];
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Nothing is known longer than its signature is good. */
struct weir_ring_times agent_signing_times(const struct agent_signed_zone *z,
					   const struct weir_zone_conf *conf)
{
	return (struct weir_ring_times){ least(z->of.ttl, LONGEST_S), least(z->max_ttl, LONGEST_S),
					 conf->dnssec.ds_ttl, conf->dnssec.propagation };
}

static void begin_zone(struct agent_signing *g, uint32_t i, const struct weir_zone_conf *conf,
		       const struct weir_zone_file *file, uint32_t now_s)
{
	struct agent_signed_zone *z = conf->dnssec.on ? agent_signed_zone_of(g, conf->name) : NULL;
	struct weir_ring_times times;

	g->files[i] = file;
	if (!z)
		return;
	z->of.ttl = file ? ttl_of(&file->soa) : conf->ttl;
	times = agent_signing_times(z, conf);
	if (file)
		agent_signfile_want(g, z, file, &times, now_s);
	else
		agent_signfile_drop(g, z);
	z->of.file = z->sigs;
	g->files[i] = z->file;
	g->keys[i] = !conf->file || z->file ? &z->of : NULL;
	g->max_ttl[i] = z->max_ttl;
}

struct agent_signed_input agent_signing_begin(struct agent_signing *g, const struct weir_model *m,
					      const struct agent_zone_files *files, bool all,
					      uint64_t now_s)
{
	uint32_t n = m->n_zones;
	bool any = false;

	free(g->keys);
	free(g->files);
	free(g->max_ttl);
	g->keys = weir_new_array(n, const struct weir_zone_keys *);
	g->files = weir_new_array(n, const struct weir_zone_file *);
	g->max_ttl = weir_new_array(n, uint32_t);
	g->n_model = n;
	weir_sign_cache_at(g->cache, (uint32_t)now_s);
	weir_sign_cache_budget(g->cache, all ? UINT32_MAX : BUDGET);
	for (uint32_t i = 0; i < n; i++) {
		begin_zone(g, i, &m->zones[i], files->files ? files->files[i] : NULL,
			   (uint32_t)now_s);
		any |= m->zones[i].dnssec.on;
	}
	g->signer = (struct weir_signer){ g->keys, weir_sign_cached, g->cache, g->max_ttl };
	return (struct agent_signed_input){ g->files, any ? &g->signer : NULL };
}

static void on_batch(uv_work_t *work)
{
	weir_sign_batch_run(((struct agent_signing *)work->data)->batch);
}

static void on_batch_done(uv_work_t *work, int status)
{
	struct agent_signing *g = work->data;

	(void)status; /* it is never cancelled */
	free(work);
	weir_sign_cache_take(g->cache, g->batch);
	g->batch = NULL;
	if (!g->closing)
		g->on_news(g->arg);
	agent_signing_job_done(g);
}

static void run_batch(struct agent_signing *g, struct weir_sign_batch *b)
{
	uv_work_t *work;

	if (g->batch) { /* what it makes is missing here as well; then we look again */
		weir_sign_batch_free(b);
		return;
	}
	work = weir_new(uv_work_t);
	work->data = g;
	g->batch = b;
	g->n_jobs++;
	uv_queue_work(g->loop, work, on_batch, on_batch_done);
}

bool agent_signing_end(struct agent_signing *g, const struct weir_zones *z)
{
	struct weir_sign_batch *missing = weir_sign_cache_missing(g->cache);

	for (uint32_t i = 0; i < g->n_model; i++) {
		for (uint32_t k = 0; g->keys[i] && k < g->n_zones; k++)
			if (&g->zones[k]->of == g->keys[i] && g->max_ttl[i] > g->zones[k]->max_ttl)
				g->zones[k]->max_ttl = g->max_ttl[i];
	}
	if (missing) {
		run_batch(g, missing);
		return false;
	}
	g->until_s = weir_zones_signed_until(z);
	return true;
}

static void let_go(void *file)
{
	agent_zone_file_let_go(file);
}

void agent_signing_retire(struct agent_signing *g, struct weir_dns *d)
{
	for (uint32_t i = 0; i < g->n_outdated; i++) {
		weir_dns_retire(d, (struct weir_zone_file *)g->outdated[i].file, let_go);
		weir_dns_retire(d, g->outdated[i].sigs, free);
	}
	g->n_outdated = 0;
}

/* --- time --- */

/* A zone whose file is being signed waits, so that its keys stay. */
static void tick_zone(struct agent_signing *g, struct agent_signed_zone *z,
		      const struct weir_zone_conf *conf, uint64_t now_s)
{
	struct weir_ring_times times = agent_signing_times(z, conf);
	struct weir_keyring next;
	struct weir_err err;

	if (z->job)
		return;
	weir_keyring_copy(&z->ring, &next);
	if (!weir_keyring_tick(&next, &times, now_s)) {
		weir_keyring_fini(&next);
		return;
	}
	if (agent_ring_replace(g, z, &next, &err)) {
		if (!z->unkept)
			weir_error("zone %s: its roll-over waits: %s", z->name, err.text);
		z->unkept = true;
		return;
	}
	z->unkept = false;
	agent_ring_say(z);
	g->on_news(g->arg);
}

/* Also where signatures are of a clock that was wrong: what has none for now is made anew. */
void agent_signing_tick(struct agent_signing *g, const struct weir_model *m, uint64_t now_s)
{
	bool ends = (int32_t)(g->until_s - (uint32_t)now_s) <= WEIR_SIG_RENEW_S;

	for (uint32_t i = 0; g->n_zones && i < m->n_zones; i++) {
		struct agent_signed_zone *z =
			m->zones[i].dnssec.on ? agent_signed_zone_of(g, m->zones[i].name) : NULL;

		if (!z)
			continue;
		tick_zone(g, z, &m->zones[i], now_s);
		ends |= z->sigs &&
			(int32_t)(z->sigs->until_s - (uint32_t)now_s) <= WEIR_SIG_RENEW_S;
	}
	if (!ends || g->until_s == UINT32_MAX || now_s < g->look_s)
		return;
	g->look_s = now_s + LOOK_S;
	g->on_news(g->arg);
}

/* --- the end --- */

static void free_all(struct agent_signing *g)
{
	for (uint32_t i = 0; i < g->n_outdated; i++) {
		agent_zone_file_let_go(g->outdated[i].file);
		free(g->outdated[i].sigs);
	}
	for (uint32_t i = 0; i < g->n_old_keys; i++)
		weir_key_free(g->old_keys[i]);
	for (uint32_t i = 0; i < g->n_zones; i++)
		agent_signed_zone_free(g->zones[i]);
	weir_sign_cache_free(g->cache);
	free(g->zones);
	free(g->keys);
	free(g->files);
	free(g->max_ttl);
	free(g->outdated);
	free(g->old_keys);
	free(g);
}

void agent_signing_job_done(struct agent_signing *g)
{
	if (--g->n_jobs)
		return;
	for (uint32_t i = 0; i < g->n_old_keys; i++)
		weir_key_free(g->old_keys[i]);
	g->n_old_keys = 0;
	if (g->closing)
		free_all(g);
}

void agent_signing_close(struct agent_signing *g)
{
	if (!g)
		return;
	g->closing = true;
	for (uint32_t i = 0; i < g->n_zones; i++)
		agent_signfile_drop(g, g->zones[i]);
	if (!g->n_jobs)
		free_all(g);
}
