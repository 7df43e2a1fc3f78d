/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat_bed.h - for tests of translated addresses: a network in which replies find their way, and
 * what a translated packet must be, made without any shortcut. Include it once. */
#ifndef WEIR_TESTS_BPF_NAT_BED_H
#define WEIR_TESTS_BPF_NAT_BED_H

#include <stdbool.h>

#include "bed.h"
#include "weir.skel.h"

#define VPORT 443
#define EPORT 8080
#define CPORT 40000

static const char *const vip[2] = { "192.0.2.1", "2001:db8::1" };
static const char *const client[2] = { "198.51.100.7", "2001:db8:7::7" };
static const char *const endpoint[2] = { "10.9.8.7", "2001:db8:9::7" };
static const char *const own[2] = { "10.1.0.1", "2001:db8:1::1" };
static const char *const router[2] = { "172.16.5.5", "2001:db8:5::5" };
static const uint8_t protos[2] = { IPPROTO_TCP, IPPROTO_UDP };

/* Clients are behind 10.1.0.2 and 2001:db8:1::2, whose MAC address is 06:00:00:00:00:02, by OTHER,
 * and behind 10.1.0.3 and 2001:db8:1::3, which nobody has found yet. */
static inline int nat_network(void)
{
	static const char *const lines[] = {
		"sysctl -qw net.ipv4.conf.all.forwarding=1 net.ipv6.conf.all.forwarding=1",
		"ip link set plane0 address 06:00:00:00:00:01",
		"ip link set plane1 up",
		"ip link set plane0 up",
		"ip addr add 10.1.0.1/24 dev plane0",
		"ip addr add 2001:db8:1::1/64 dev plane0 nodad",
		"ip neigh add 10.1.0.2 lladdr 06:00:00:00:00:02 dev plane0 nud permanent",
		"ip neigh add 2001:db8:1::2 lladdr 06:00:00:00:00:02 dev plane0 nud permanent",
		"ip route add 198.51.100.0/24 via 10.1.0.2",
		"ip route add 2001:db8:7::/48 via 2001:db8:1::2",
		"ip route add 203.0.113.0/24 via 10.1.0.3",
		"ip route add 2001:db8:77::/48 via 2001:db8:1::3",
	};
	int bad = 0;

	for (size_t i = 0; !bad && i < sizeof(lines) / sizeof(*lines); i++)
		bad = system(lines[i]);
	return bad;
}

static void nat_features(struct weir_bpf *skel)
{
	skel->rodata->weir_features = WEIR_FEATURE_NAT | WEIR_FEATURE_FULLNAT;
}

static inline int nat_open(void **state)
{
	int bad;

	bed_set = nat_features;
	bad = bed_open(state) || nat_network();
	return bad ? -1 : 0;
}

static inline bool v6_of(const struct pkt *p)
{
	return p->data[pkt_ip_at(p)] >> 4 == 6;
}

/* Where the header behind IP is, without extension headers. */
static inline uint32_t upper_at(const struct pkt *p)
{
	uint32_t ip = pkt_ip_at(p);

	return ip + (v6_of(p) ? 40 : (p->data[ip] & 15) * 4u);
}

static inline void put_addr(uint8_t *ip, bool v6, bool dst, const union weir_addr *a)
{
	uint32_t n = v6 ? 16 : 4;

	memcpy(ip + (v6 ? 8 : 12) + (dst ? n : 0), a->b + 16 - n, n);
}

/* All checksums anew over all bytes. UDP without one keeps none. */
static inline struct pkt sealed(struct pkt p)
{
	uint32_t ip = pkt_ip_at(&p), at = upper_at(&p);
	bool udp = p.data[ip + (v6_of(&p) ? 6 : 9)] == IPPROTO_UDP;
	bool none = udp && !pkt_get16(p.data + at + 6);

	p = pkt_payload(p, 0);
	if (none)
		pkt_put16(p.data + at + 6, 0);
	else if (udp && !pkt_get16(p.data + at + 6))
		pkt_put16(p.data + at + 6, 0xffff);
	return p;
}

/* The same packet from and to these, one hop further. */
static inline struct pkt translated(struct pkt p, const struct flow *to)
{
	uint32_t at = upper_at(&p);
	uint8_t *ip = p.data + pkt_ip_at(&p);

	put_addr(ip, v6_of(&p), false, &to->src);
	put_addr(ip, v6_of(&p), true, &to->dst);
	ip[v6_of(&p) ? 7 : 8]--;
	pkt_put16(p.data + at, to->sport);
	pkt_put16(p.data + at + 2, to->dport);
	return sealed(p);
}

static inline struct pkt with_macs(struct pkt p, const uint8_t to[6], const uint8_t from[6])
{
	memcpy(p.data, to, 6);
	memcpy(p.data + 6, from, 6);
	return p;
}

static inline struct pkt to_endpoint(struct pkt p, uint32_t slot)
{
	uint8_t mac[2][6];

	plane_mac(slot, 0, mac[0]);
	plane_mac(slot, 1, mac[1]);
	return with_macs(p, mac[0], mac[1]);
}

static inline struct pkt to_client(struct pkt p)
{
	static const uint8_t mac[2][6] = { { 6, 0, 0, 0, 0, 2 }, { 6, 0, 0, 0, 0, 1 } };

	return with_macs(p, mac[0], mac[1]);
}

static inline void same(const struct pkt *got, const struct pkt *want)
{
	assert_int_equal(got->len, want->len);
	assert_memory_equal(got->data, want->data, want->len);
}

static inline void expect_packet(struct pkt in, uint32_t action, enum weir_reason why,
				 struct pkt want)
{
	struct pkt out = expect(in, action, why);

	same(&out, &want);
}

static inline struct flow back(const struct flow *f)
{
	return (struct flow){ f->dst, f->src, f->dport, f->sport, f->proto };
}

/* An ICMP error from one host to another about a packet, of which so many bytes are quoted. */
static inline struct pkt error_about(const struct pkt *about, const char *from,
				     const union weir_addr *to, uint32_t quoted)
{
	bool v6 = v6_of(about);
	struct flow f = { pkt_addr(from), *to, 0, 0, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP };
	struct pkt p = pkt_new(&f, 0);
	uint32_t at = v6 ? 62 : 42;

	p.data[at - 8] = v6 ? 2 : 3;
	p.data[at - 7] = v6 ? 0 : 4;
	p.len = at;
	p = pkt_payload(p, quoted);
	memcpy(p.data + at, about->data + pkt_ip_at(about), quoted);
	return pkt_payload(p, 0);
}

/* The two halves of a datagram, with this many bytes of it in the first. */
static inline struct pkt part(const struct pkt *whole, uint32_t from, uint32_t to)
{
	uint32_t at = upper_at(whole), room = whole->len - at;
	struct pkt p = *whole;

	to = to < room ? to : room;
	memmove(p.data + at, whole->data + at + from, to - from);
	return pkt_fragment(pkt_cut(p, at + to - from), (uint16_t)(from / 8), to < room);
}

#endif
