/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sent.h - what leaves for a packet, byte by byte, read plainly: the fourth part of the description
 * that test_reference.c holds against the packet program. Include it behind seen.h and chosen.h. */
#ifndef WEIR_TESTS_BPF_SENT_H
#define WEIR_TESTS_BPF_SENT_H

#define SMALL_MTU 1220
#define LEAST_V6  1280 /* what every IPv6 way takes */

/* Endpoint slots by kind; NONE is no slot. */
enum {
	NONE,
	V4,
	V6,
	L2,
	GUE4,
	GUE6,
	FAR,
	SMALL,
	LOST,
	DEAD,
	KINDS
};

struct outcome {
	uint32_t action;
	enum weir_reason why;
	struct pkt out;
};

/* A checksum over a word that changed. */
static uint16_t replaced(uint16_t sum, int from, int to)
{
	uint32_t n = (uint16_t)~sum + (uint32_t)(uint16_t)~from + (uint32_t)to;

	while (n >> 16)
		n = (n & 0xffff) + (n >> 16);
	return (uint16_t)~n;
}

/* The sum of the inner packet as it would be if its checksums held. */
static uint32_t promised_sum(const uint8_t *inner, const struct seen *s)
{
	uint32_t header = s->v6 ? 40 : 20, sum = 0;
	uint32_t upper = s->ip_len - header + s->proto;

	for (uint32_t i = s->v6 ? 8 : 12; i < header; i += 2)
		upper += pkt_get16(inner + i);
	for (uint32_t i = 0; s->v6 && i < header; i += 2)
		sum += pkt_get16(inner + i);
	while (upper >> 16)
		upper = (upper & 0xffff) + (upper >> 16);
	return sum + (uint16_t)~upper;
}

static void wrap_udp(const struct pkt *in, const struct seen *s, uint8_t *ip, bool outer6,
		     uint32_t hash)
{
	uint8_t *udp = ip + (outer6 ? 40 : 20);
	const uint8_t *inner = in->data + s->l2;
	uint32_t len = s->ip_len + 8, sum = IPPROTO_UDP + len;
	bool has = s->plain && !s->fragment && !s->about;

	pkt_put16(udp, (uint16_t)(0xc000 | hash));
	pkt_put16(udp + 2, 6080);
	pkt_put16(udp + 4, (uint16_t)len);
	pkt_put16(udp + 6, 0);
	if (!has || (s->proto == IPPROTO_UDP && !pkt_get16(inner + (s->v6 ? 46 : 26))))
		return;
	for (int i = outer6 ? 8 : 12; i < (outer6 ? 40 : 20); i += 2)
		sum += pkt_get16(ip + i);
	pkt_put16(udp + 6, pkt_checksum(udp, 8, sum + promised_sum(inner, s)));
	if (!pkt_get16(udp + 6))
		pkt_put16(udp + 6, 0xffff);
}

static void wrap(const struct pkt *in, const struct seen *s, uint32_t hash, uint32_t slot,
		 struct pkt *out)
{
	const struct weir_endpoint *e = &plane->endpoints[slot];
	uint32_t more = e->hdr_len - 14u;
	uint8_t *ip = out->data + s->l2, gue = slot == GUE4 || slot == GUE6 ? 8 : 0;
	uint8_t proto = gue ? IPPROTO_UDP : s->v6 ? 41 : 4;

	*out = *in;
	memcpy(out->data, e->hdr, 12);
	if (slot == L2)
		return;
	memcpy(ip - 2, e->hdr + 12, e->hdr_len - 12u - gue);
	memcpy(ip + more, in->data + s->l2, in->len - s->l2);
	out->len = in->len + more;
	if (more - gue == 20) {
		ip[1] = s->tos;
		pkt_put16(ip + 2, (uint16_t)(s->ip_len + more));
		ip[9] = proto;
		pkt_put16(ip + 10, pkt_checksum(ip, 20, 0));
	} else {
		pkt_put16(ip, (uint16_t)(0x6000 | s->tos << 4 | (hash >> 16 & 15)));
		pkt_put16(ip + 2, (uint16_t)hash);
		pkt_put16(ip + 4, (uint16_t)(s->ip_len + gue));
		ip[6] = proto;
	}
	if (gue)
		wrap_udp(in, s, ip, more > 40, hash & 0x3fff);
}

/* An ICMP error for a packet that is too large for SMALL. Too many are not answered: both may be.
 */
static void tell(const struct pkt *in, const struct seen *s, struct pkt *out)
{
	uint32_t quoted = s->v6 ? 1200 : 512, header = s->v6 ? 40 : 20, n = s->v6 ? 16 : 4;
	const uint8_t *was = in->data + s->l2;
	uint32_t at = s->v6 ? 8 : 12, sum = s->v6 ? 8 + quoted + IPPROTO_ICMPV6 : 0;
	uint8_t *ip = out->data + s->l2, *icmp = ip + header;

	*out = *in;
	memcpy(out->data, in->data + 6, 6);
	memcpy(out->data + 6, in->data, 6);
	out->len = s->l2 + header + 8 + quoted;
	memset(ip, 0, header + 8);
	ip[0] = s->v6 ? 0x60 : 0x45;
	ip[1] = s->v6 ? 0 : 0xc0;
	pkt_put16(ip + (s->v6 ? 4 : 2), (uint16_t)(8 + quoted + (s->v6 ? 0 : 20)));
	ip[s->v6 ? 6 : 8] = s->v6 ? IPPROTO_ICMPV6 : 64;
	ip[s->v6 ? 7 : 9] = s->v6 ? 64 : IPPROTO_ICMP;
	memcpy(ip + at, was + at + n, n);
	memcpy(ip + at + n, was + at, n);
	if (!s->v6)
		pkt_put16(ip + 10, pkt_checksum(ip, 20, 0));
	for (uint32_t i = 0; s->v6 && i < 2 * n; i += 2)
		sum += pkt_get16(ip + at + i);
	icmp[0] = s->v6 ? 2 : 3;
	icmp[1] = s->v6 ? 0 : 4;
	pkt_put16(icmp + 6, s->v6 ? LEAST_V6 : SMALL_MTU);
	memcpy(icmp + 8, was, quoted);
	pkt_put16(icmp + 2, pkt_checksum(icmp, 8 + quoted, sum));
}

static enum weir_reason describe(const struct pkt *in, const struct seen *s, uint32_t hash,
				 uint32_t slot, enum weir_reason why, struct outcome *o)
{
	if (slot == NONE)
		return why > WEIR_LAST_FORWARD ? why : WEIR_DROP_NO_ENDPOINT;
	if (s->ip_len < s->read || s->ip_len + s->l2 > in->len)
		return WEIR_DROP_TRUNCATED;
	if (slot == LOST)
		return WEIR_DROP_NO_NEXT_HOP;
	if (slot == SMALL && s->ip_len > (s->v6 ? LEAST_V6 : SMALL_MTU)) {
		o->action = XDP_TX;
		tell(in, s, &o->out);
		return WEIR_REPLY_MTU;
	}
	wrap(in, s, hash, slot, &o->out);
	o->action = slot == FAR ? XDP_REDIRECT : XDP_TX;
	return why;
}

/* A ping comes back from the VIP, with a TTL of its own. */
static void echo(const struct pkt *in, const struct seen *s, struct pkt *out)
{
	uint8_t *ip = out->data + s->l2, *icmp = ip + (s->v6 ? 40 : 20);
	const uint8_t *was = in->data + s->l2;
	uint32_t n = s->v6 ? 16 : 4, src = s->v6 ? 8 : 12;

	memcpy(out->data, in->data + 6, 6);
	memcpy(out->data + 6, in->data, 6);
	memcpy(ip + src, was + src + n, n);
	memcpy(ip + src + n, was + src, n);
	ip[s->v6 ? 7 : 8] = 64;
	if (!s->v6)
		pkt_put16(ip + 10, replaced(pkt_get16(ip + 10), was[8] << 8, 64 << 8));
	icmp[0] = s->v6 ? 129 : 0;
	pkt_put16(icmp + 2, replaced(pkt_get16(icmp + 2), s->v6 ? 128 << 8 : 8 << 8, icmp[0] << 8));
}

#endif
