/* SPDX-License-Identifier: GPL-2.0-or-later */
/* signing.h - zones that are signed: their keys, and signatures of their files. Loop thread, but
 * for jobs, which sign on one of libuv's. */
#ifndef WEIR_AGENT_SIGNING_H
#define WEIR_AGENT_SIGNING_H

#include <jansson.h>
#include <uv.h>

#include "agent/zonefiles.h"
#include "base/err.h"
#include "dns/dns.h"
#include "model/keyring.h"
#include "sign/cache.h"
#include "sign/key.h"
#include "zone/names.h"

struct agent_signing;

/* on_news: there is something to publish. */
struct agent_signing *agent_signing_open(uv_loop_t *loop, void (*on_news)(void *arg), void *arg);

/* After the last snapshot is gone. What is being signed ends by itself: uv_run(). Takes NULL. */
void agent_signing_close(struct agent_signing *g);

/* Reads the keys of zones of m that are signed, or makes them. False: *err says of which that
 * failed, and why; those of the others are kept. */
bool agent_signing_read(struct agent_signing *g, const struct weir_model *m, struct weir_err *err);

/* --- a snapshot --- */

/* What it is made of, until the next one is. */
struct agent_signed_input {
	const struct weir_zone_file *const *files; /* those that are in use */
	const struct weir_signer *signer;          /* NULL: no zone is signed */
};

/* all: however long it takes; else what takes longer is done elsewhere. */
struct agent_signed_input agent_signing_begin(struct agent_signing *g, const struct weir_model *m,
					      const struct agent_zone_files *files, bool all,
					      uint64_t now_s);
/* False: signatures are missing. on_news() is called when they are there. */
bool agent_signing_end(struct agent_signing *g, const struct weir_zones *z);
/* It is published: what only older ones refer to goes. */
void agent_signing_retire(struct agent_signing *g, struct weir_dns *d);

/* Once a second: roll-overs, and signatures that end. */
void agent_signing_tick(struct agent_signing *g, const struct weir_model *m, uint64_t now_s);

/* --- zone files of a model that may take the place of the present one --- */

/* Those that were read for m and take long to sign, with keys that agent_signing_read() has; times
 * are m's. NULL: there are none. Then run() on any thread. They are signed already when a snapshot
 * is made of m, if use() is called before; free() in any case, also when g is closed by then. */
struct agent_presigned;
struct agent_presigned *agent_presign_new(struct agent_signing *g, const struct weir_model *m,
					  const struct agent_zone_reading *read, uint64_t now_s);
void agent_presign_run(struct agent_presigned *p);
void agent_presigned_use(struct agent_presigned *p);
void agent_presigned_free(struct agent_presigned *p); /* takes NULL */

/* --- for operators --- */

/* Begins a roll-over of a key (role NULL: of the only one); says that the parent has the DS.
 * -EINVAL: not now, or no such role; else an errno: it could not be kept. *err says why. */
int agent_signing_roll(struct agent_signing *g, const struct weir_zone_conf *z, const char *role,
		       uint64_t now_s, struct weir_err *err);
int agent_signing_ds_seen(struct agent_signing *g, const struct weir_zone_conf *z, uint64_t now_s,
			  struct weir_err *err);

/* --- inside --- */

struct agent_file_job;

struct agent_signed_zone {
	char *name, *directory;
	struct weir_name wire;
	struct weir_keyring ring;
	struct weir_key *keys[WEIR_RING_KEYS]; /* of ring */
	uint8_t dnskeys[WEIR_RING_KEYS][WEIR_DNSKEY_BYTES], ds[WEIR_RING_KEYS][WEIR_DS_BYTES];
	struct weir_zone_keys of; /* what zone/ is told */
	uint32_t max_ttl;         /* that was signed since the agent runs, s */
	bool unkept;              /* the ring could not be kept, and that was said */

	/* Its file that is in use, held, with the key of its signatures; and a newer one, or newer
	 * signatures, on the way. */
	const struct weir_zone_file *file;
	struct weir_file_sigs *sigs;
	uint16_t sigs_tag;
	struct agent_file_job *job;
};

/* What only snapshots before the last one refer to. */
struct agent_outdated {
	const struct weir_zone_file *file;
	struct weir_file_sigs *sigs;
};

struct agent_signing {
	uv_loop_t *loop;
	void (*on_news)(void *arg);
	void *arg;
	struct weir_sign_cache *cache;
	struct agent_signed_zone **zones;
	uint32_t n_zones;

	/* Of the model of the last snapshot, by zone. */
	const struct weir_zone_keys **keys;
	const struct weir_zone_file **files;
	uint32_t *max_ttl;
	uint32_t n_model;
	struct weir_signer signer;

	struct agent_outdated *outdated;
	uint32_t n_outdated;
	struct weir_key **old_keys; /* that a job may still use */
	uint32_t n_old_keys, n_jobs;
	struct weir_sign_batch *batch; /* being run */
	uint64_t look_s;               /* when signatures are looked at again */
	uint32_t until_s;              /* when the first one of the last snapshot ends */
	bool closing;
};

struct agent_signed_zone *agent_signed_zone_of(const struct agent_signing *g, const char *name);

/* rings.c: keeps a ring and puts it into the place of the present one. 0, or a negative errno and
 * nothing has changed; next is the zone's or gone. Tells the log which keys there are. Frees. */
int agent_ring_replace(struct agent_signing *g, struct agent_signed_zone *z,
		       struct weir_keyring *next, struct weir_err *err);
void agent_ring_say(const struct agent_signed_zone *z);
void agent_signed_zone_free(struct agent_signed_zone *z);

/* keys.c: the ring of a zone as it is kept in a directory, in one file, which is replaced as a
 * whole. -ENOENT: there is none. *err says what is wrong. */
int agent_keys_read(const char *directory, const char *zone, struct weir_keyring *r,
		    struct weir_err *err);
int agent_keys_write(const char *directory, const char *zone, const struct weir_keyring *r,
		     struct weir_err *err);

/* signfiles.c: sees to it that z's file is, or will be, the given one, with signatures by its
 * present key that last. */
void agent_signfile_want(struct agent_signing *g, struct agent_signed_zone *z,
			 const struct weir_zone_file *file, const struct weir_ring_times *times,
			 uint32_t now_s);
void agent_signfile_drop(struct agent_signing *g, struct agent_signed_zone *z);
/* One job less; the last one ends what waits for it. */
void agent_signing_job_done(struct agent_signing *g);
/* signing.c: for how long roll-overs of a zone wait. */
struct weir_ring_times agent_signing_times(const struct agent_signed_zone *z,
					   const struct weir_zone_conf *conf);

#endif
