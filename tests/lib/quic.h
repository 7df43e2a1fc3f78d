/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quic.h - the beginnings of QUIC packets as clients send them (RFC 9000, section 17), and ids that
 * name servers (draft-ietf-quic-load-balancers). The rest of them is anything. */
#ifndef WEIR_TESTS_QUIC_H
#define WEIR_TESTS_QUIC_H

#include <string.h>

#include "pkt.h"

#define QUIC_VERSION_1 0x00000001u
#define QUIC_VERSION_2 0x6b3343cfu
#define QUIC_BYTES     40 /* of a packet made here: no valid one is so short that it matters */

enum quic_form { /* the long ones as version 1 numbers them */
	QUIC_FORM_INITIAL,
	QUIC_FORM_0RTT,
	QUIC_FORM_HANDSHAKE,
	QUIC_FORM_RETRY,
	QUIC_FORM_SHORT,
};

struct quic_cid {
	uint8_t len, b[20];
};

/* An id of 18 bytes: rotation, server id, then what comes of seed. */
static inline struct quic_cid quic_cid(uint8_t rotation, uint64_t server, uint32_t bytes,
				       uint8_t seed)
{
	struct quic_cid cid = { .len = 18 };

	memset(cid.b, seed, sizeof(cid.b));
	cid.b[0] = (uint8_t)(rotation << 5 | (seed & 31));
	for (uint32_t i = 0; i < bytes; i++)
		cid.b[1 + i] = (uint8_t)(server >> 8 * (bytes - 1 - i));
	return cid;
}

static inline struct pkt quic_packet_of(const struct flow *f, enum quic_form form, uint32_t version,
					struct quic_cid cid)
{
	uint8_t b[QUIC_BYTES], type = (form + (version == QUIC_VERSION_2)) & 3;

	memset(b, 0x77, sizeof(b));
	if (form == QUIC_FORM_SHORT) {
		b[0] = 0x4f;
		memcpy(b + 1, cid.b, cid.len);
		return pkt_datagram(f, b, sizeof(b));
	}
	b[0] = (uint8_t)(0xcf | type << 4);
	pkt_put16(b + 1, (uint16_t)(version >> 16));
	pkt_put16(b + 3, (uint16_t)version);
	b[5] = cid.len;
	memcpy(b + 6, cid.b, cid.len);
	return pkt_datagram(f, b, sizeof(b));
}

static inline struct pkt quic_packet(const struct flow *f, enum quic_form form, struct quic_cid cid)
{
	return quic_packet_of(f, form, QUIC_VERSION_1, cid);
}

#endif
