/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hot.c - asks the snapshot itself, once for each way that the choices in an answer can go. */
#include "zone/hot.h"

#include <string.h>

#include "base/hash.h"
#include "base/wire.h"
#include "weir/dns_answer.h"
#include "zone/message.h"
#include "zone/snapshot.h"

#define MOST_TYPES 16 /* of a name */
#define WHOLE      (1ull << 32)

struct maker {
	const struct weir_zones *z;
	bool is_signed; /* some zone is */
	weir_hot_fn *fn;
	void *arg;
	struct weir_draws draws;
	struct weir_told told; /* of the last question */
	uint64_t sum;          /* of the chances so far */
	uint32_t used;         /* of the blob */
	size_t len, question_end, out_len;
	uint8_t query[WEIR_DNS_HEADER + WEIR_NAME_MAX + 4 + WEIR_HOT_OPT], out[WEIR_DNS_UDP_SIZE];
	struct weir_hot_key key;
	struct weir_hot_answer value;
};

uint64_t weir_draw(const struct weir_asker *asker, unsigned hops, const struct weir_set *s)
{
	struct weir_draws *d = asker->draws;

	if (!d)
		return weir_mix64(asker->random + hops);
	d->set[hops] = s;
	d->n = hops + (s != NULL);
	return (uint64_t)d->roll[hops] << 32;
}

/* --- one entry --- */

static void begin(struct maker *m, const struct weir_node *node, uint16_t type, bool dnssec_ok)
{
	static const uint8_t opt[WEIR_HOT_OPT] = { 0, 0, WEIR_TYPE_OPT, 4, 0xd0, 0, 0, 0x80 };
	uint8_t *end = m->query + WEIR_DNS_HEADER + node->len;

	memset(m->query, 0, WEIR_DNS_HEADER);
	m->query[5] = 1;
	memcpy(m->query + WEIR_DNS_HEADER, node->name, node->len);
	weir_put16(end, type);
	weir_put16(end + 2, WEIR_CLASS_IN);
	m->len = m->question_end = WEIR_DNS_HEADER + node->len + 4u;
	if (dnssec_ok) {
		memcpy(m->query + m->len, opt, sizeof(opt));
		m->len += sizeof(opt);
		m->query[11] = 1;
	}
	m->key = (struct weir_hot_key){ .type = type, .dnssec_ok = dnssec_ok };
	memset(&m->value, 0, sizeof(m->value));
	memset(m->value.upto, 0xff, sizeof(m->value.upto));
	memcpy(m->value.name, node->name, node->len);
	m->value.name_len = node->len;
	for (uint32_t i = 0; i * 8 < node->len; i++)
		m->key.hash = weir_hot_hash(m->key.hash, m->value.name[i]);
	memset(&m->draws, 0, sizeof(m->draws));
	m->sum = m->used = 0;
}

/* Answers with what is drawn. False: that cannot be prepared. */
static bool ask(struct maker *m)
{
	struct weir_asker asker = { .tcp = true, .draws = &m->draws };

	m->draws.n = 0;
	m->out_len =
		weir_zones_answer(m->z, m->query, m->len, &asker, m->out, sizeof(m->out), &m->told);
	switch (m->told.outcome) {
	case WEIR_DNS_ANSWER_TOLD:
	case WEIR_DNS_NODATA_TOLD:
	case WEIR_DNS_NXDOMAIN_TOLD:
		return !m->draws.told_apart;
	default:
		return false;
	}
}

/* Where the bytes are in the blob; WEIR_HOT_BLOB: there is no room. Windows of rotated sets
 * overlap: what the blob ends with may be what these begin with. */
static uint32_t place(struct maker *m, const uint8_t *bytes, uint32_t len)
{
	uint8_t *blob = m->value.blob;
	const uint8_t *there = m->used ? memmem(blob, m->used, bytes, len) : NULL;
	uint32_t at = m->used < len ? 0 : m->used - len;

	if (there)
		return (uint32_t)(there - blob);
	while (at < m->used && memcmp(blob + at, bytes, m->used - at) != 0)
		at++;
	if (at + len > WEIR_HOT_BLOB)
		return WEIR_HOT_BLOB;
	memcpy(blob + at, bytes, len);
	m->used = at + len;
	return at;
}

static uint16_t sum_of(const uint8_t *bytes, uint32_t len)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < len; i++)
		sum += i & 1 ? (uint32_t)bytes[i] << 8 : bytes[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* The answer in out is one more choice, of so many chances in 2^32. It ends with OPT if that was
 * asked for. */
static bool add(struct maker *m, uint64_t chances)
{
	const uint8_t *window = m->out + m->question_end;
	uint32_t len = (uint32_t)(m->out_len - m->len), at;
	struct weir_hot_answer *v = &m->value;
	uint8_t flags = m->out[2] & 4 ? WEIR_HOT_AUTHORITATIVE : 0;

	if (v->n == WEIR_HOT_CHOICES || (v->n && (v->flags != flags || v->rcode != m->out[3])))
		return false;
	at = place(m, window, len);
	if (at == WEIR_HOT_BLOB)
		return false;
	v->flags = flags;
	v->rcode = m->out[3];
	v->choice[v->n] = (struct weir_hot_choice){
		.at = (uint16_t)at,
		.len = (uint16_t)len,
		.answers = weir_get16(m->out + 6),
		.authority = weir_get16(m->out + 8),
		.additional = (uint16_t)(weir_get16(m->out + 10) - m->key.dnssec_ok),
		.sum = sum_of(window, len),
	};
	m->sum += chances;
	v->upto[v->n++] = m->sum < WHOLE ? (uint32_t)m->sum : UINT32_MAX;
	return true;
}

/* The least roll with which the ith choice of a set is made; WHOLE: of the one behind the last. */
static uint64_t first_roll(const struct weir_set *s, uint32_t i)
{
	if (i == s->n)
		return WHOLE;
	if (s->one || s->type == WEIR_TYPE_CNAME)
		return i ? s->rrs[i - 1].upto : 0;
	return (i * WHOLE + s->n - 1) / s->n;
}

/* Goes through the choices from this draw on, those before it being made with so many chances. */
static bool explore(struct maker *m, unsigned draw, uint64_t chances)
{
	const struct weir_set *s;

	if (!ask(m))
		return false;
	while (draw < m->draws.n && m->draws.set[draw]->n == 1)
		draw++;
	if (draw >= m->draws.n)
		return add(m, chances);
	s = m->draws.set[draw];
	if (s->n > WEIR_HOT_CHOICES)
		return false;
	for (uint32_t i = 0; i < s->n; i++) {
		uint64_t from = first_roll(s, i), to = first_roll(s, i + 1);
		uint64_t part = to > from ? chances * (to - from) >> 32 : 0;

		m->draws.roll[draw] = (uint32_t)from;
		if (part && !explore(m, draw + 1, part))
			return false;
	}
	m->draws.roll[draw] = 0;
	return true;
}

/* Of the question that was begun: false: there is none that can be prepared. */
static bool make(struct maker *m, const struct weir_node *node, uint16_t type, bool dnssec_ok)
{
	begin(m, node, type, dnssec_ok);
	if (!explore(m, 0, WHOLE) || !m->value.n)
		return false;
	m->value.upto[m->value.n - 1] = UINT32_MAX;
	return true;
}

/* With signatures it is another one, or none. False: no more is wanted. */
static bool make_both(struct maker *m, const struct weir_node *node, uint16_t type, bool changes)
{
	struct weir_hot_answer plain;
	struct weir_hot_key key;
	struct weir_told told;
	bool both;

	if (!make(m, node, type, false))
		return true;
	if (!m->is_signed)
		return m->fn(m->arg, &m->key, &m->value, changes, &m->told);
	plain = m->value;
	key = m->key;
	told = m->told;
	both = make(m, node, type, true);
	if (both && !memcmp(&plain, &m->value, sizeof(plain)))
		return m->fn(m->arg, &key, &plain, changes, &told);
	plain.flags |= WEIR_HOT_SIGNED;
	/* First what the other one sends to: nobody is without an answer in between. */
	return (!both || m->fn(m->arg, &m->key, &m->value, changes, &told)) &&
	       m->fn(m->arg, &key, &plain, changes, &told);
}

/* --- which entries --- */

static void add_type(uint16_t types[MOST_TYPES], uint32_t *n, uint16_t type)
{
	for (uint32_t i = 0; i < *n; i++)
		if (types[i] == type)
			return;
	if (*n < MOST_TYPES)
		types[(*n)++] = type;
}

/* Whether a name is answered with what health decides: its own, or that of an alias's target. */
static bool changes(const struct weir_node *node)
{
	return node->balanced || node->steered || weir_sets_find(node->sets, WEIR_TYPE_CNAME);
}

static bool make_name(struct maker *m, const struct weir_node *node)
{
	uint16_t types[MOST_TYPES] = { WEIR_TYPE_A, WEIR_TYPE_AAAA };
	uint32_t n = 2;

	if (changes(node))
		add_type(types, &n, WEIR_TYPE_HTTPS);
	for (const struct weir_set *s = node->sets; s; s = s->next)
		add_type(types, &n, s->type);
	for (uint32_t i = 0; i < n; i++)
		if (!make_both(m, node, types[i], changes(node)))
			return false;
	return true;
}

static bool has_something(const struct weir_node *node)
{
	return !node->cut && node->len <= WEIR_HOT_NAME &&
	       (node->sets || node->steered || node->balanced);
}

static bool each(struct maker *m, bool changing)
{
	const struct weir_layer *l = &m->z->upper;

	for (uint32_t i = 0; l->slots && i <= l->mask; i++) {
		const struct weir_node *node = l->slots[i];

		if (node && has_something(node) && changes(node) == changing && !make_name(m, node))
			return false;
	}
	return true;
}

static bool is_signed(const struct weir_zones *z)
{
	for (uint32_t i = 0; i < z->n_zones; i++)
		if (z->zones[i]->n_key_sigs)
			return true;
	return false;
}

void weir_hot_each(const struct weir_zones *z, bool all, weir_hot_fn *fn, void *arg)
{
	struct maker m = { .z = z, .is_signed = is_signed(z), .fn = fn, .arg = arg };

	if (each(&m, true) && all)
		each(&m, false);
}

bool weir_hot_all_change(const struct weir_zones *z)
{
	for (uint32_t i = 0; i < z->n_zones; i++)
		if (z->zones[i]->n_key_sigs || z->zones[i]->counted)
			return true;
	return false;
}

void weir_hot_zones(const struct weir_zones *z, weir_hot_zone_fn *fn, void *arg)
{
	const struct weir_layer *l = &z->upper;

	for (uint32_t i = 0; l->slots && i <= l->mask; i++) {
		const struct weir_node *node = l->slots[i];
		uint32_t labels = 0;
		uint64_t hash = 0;

		if (!node || !node->zone || node->zone->apex != node)
			continue;
		for (uint32_t at = node->len; at-- > 0;)
			hash = weir_dns_zone_hash(hash, node->name[at]);
		for (uint32_t at = 0; node->name[at]; at += 1u + node->name[at])
			labels++;
		fn(arg, weir_dns_zone_key(hash), labels);
	}
}
