/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns_answers.c - keeps the prepared answers true. An entry is replaced as a whole, in one update:
 * there is no moment without it. Those that fit are in the map of small ones, which is looked into
 * first, all others in that of large ones. Of an entry that changes its map, the new one is written
 * first; a query that has looked into one map before, and into the other one behind, is the
 * agent's. */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/hash.h"
#include "base/log.h"
#include "dataplane/dns_impl.h"
#include "weir.skel.h"
#include "weir/dns_answer.h"

static int large_fd(const struct weir_plane *p)
{
	return bpf_map__fd(p->skel->maps.weir_dns_answers);
}

static int small_fd(const struct weir_plane *p)
{
	return bpf_map__fd(p->skel->maps.weir_dns_small);
}

static uint32_t more_of(const struct weir_hot_key *key)
{
	return (uint32_t)key->type << 1 | key->dnssec_ok;
}

static struct weir_hot_key key_of(const struct known *k)
{
	return (struct weir_hot_key){ .hash = k->hash,
				      .type = (uint16_t)(k->more >> 1),
				      .dnssec_ok = k->more & 1 };
}

static void adopt_all(struct weir_plane *p, int fd)
{
	struct weir_hot_key key, *last = NULL;

	while (!bpf_map_get_next_key(fd, last, &key)) {
		known_add(&p->dns->answers, key.hash, more_of(&key));
		last = &key;
	}
}

/* What an earlier agent has left is written anew or goes with the first turn. */
void dns_answers_adopt(struct weir_plane *p)
{
	uint64_t zone, *last_zone = NULL;

	adopt_all(p, large_fd(p));
	adopt_all(p, small_fd(p));
	while (!bpf_map_get_next_key(bpf_map__fd(p->skel->maps.weir_dns_zones), last_zone, &zone)) {
		known_add(&p->dns->zones, zone, 0)->digest = 1;
		last_zone = &zone;
	}
	p->dns->partial = true;
}

bool weir_plane_dns_begin(struct weir_plane *p, bool all)
{
	struct dns *d = p->dns;

	d->turn++;
	d->all = all || d->partial;
	d->partial = false;
	return d->all;
}

static int write_entry(struct weir_plane *p, const struct weir_hot_key *key,
		       const struct weir_hot_answer *answer, uint32_t hits)
{
	struct weir_hot_answer value = *answer;
	struct weir_hot_small small;
	bool fits;

	value.hits = (uint16_t)hits;
	value.first = value.last = ++p->dns->version;
	p->dns->written++;
	fits = weir_hot_shrink(&value, &small);
	if (bpf_map_update_elem(fits ? small_fd(p) : large_fd(p), key,
				fits ? (const void *)&small : &value, BPF_ANY))
		return -errno;
	bpf_map_delete_elem(fits ? large_fd(p) : small_fd(p), key); /* where it may have been */
	return 0;
}

/* What has no room is answered by the agent. */
static bool say_full(struct dns *d, int err)
{
	if (!d->full_said)
		weir_warn("dns: %u answers are all that the kernel takes (%s); the agent gives the "
			  "others itself",
			  d->answers.n, strerror(err));
	d->full_said = d->partial = true;
	return false;
}

/* What was answered until now is not counted as what is from now on. */
static void count_as(struct weir_plane *p, struct known *k, const struct weir_hot_answer *answer,
		     uint64_t tag)
{
	if (k->place && dns_hits_are(p, k->place - 1, tag))
		return;
	if (k->place)
		dns_hits_leave(p, k->place - 1);
	k->place = 1 + dns_hits_take(p, answer, tag);
	k->digest = 0;
}

bool weir_plane_dns_put(struct weir_plane *p, const struct weir_hot_key *key,
			const struct weir_hot_answer *answer, bool changes, uint64_t tag)
{
	struct dns *d = p->dns;
	uint64_t digest = weir_hash_bytes(1, answer, sizeof(*answer)) | 1;
	struct known *k = known_find(&d->answers, key->hash, more_of(key));
	int err;

	if (!k && d->answers.n >= WEIR_MAX_HOT_ANSWERS)
		return say_full(d, ENOSPC);
	if (!k)
		k = known_add(&d->answers, key->hash, more_of(key));
	count_as(p, k, answer, tag);
	k->turn = d->turn;
	k->changes = changes;
	if (k->digest == digest)
		return true;
	k->digest = digest;
	err = write_entry(p, key, answer, k->place - 1);
	if (!err)
		return true;
	k->turn = 0; /* what was there, if anything was, is not true any more */
	return say_full(d, -err);
}

static bool answer_gone(void *plane, const struct known *k)
{
	struct weir_plane *p = plane;
	struct weir_hot_key key = key_of(k);

	if (k->turn == p->dns->turn || (k->turn && !p->dns->all && !k->changes))
		return false;
	bpf_map_delete_elem(small_fd(p), &key);
	bpf_map_delete_elem(large_fd(p), &key);
	if (k->place)
		dns_hits_leave(p, k->place - 1);
	return true;
}

bool weir_plane_dns_end(struct weir_plane *p)
{
	uint32_t was = p->dns->answers.n;

	known_sweep(&p->dns->answers, answer_gone, p);
	p->dns->full_said &= p->dns->partial;
	return p->dns->partial && p->dns->answers.n < was;
}

uint32_t weir_plane_dns_answers(const struct weir_plane *p, uint64_t *written)
{
	*written = p->dns->written;
	return p->dns->answers.n;
}
