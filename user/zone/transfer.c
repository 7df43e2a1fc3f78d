/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transfer.c - a whole zone as messages. */
#include "zone/transfer.h"

#include <assert.h>
#include <string.h>

static bool read_query(const uint8_t *query, size_t len, struct weir_query *q)
{
	return len >= WEIR_DNS_HEADER && !(query[2] & 0x80) &&
	       weir_query_read(query, len, q) == WEIR_NOERROR && q->class == WEIR_CLASS_IN &&
	       (q->type == WEIR_TYPE_AXFR || q->type == WEIR_TYPE_IXFR);
}

bool weir_transfer_asked(const uint8_t *query, size_t len)
{
	struct weir_query q;

	return read_query(query, len, &q);
}

/* --- who may --- */

static bool holds(const struct weir_transfer_conf *c, const union weir_addr *client)
{
	for (uint32_t i = 0; i < c->n_allow; i++)
		if (weir_prefix_holds(&c->allow[i], client))
			return true;
	return !c->n_allow;
}

static bool has_key(const struct weir_transfer_conf *c, const struct weir_tsig_key *key)
{
	for (uint32_t i = 0; i < c->n_keys; i++)
		if (key && c->keys[i] == key)
			return true;
	return !c->n_keys;
}

static bool may(const struct weir_zones *z, const struct weir_zone *zone,
		const union weir_addr *client, const struct weir_tsig_key *key)
{
	const struct weir_transfer_conf *c = &zone->transfer;

	return (c->n_allow || c->n_keys) && holds(c, client) && has_key(c, key) &&
	       (c->pooled || !weir_zone_is_pooled(z, zone));
}

/* --- what the client has (RFC 1995, 3: an SOA in the authority section) --- */

static uint32_t serial_at(const uint8_t *soa_end)
{
	return (uint32_t)soa_end[-20] << 24 | (uint32_t)soa_end[-19] << 16 |
	       (uint32_t)soa_end[-18] << 8 | soa_end[-17];
}

/* Whether the serial that the client sends is ours, or a later one (RFC 1982). */
static bool is_up_to_date(const struct weir_zone *zone, const struct weir_query *q,
			  const uint8_t *query, size_t len)
{
	size_t at = q->question_end, data;

	if (q->type != WEIR_TYPE_IXFR || !query[9]) /* one record at most, as was checked */
		return false;
	at = weir_name_skip(query, len, at);
	if (!at || len - at < WEIR_RR_FIXED + 20 || query[at + 1] != WEIR_TYPE_SOA || query[at])
		return false;
	data = (size_t)query[at + 8] << 8 | query[at + 9];
	at += WEIR_RR_FIXED + data;
	if (data < 22 || at > len)
		return false;
	return (int32_t)(serial_at(query + at) - serial_at(zone->soa.wire + zone->soa.len)) >= 0;
}

bool weir_transfer_begin(struct weir_transfer *t, const struct weir_zones *z, const uint8_t *query,
			 size_t len, const union weir_addr *client, const struct weir_tsig_key *key)
{
	const struct weir_zone *zone;

	*t = (struct weir_transfer){ .done = true };
	if (!z || !read_query(query, len, &t->q))
		return false;
	zone = weir_zones_zone(z, &t->q.name);
	if (!zone || !may(z, zone, client, key))
		return false;
	memcpy(t->header, query, t->q.question_end);
	t->q.edns = (struct weir_edns){ .sent = t->q.edns.sent, /* no options */
					.dnssec_ok = t->q.edns.dnssec_ok };
	t->short_form = is_up_to_date(zone, &t->q, query, len);
	t->done = false;
	weir_walk_begin(&t->walk, z, zone, true);
	return true;
}

/* --- messages --- */

/* The record with its owner in front, which ends in the question's name. False: it does not fit. */
static bool add(struct weir_reply *r, const struct weir_node *owner, size_t apex,
		const struct weir_rr *rr)
{
	size_t own = owner->len - apex;

	if (r->limit - r->len < own + 2 + rr->len)
		return false;
	memcpy(r->out + r->len, owner->name, own);
	r->len += own;
	weir_reply_add(r, WEIR_DNS_HEADER, rr);
	r->answers++;
	return true;
}

static bool next_record(struct weir_transfer *t)
{
	if (weir_walk_next(&t->walk, &t->next))
		return true;
	t->next = (struct weir_walked){ 0 };
	return false;
}

/* The SOA is first and last. */
static void fill(struct weir_transfer *t, struct weir_reply *r)
{
	const struct weir_zone *zone = t->walk.zone;
	size_t apex = zone->apex->len;

	if (!t->begun) {
		add(r, zone->apex, apex, &zone->soa);
		t->begun = true;
		if (t->short_form) {
			t->done = true;
			return;
		}
		next_record(t);
	}
	while (t->next.rr) {
		if (!add(r, t->next.node, apex, t->next.rr) && r->answers)
			return; /* else no message is large enough for it: nobody has it */
		next_record(t);
	}
	t->done = add(r, zone->apex, apex, &zone->soa);
}

size_t weir_transfer_next(struct weir_transfer *t, uint8_t *out, size_t cap)
{
	static const struct weir_self nobody = { "", "", NULL };
	static const struct weir_asker asker = { .tcp = true };
	struct weir_reply r;
	size_t opt, len;

	assert(cap >= 4096);
	if (t->done)
		return 0;
	opt = weir_edns_size(&t->q.edns, &asker, &nobody);
	weir_reply_begin(&r, t->header, &t->q, out, cap, opt);
	r.authoritative = true;
	fill(t, &r);
	len = weir_reply_finish(&r, t->header, &t->q, opt != 0);
	if (opt)
		weir_edns_write(&t->q.edns, &asker, &nobody, r.rcode, 0, out + len);
	return len + opt;
}

/* --- news --- */

bool weir_zones_news(const struct weir_zones *z, uint32_t i, struct weir_zone_news *out)
{
	const struct weir_zone *zone;

	if (!z || i >= z->n_zones)
		return false;
	zone = z->zones[i];
	*out = (struct weir_zone_news){ zone->apex->name, zone->apex->len,
					serial_at(zone->soa.wire + zone->soa.len),
					&zone->transfer };
	return true;
}

size_t weir_notify_write(const struct weir_zone_news *n, uint16_t id, uint8_t *out)
{
	const uint8_t header[] = {
		(uint8_t)(id >> 8), (uint8_t)id, 0x24, 0, 0, 1, 0, 0, 0, 0, 0, 0
	};
	const uint8_t question[] = { 0, WEIR_TYPE_SOA, 0, WEIR_CLASS_IN };

	memcpy(out, header, sizeof(header));
	memcpy(out + sizeof(header), n->name, n->name_bytes);
	memcpy(out + sizeof(header) + n->name_bytes, question, sizeof(question));
	return sizeof(header) + n->name_bytes + sizeof(question);
}
