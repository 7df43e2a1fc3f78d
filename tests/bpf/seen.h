/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seen.h - what a packet says of itself, read plainly: the first half of the description that
 * test_reference.c holds against the packet program. */
#ifndef WEIR_TESTS_BPF_SEEN_H
#define WEIR_TESTS_BPF_SEEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "../lib/pkt.h"

/* What a packet says of itself, as far as it can be believed. */
struct seen {
	bool v6, plain, about; /* about: an ICMP error; addresses and ports are the flow's */
	enum {
		WHOLE,
		FIRST,
		LATER
	} fragment;
	uint32_t id; /* of the datagram */
	uint32_t l2; /* where IP begins */
	union weir_addr src, dst;
	uint32_t ip_len, read; /* read: what of it was looked at */
	uint8_t proto, tos;
	uint16_t sport, dport;
	bool syn, ends;       /* ends: FIN or RST */
	enum weir_reason why; /* the ports cannot be told; WEIR_FORWARD: they can */
};

static void addresses(const uint8_t *ip, bool v6, union weir_addr *src, union weir_addr *dst)
{
	memset(src, 0, sizeof(*src));
	memset(dst, 0, sizeof(*dst));
	if (v6) {
		memcpy(src->b, ip + 8, 16);
		memcpy(dst->b, ip + 24, 16);
		return;
	}
	src->b[10] = src->b[11] = dst->b[10] = dst->b[11] = 0xff;
	memcpy(src->b + 12, ip + 12, 4);
	memcpy(dst->b + 12, ip + 16, 4);
}

/* The packet that an ICMP error quotes was sent by an endpoint: its flow is the other way round. */
static void see_quoted(const struct pkt *p, uint32_t at, struct seen *s)
{
	const uint8_t *ip = p->data + at;
	uint32_t header = s->v6 ? 40 : 20;
	union weir_addr src, dst;
	uint8_t proto;

	s->why = WEIR_PASS_VIP_OTHER;
	if (p->len < at + header || (!s->v6 && (ip[0] & 15) < 5))
		return;
	addresses(ip, s->v6, &dst, &src);
	proto = ip[s->v6 ? 6 : 9];
	header = s->v6 ? 40 : (ip[0] & 15) * 4u;
	if (p->len < at + header + 4 || (proto != IPPROTO_TCP && proto != IPPROTO_UDP) ||
	    memcmp(&dst, &s->dst, sizeof(dst)))
		return;
	s->about = true;
	s->src = src;
	s->proto = proto;
	s->dport = pkt_get16(ip + header);
	s->sport = pkt_get16(ip + header + 2);
	s->why = WEIR_FORWARD;
}

static void see_icmp(const struct pkt *p, uint32_t at, struct seen *s)
{
	uint8_t type = p->data[at];
	bool error = s->v6 ? type >= 1 && type <= 4 : type == 3 || type == 11 || type == 12;

	s->why = WEIR_PASS_VIP_OTHER;
	if (p->len < at + 8)
		s->why = WEIR_DROP_TRUNCATED;
	else if (type == (s->v6 ? 128 : 8) && s->plain && !s->fragment)
		s->why = WEIR_REPLY_ECHO;
	else if (error && !s->fragment)
		see_quoted(p, at + 8, s);
}

static void see_upper(const struct pkt *p, uint32_t at, struct seen *s)
{
	uint32_t need = s->proto == IPPROTO_TCP ? 20 : 8;

	s->read = at - s->l2;
	if (s->fragment == LATER) {
		s->why = WEIR_FORWARD_FRAGMENT;
	} else if (s->proto == (s->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
		see_icmp(p, at, s);
	} else if (s->proto != IPPROTO_TCP && s->proto != IPPROTO_UDP) {
		s->why = WEIR_PASS_VIP_OTHER;
	} else if (p->len < at + need) {
		s->why = WEIR_DROP_TRUNCATED;
	} else {
		s->read += need;
		s->sport = pkt_get16(p->data + at);
		s->dport = pkt_get16(p->data + at + 2);
		s->syn = s->proto == IPPROTO_TCP &&
			 (p->data[at + 13] & (PKT_SYN | PKT_ACK)) == PKT_SYN;
		s->ends = s->proto == IPPROTO_TCP && p->data[at + 13] & (PKT_FIN | PKT_RST);
	}
}

static void see_v4(const struct pkt *p, struct seen *s)
{
	const uint8_t *ip = p->data + s->l2;
	uint32_t header = (ip[0] & 15) * 4u, frag = pkt_get16(ip + 6) & 0x3fff;
	bool odd = ip[0] != 0x45 || frag || s->l2 != 14 || p->len < 54 ||
		   (ip[9] != IPPROTO_TCP && ip[9] != IPPROTO_UDP);

	addresses(ip, false, &s->src, &s->dst);
	s->proto = ip[9];
	s->tos = ip[1];
	s->plain = header == 20;
	s->ip_len = pkt_get16(ip + 2);
	s->fragment = !frag ? WHOLE : frag & 0x1fff ? LATER : FIRST;
	memcpy(&s->id, ip + 4, 2);
	if (odd && (ip[0] >> 4 != 4 || header < 20 || s->ip_len < header))
		s->why = WEIR_DROP_BAD_HEADER;
	else
		see_upper(p, s->l2 + header, s);
}

static bool is_extension(uint8_t next)
{
	return next == 0 || next == 43 || next == 44 || next == 51 || next == 60;
}

static void see_v6(const struct pkt *p, struct seen *s)
{
	const uint8_t *ip = p->data + s->l2;
	uint32_t at = s->l2 + 40;

	s->v6 = s->plain = true;
	addresses(ip, true, &s->src, &s->dst);
	s->proto = ip[6];
	s->tos = (uint8_t)(pkt_get16(ip) >> 4);
	s->ip_len = 40u + pkt_get16(ip + 4);
	if (ip[0] >> 4 != 6) {
		s->why = WEIR_DROP_BAD_HEADER;
		return;
	}
	for (int i = 0; i < 6 && is_extension(s->proto) && s->fragment != LATER; i++) {
		const uint8_t *e = p->data + at;
		uint16_t frag = pkt_get16(e + 2);

		if (p->len < at + 8) {
			s->why = WEIR_DROP_TRUNCATED;
			return;
		}
		at += 8 + (s->proto == 44 ? 0 : e[1] * (s->proto == 51 ? 4u : 8u));
		if (s->proto == 44 && frag & 0xfff9) {
			s->fragment = frag & 0xfff8 ? LATER : FIRST;
			memcpy(&s->id, e + 4, 4);
		}
		s->plain = false;
		s->proto = e[0];
	}
	if (is_extension(s->proto) && s->fragment != LATER)
		s->why = WEIR_DROP_EXTENSION;
	else
		see_upper(p, at, s);
}

/* ::ffff:0:0/96, which stands for IPv4 in the tables and is nobody's on the wire. */
static bool is_mapped(const union weir_addr *a)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(a->b, prefix, sizeof(prefix));
}

/* WEIR_FORWARD: an IP packet whose addresses can be read. */
static enum weir_reason see(const struct pkt *p, struct seen *s)
{
	uint16_t type = pkt_get16(p->data + 12);

	memset(s, 0, sizeof(*s));
	s->l2 = 14;
	for (int i = 0; i < 2 && (type == 0x8100 || type == 0x88a8); i++) {
		if (p->len < s->l2 + 4)
			return WEIR_PASS_NOT_IP;
		type = pkt_get16(p->data + s->l2 + 2);
		s->l2 += 4;
	}
	if (type != 0x0800 && type != 0x86dd)
		return WEIR_PASS_NOT_IP;
	if (p->len < s->l2 + (type == 0x0800 ? 20 : 40))
		return WEIR_DROP_TRUNCATED;
	if (type == 0x0800)
		see_v4(p, s);
	else
		see_v6(p, s);
	return s->v6 && is_mapped(&s->dst) ? WEIR_PASS_NOT_OURS : WEIR_FORWARD;
}

#endif
