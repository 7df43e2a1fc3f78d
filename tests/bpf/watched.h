/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watched.h - where SYNs go that come again, read plainly: the third part of the description that
 * test_reference.c holds against the packet program. What was seen before is not followed but laid
 * anew before each packet. Include it behind chosen.h. */
#ifndef WEIR_TESTS_BPF_WATCHED_H
#define WEIR_TESTS_BPF_WATCHED_H

/* What is laid for a SYN: that it came before, and which endpoints answer nobody. */
struct past {
	bool again, more_than_once;
	uint32_t slot; /* where it was sent */
};

static uint32_t roll(uint32_t n);

static void lay_endpoints(uint32_t n_slots, uint32_t now)
{
	for (uint32_t slot = 0; slot < n_slots; slot++)
		plane->live[slot] = (struct weir_live){
			.unanswered = roll(2) * WEIR_SUSPECT - roll(2),
			.again_at = now,
			.answered_at =
				now - plane_jiffies(plane, roll(8) ? 10 * WEIR_SUSPECT_MUTE_MS : 0),
			.told_at = now,
		};
	for (uint32_t slot = 0; slot < n_slots; slot++)
		if (plane->live[slot].unanswered > WEIR_SUSPECT)
			plane->live[slot].unanswered = 0;
}

static struct past lay_past(const struct pkt *in, const struct seen *s, const struct flow *f,
			    uint32_t n_slots)
{
	const uint8_t *tcp = in->data + s->l2 + s->read - 20;
	struct weir_syn_bucket *b = plane_syn_bucket(plane, f);
	uint32_t now = plane_syn_now(plane), kind = roll(8);
	struct past past = { .slot = 1 + roll(n_slots - 1), .more_than_once = roll(2) };

	lay_endpoints(n_slots, now);
	past.again = kind >= 3;
	memset(b, 0, sizeof(*b));
	b->way[roll(WEIR_SYN_WAYS)] = (struct weir_syn){
		.tag = (uint32_t)(plane_hash(f) >> 32) + (kind == 1), /* of another flow */
		.seq = ((uint32_t)pkt_get16(tcp + 4) << 16 | pkt_get16(tcp + 6)) +
		       (kind == 0), /* of another connection */
		.at = now - plane_jiffies(plane, kind == 2 ? 0 : 1000),
		.slot = past.slot | (past.more_than_once ? WEIR_SYN_AGAIN : 0),
	};
	return past;
}

static bool suspected(uint32_t slot, const struct past *past)
{
	const struct weir_live *l = &plane->live[slot];
	uint32_t more = past->again && !past->more_than_once && slot == past->slot;

	return l->unanswered + more >= WEIR_SUSPECT && l->answered_at != l->again_at;
}

/* Goes on from what was chosen for it. */
static void choose_again(const struct flow *f, const struct past *past, struct choice *c)
{
	uint64_t hash = plane_hash(f);

	bool mute = plane->live[c->slot].answered_at != plane->live[c->slot].again_at;

	if (!past->again || c->slot == WEIR_NO_ENDPOINT ||
	    !(suspected(c->slot, past) || (past->more_than_once && mute)))
		return;
	for (uint32_t n = 1; n <= WEIR_SECOND_TRIES; n++) {
		uint64_t at = (uint32_t)hash + n * ((hash >> 16 & 0xffffffff) | 1);
		uint32_t to = plane->rows[c->table.base + at % c->table.size].cur;

		if (to == c->slot || to == past->slot || !alive(to) || suspected(to, past))
			continue;
		c->slot = c->record = to;
		c->why = WEIR_FORWARD_SECOND;
		return;
	}
}

#endif
