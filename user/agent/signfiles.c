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
