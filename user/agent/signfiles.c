/* SPDX-License-Identifier: GPL-2.0-or-later */
/* signfiles.c - the signatures of zone files: small ones at once, others on a thread of libuv's
 * while the older ones stay in use. */
#include <stdlib.h>
#include <string.h>

#include "agent/signing.h"
#include "base/log.h"
#include "base/mem.h"

#define AT_ONCE 100         /* signatures: 3 ms */
#define BATCH_S (12 * 3600) /* what ends so soon after what must be renewed is renewed as well */

struct agent_file_job {
	uv_work_t work;
	struct agent_signing *g;
	struct agent_signed_zone *z;
	struct weir_ring_times times;
	const struct weir_zone_file *file, *older; /* held; older NULL: nothing is kept */
	const struct weir_file_sigs *sigs_of_older;
	struct weir_file_sigs *sigs;
	const struct weir_key *key;
	uint32_t now_s, fresh_s;
	uint64_t began_ms;
};

static void run(struct agent_file_job *j)
{
	j->sigs = weir_zone_file_sign(j->file, j->older, j->sigs_of_older, j->fresh_s, j->key,
				      weir_sign_now, &j->now_s);
}

/* What the zone had so far is outdated with the next snapshot. */
static void use(struct agent_signing *g, struct agent_signed_zone *z,
		const struct weir_zone_file *file, struct weir_file_sigs *sigs, uint16_t tag)
{
	agent_signfile_drop(g, z);
	agent_zone_file_hold(file);
	z->file = file;
	z->sigs = sigs;
	z->sigs_tag = tag;
	if (file->max_ttl > z->max_ttl)
		z->max_ttl = file->max_ttl;
}

void agent_signfile_drop(struct agent_signing *g, struct agent_signed_zone *z)
{
	if (!z->file)
		return;
	g->outdated = weir_grow(g->outdated, g->n_outdated + 1, sizeof(*g->outdated));
	g->outdated[g->n_outdated++] = (struct agent_outdated){ z->file, z->sigs };
	z->file = NULL;
	z->sigs = NULL;
}

/* Keys that were retired have to wait for what they signed from now on, since it was in use. */
static void finish(struct agent_file_job *j)
{
	struct agent_signing *g = j->g;
	struct agent_signed_zone *z = j->z;

	z->job = NULL;
	if (g->closing) {
		free(j->sigs);
	} else {
		use(g, z, j->file, j->sigs, weir_key_tag(j->key));
		weir_keyring_hold(&z->ring, &j->times,
				  j->now_s + (uv_now(g->loop) - j->began_ms) / 1000 + 1);
		weir_info("zone %s: serial %u is signed: %u signatures", z->name, j->file->serial,
			  j->sigs->n);
		g->on_news(g->arg);
	}
	agent_zone_file_let_go(j->file);
	if (j->older)
		agent_zone_file_let_go(j->older);
	free(j);
	agent_signing_job_done(g);
}

static void on_work(uv_work_t *work)
{
	run(work->data);
}

static void on_done(uv_work_t *work, int status)
{
	(void)status; /* it is never cancelled */
	finish(work->data);
}

static struct agent_file_job *new_job(struct agent_signing *g, struct agent_signed_zone *z,
				      const struct weir_zone_file *file,
				      const struct weir_ring_times *times, uint32_t now_s)
{
	struct agent_file_job *j = weir_new(struct agent_file_job);
	const struct weir_key *key = z->keys[weir_keyring_signs(&z->ring)];
	bool keeps = z->file && z->sigs_tag == weir_key_tag(key);

	*j = (struct agent_file_job){
		.g = g,
		.z = z,
		.times = *times,
		.file = file,
		.older = keeps ? z->file : NULL,
		.sigs_of_older = keeps ? z->sigs : NULL,
		.key = key,
		.now_s = now_s,
		.fresh_s = now_s + WEIR_SIG_RENEW_S + BATCH_S,
		.began_ms = uv_now(g->loop),
	};
	j->work.data = j;
	agent_zone_file_hold(file);
	if (j->older)
		agent_zone_file_hold(j->older);
	return j;
}

void agent_signfile_want(struct agent_signing *g, struct agent_signed_zone *z,
			 const struct weir_zone_file *file, const struct weir_ring_times *times,
			 uint32_t now_s)
{
	uint16_t tag = weir_key_tag(z->keys[weir_keyring_signs(&z->ring)]);
	struct agent_file_job *j;

	if (z->job || (z->file == file && z->sigs_tag == tag &&
		       (int32_t)(z->sigs->until_s - now_s) > WEIR_SIG_RENEW_S))
		return;
	j = new_job(g, z, file, times, now_s);
	if (file->n_set_sigs + file->chain.n <= AT_ONCE) {
		run(j);
		use(g, z, file, j->sigs, tag);
		agent_zone_file_let_go(file);
		if (j->older)
			agent_zone_file_let_go(j->older);
		free(j);
		return;
	}
	z->job = j;
	g->n_jobs++;
	uv_queue_work(g->loop, &j->work, on_work, on_done);
}

/* --- before a model is in use --- */

struct agent_presigned {
	struct agent_signing *g;
	struct agent_file_job **jobs;
	uint32_t n;
};

static const struct weir_zone_conf *conf_of(const struct weir_model *m, const char *zone)
{
	for (uint32_t i = 0; i < m->n_zones; i++)
		if (!strcmp(m->zones[i].name, zone))
			return &m->zones[i];
	return NULL;
}

static void add_presigned(struct agent_presigned *p, struct agent_signed_zone *z,
			  const struct weir_zone_conf *conf, const struct weir_zone_file *file,
			  uint64_t now_s)
{
	struct weir_ring_times times = agent_signing_times(z, conf);

	p->jobs = weir_grow(p->jobs, p->n + 1, sizeof(*p->jobs));
	p->jobs[p->n++] = new_job(p->g, z, file, &times, (uint32_t)now_s);
}

struct agent_presigned *agent_presign_new(struct agent_signing *g, const struct weir_model *m,
					  const struct agent_zone_reading *read, uint64_t now_s)
{
	struct agent_presigned *p = weir_new(struct agent_presigned);
	const struct weir_zone_file *file;
	const char *zone;

	p->g = g;
	for (uint32_t i = 0; (file = agent_zone_reading_signed(read, i, &zone)); i++) {
		struct agent_signed_zone *z = agent_signed_zone_of(g, zone);
		const struct weir_zone_conf *conf = conf_of(m, zone);

		if (z && conf && file->n_set_sigs + file->chain.n > AT_ONCE)
			add_presigned(p, z, conf, file, now_s);
	}
	if (p->n) {
		g->n_jobs++; /* keys stay, and g does */
		return p;
	}
	free(p);
	return NULL;
}

void agent_presign_run(struct agent_presigned *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		run(p->jobs[i]);
}

/* One whose key is not the present one any more, or whose zone is being signed as it was, is signed
 * anew. */
void agent_presigned_use(struct agent_presigned *p)
{
	for (uint32_t i = 0; i < p->n; i++) {
		struct agent_file_job *j = p->jobs[i];
		struct agent_signed_zone *z = j->z;

		if (z->job || z->keys[weir_keyring_signs(&z->ring)] != j->key)
			continue;
		use(p->g, z, j->file, j->sigs, weir_key_tag(j->key));
		weir_info("zone %s: serial %u is signed: %u signatures", z->name, j->file->serial,
			  j->sigs->n);
		j->sigs = NULL;
	}
}

void agent_presigned_free(struct agent_presigned *p)
{
	for (uint32_t i = 0; p && i < p->n; i++) {
		free(p->jobs[i]->sigs);
		agent_zone_file_let_go(p->jobs[i]->file);
		if (p->jobs[i]->older)
			agent_zone_file_let_go(p->jobs[i]->older);
		free(p->jobs[i]);
	}
	if (!p)
		return;
	free(p->jobs);
	agent_signing_job_done(p->g);
	free(p);
}
