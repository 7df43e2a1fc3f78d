/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns_answers.c - keeps the prepared answers true. An entry is replaced as a whole, in one update:
 * there is no moment without it. */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/hash.h"
#include "base/log.h"
#include "dataplane/dns_impl.h"
#include "weir.skel.h"

static int answers_fd(const struct weir_plane *p)
{
	return bpf_map__fd(p->skel->maps.weir_dns_answers);
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

/* What an earlier agent has left is written anew or goes with the first turn. */
void dns_answers_adopt(struct weir_plane *p)
{
	struct weir_hot_key key, *last = NULL;
	uint64_t zone, *last_zone = NULL;

	while (!bpf_map_get_next_key(answers_fd(p), last, &key)) {
		known_add(&p->dns->answers, key.hash, more_of(&key));
		last = &key;
	}
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

	value.hits = (uint16_t)hits;
	value.first = value.last = ++p->dns->version;
	p->dns->written++;
	return bpf_map_update_elem(answers_fd(p), key, &value, BPF_ANY);
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
	if (!write_entry(p, key, answer, k->place - 1))
		return true;
	k->turn = 0; /* what was there, if anything was, is not true any more */
	return say_full(d, errno);
}

static bool answer_gone(void *plane, const struct known *k)
{
	struct weir_plane *p = plane;
	struct weir_hot_key key = key_of(k);

	if (k->turn == p->dns->turn || (k->turn && !p->dns->all && !k->changes))
		return false;
	bpf_map_delete_elem(answers_fd(p), &key);
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
