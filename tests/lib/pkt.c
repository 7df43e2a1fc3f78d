/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pkt.c - builds packets byte by byte, sharing no code with what is tested. */
#include "pkt.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <string.h>

#define ETHER   14
#define PAYLOAD 10
#define NEXT_V4 0x0800
#define NEXT_V6 0x86dd
#define NEXT_8Q 0x8100

uint16_t pkt_get16(const uint8_t *b)
{
	return (uint16_t)(b[0] << 8 | b[1]);
}

void pkt_put16(uint8_t *b, uint16_t value)
{
	b[0] = (uint8_t)(value >> 8);
	b[1] = (uint8_t)value;
}

uint16_t pkt_checksum(const uint8_t *b, uint32_t len, uint32_t begun)
{
	uint64_t sum = begun;

	for (uint32_t i = 0; i + 1 < len; i += 2)
		sum += pkt_get16(b + i);
	if (len & 1)
		sum += (uint32_t)b[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

union weir_addr pkt_addr(const char *text)
{
	union weir_addr a = { { 0 } };

	if (inet_pton(AF_INET6, text, a.b) == 1)
		return a;
	a.b[10] = a.b[11] = 0xff;
	assert(inet_pton(AF_INET, text, a.b + 12) == 1);
	return a;
}

struct flow flow_of(uint8_t proto, const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	return (struct flow){ pkt_addr(src), pkt_addr(dst), sport, dport, proto };
}

uint32_t pkt_ip_at(const struct pkt *p)
{
	return pkt_get16(p->data + 12) == NEXT_8Q ? ETHER + 4 : ETHER;
}

static int is_v6(const struct pkt *p)
{
	return pkt_get16(p->data + pkt_ip_at(p) - 2) == NEXT_V6;
}

static int is_mapped(const union weir_addr *a)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(a->b, prefix, sizeof(prefix));
}

/* Where the transport header begins, and its protocol; 0: a fragment, or none. */
static uint32_t transport_at(const struct pkt *p, uint8_t *proto)
{
	uint32_t ip = pkt_ip_at(p), at = ip + 40;
	uint8_t next = p->data[ip + 6];

	if (!is_v6(p)) {
		*proto = p->data[ip + 9];
		return pkt_get16(p->data + ip + 6) & 0x3fff ? 0 : ip + (p->data[ip] & 15) * 4u;
	}
	while (next == 0 || next == 43 || next == 60 || next == 135) {
		next = p->data[at];
		at += (p->data[at + 1] + 1u) * 8;
	}
	*proto = next;
	return next == 44 || next == 51 ? 0 : at;
}

static void seal_transport(struct pkt *p)
{
	static const uint8_t field[256] = {
		[IPPROTO_TCP] = 16, [IPPROTO_UDP] = 6, [IPPROTO_ICMP] = 2, [IPPROTO_ICMPV6] = 2
	};
	uint32_t ip = pkt_ip_at(p), at, len, pseudo;
	uint8_t proto, *check;

	at = transport_at(p, &proto);
	if (!at || !field[proto])
		return;
	len = p->len - at;
	check = p->data + at + field[proto];
	if (proto == IPPROTO_UDP)
		pkt_put16(p->data + at + 4, (uint16_t)len);
	pseudo = proto == IPPROTO_ICMP ? 0 : len + proto;
	for (uint32_t i = is_v6(p) ? 8 : 12; pseudo && i < (is_v6(p) ? 40u : 20u); i += 2)
		pseudo += pkt_get16(p->data + ip + i);
	pkt_put16(check, 0);
	pkt_put16(check, pkt_checksum(p->data + at, len, pseudo));
}

/* Lengths and checksums say what the bytes are. */
static struct pkt seal(struct pkt p)
{
	uint8_t *ip = p.data + pkt_ip_at(&p);
	uint32_t len = p.len - pkt_ip_at(&p);

	if (is_v6(&p)) {
		pkt_put16(ip + 4, (uint16_t)(len - 40));
	} else {
		pkt_put16(ip + 2, (uint16_t)len);
		pkt_put16(ip + 10, 0);
		pkt_put16(ip + 10, pkt_checksum(ip, (ip[0] & 15) * 4u, 0));
	}
	seal_transport(&p);
	return p;
}

static uint8_t *append(struct pkt *p, uint32_t bytes)
{
	uint8_t *at = p->data + p->len;

	assert(p->len + bytes <= PKT_MAX);
	memset(at, 0, bytes);
	p->len += bytes;
	return at;
}

static uint8_t *insert(struct pkt *p, uint32_t at, uint32_t bytes)
{
	append(p, bytes);
	memmove(p->data + at + bytes, p->data + at, p->len - bytes - at);
	memset(p->data + at, 0, bytes);
	return p->data + at;
}

static void put_network(struct pkt *p, const struct flow *f)
{
	uint8_t *ip;

	if (is_mapped(&f->src) && is_mapped(&f->dst)) {
		pkt_put16(p->data + 12, NEXT_V4);
		ip = append(p, 20);
		ip[0] = 0x45;
		ip[1] = 0x10; /* a type of service, an id and DF: none of it may change */
		pkt_put16(ip + 4, 0x1234);
		pkt_put16(ip + 6, 0x4000);
		ip[8] = 57;
		ip[9] = f->proto;
		memcpy(ip + 12, f->src.b + 12, 4);
		memcpy(ip + 16, f->dst.b + 12, 4);
		return;
	}
	pkt_put16(p->data + 12, NEXT_V6);
	ip = append(p, 40);
	ip[0] = 0x61;
	ip[3] = 0x42; /* a flow label */
	ip[6] = f->proto;
	ip[7] = 57;
	memcpy(ip + 8, f->src.b, 16);
	memcpy(ip + 24, f->dst.b, 16);
}

static void put_transport(struct pkt *p, const struct flow *f, uint8_t tcp_flags)
{
	uint8_t *at;

	if (f->proto == IPPROTO_TCP) {
		at = append(p, 20);
		at[4] = 0x77;
		at[12] = 5 << 4;
		at[13] = tcp_flags;
		pkt_put16(at + 14, 0xfaf0);
	} else if (f->proto == IPPROTO_UDP) {
		at = append(p, 8);
	} else if (f->proto == IPPROTO_ICMP || f->proto == IPPROTO_ICMPV6) {
		at = append(p, 8);
		at[0] = f->proto == IPPROTO_ICMP ? 8 : 128;
		return;
	} else {
		return;
	}
	pkt_put16(at, f->sport);
	pkt_put16(at + 2, f->dport);
}

struct pkt pkt_new(const struct flow *f, uint8_t tcp_flags)
{
	static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
	struct pkt p = { .len = ETHER };
	uint8_t *at;

	memcpy(p.data, macs, sizeof(macs));
	put_network(&p, f);
	put_transport(&p, f, tcp_flags);
	at = append(&p, PAYLOAD);
	for (uint8_t i = 0; i < PAYLOAD; i++)
		at[i] = (uint8_t)(0xa0 + i);
	return seal(p);
}

struct pkt pkt_datagram(const struct flow *f, const void *bytes, uint32_t len)
{
	struct pkt p = pkt_new(f, 0);

	assert(f->proto == IPPROTO_UDP);
	p.len -= PAYLOAD;
	memcpy(append(&p, len), bytes, len);
	return seal(p);
}

struct pkt pkt_payload(struct pkt p, uint32_t bytes)
{
	memset(append(&p, bytes), 0x5a, bytes);
	return seal(p);
}

struct pkt pkt_options(struct pkt p, uint32_t bytes)
{
	uint32_t ip = pkt_ip_at(&p);

	assert(!is_v6(&p) && !(bytes & 3));
	memset(insert(&p, ip + 20, bytes), 1, bytes); /* no-operation */
	p.data[ip] = (uint8_t)(p.data[ip] + bytes / 4);
	return seal(p);
}

struct pkt pkt_extension(struct pkt p, uint8_t header)
{
	uint32_t ip = pkt_ip_at(&p);
	uint8_t *at;

	assert(is_v6(&p));
	at = insert(&p, ip + 40, 8);
	at[0] = p.data[ip + 6];
	p.data[ip + 6] = header;
	return seal(p);
}

struct pkt pkt_fragment(struct pkt p, uint16_t offset, int more)
{
	uint32_t ip = pkt_ip_at(&p);

	if (is_v6(&p)) {
		p = pkt_extension(p, IPPROTO_FRAGMENT);
		pkt_put16(p.data + ip + 42, (uint16_t)(offset << 3 | !!more));
	} else {
		pkt_put16(p.data + ip + 6, (uint16_t)(offset | !!more << 13));
	}
	return seal(p);
}

struct pkt pkt_vlan(struct pkt p, uint16_t id)
{
	uint8_t *at = insert(&p, 12, 4);

	pkt_put16(at, NEXT_8Q);
	pkt_put16(at + 2, id);
	return p;
}

struct pkt pkt_pad(struct pkt p, uint32_t len)
{
	assert(len >= p.len);
	append(&p, len - p.len);
	return p;
}

struct pkt pkt_cut(struct pkt p, uint32_t len)
{
	assert(len <= p.len);
	p.len = len;
	return p;
}

struct pkt pkt_byte(struct pkt p, uint32_t at, int to)
{
	assert(at < p.len);
	p.data[at] = (uint8_t)to;
	return p;
}
