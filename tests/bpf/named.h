/* SPDX-License-Identifier: GPL-2.0-or-later */
/* named.h - what a QUIC datagram says to a balancer, read plainly: a part of the description that
 * test_reference.c holds against the packet program. Include it behind bed.h and seen.h. */
#ifndef WEIR_TESTS_BPF_NAMED_H
#define WEIR_TESTS_BPF_NAMED_H

#include "../lib/quic.h"

#define NAMED_ROTATION 5
#define NAMED_BYTES    2 /* server id n is endpoint slot n's, for as many as there are */

static uint32_t n_named;

struct named {
	bool begins;   /* a connection: an Initial packet, and no server has answered yet */
	uint32_t slot; /* it goes there; WEIR_NO_ENDPOINT: by its flow */
};

/* Whom an id names, of so many bytes. */
static uint32_t named_by(const uint8_t *cid, uint32_t len)
{
	uint32_t slot = pkt_get16(cid + 1);

	if (len < 1 + NAMED_BYTES || cid[0] >> 5 != NAMED_ROTATION || slot >= n_named)
		return WEIR_NO_ENDPOINT;
	return plane->endpoints[slot].state & WEIR_ENDPOINT_ALIVE ? slot : WEIR_NO_ENDPOINT;
}

static struct named see_quic(const struct pkt *p, const struct seen *s)
{
	uint32_t at = s->l2 + s->read, slot;
	const uint8_t *quic = p->data + at;
	struct named n = { .slot = WEIR_NO_ENDPOINT };
	bool v1, v2;

	if (s->about || p->len < at + 16 || pkt_get16(quic - 4) < 8 + 16)
		return n;
	if (quic[0] < 0x80) {
		n.slot = named_by(quic + 1, 20);
		return n;
	}
	v1 = !memcmp(quic + 1, "\x00\x00\x00\x01", 4);
	v2 = !memcmp(quic + 1, "\x6b\x33\x43\xcf", 4);
	slot = named_by(quic + 6, quic[5]);
	if ((v1 && (quic[0] & 0x30) == 0x20) || (v2 && (quic[0] & 0x30) == 0x30))
		n.slot = slot;
	if ((v1 && (quic[0] & 0x30) == 0x00) || (v2 && (quic[0] & 0x30) == 0x10))
		n.begins = slot == WEIR_NO_ENDPOINT;
	return n;
}

/* Of a QUIC connection, mostly with an id that names a server or nearly does. */
static struct pkt random_quic(const struct flow *f, uint32_t (*roll)(uint32_t))
{
	static const uint32_t versions[] = { QUIC_VERSION_1, QUIC_VERSION_1, QUIC_VERSION_2, 0, 3 };
	struct quic_cid cid = quic_cid((uint8_t)(roll(4) ? NAMED_ROTATION : roll(8)),
				       roll(n_named + 1), NAMED_BYTES, (uint8_t)roll(256));
	struct pkt p;

	if (!roll(8))
		cid.len = (uint8_t)roll(21);
	p = quic_packet_of(f, (enum quic_form)roll(5), versions[roll(5)], cid);
	return roll(8) ? p : pkt_datagram(f, p.data + p.len - QUIC_BYTES, roll(24));
}

#endif
