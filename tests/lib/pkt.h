/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pkt.h - packets for tests and benchmarks: real bytes with correct lengths and checksums, then
 * odd in exactly the way a test asks for. Everything is passed by value; a packet that would not
 * fit is a bug of the test. */
#ifndef WEIR_TESTS_PKT_H
#define WEIR_TESTS_PKT_H

#include <stdint.h>

#include "weir/abi.h"

#define PKT_MAX 2048

struct pkt {
	uint32_t len;
	uint8_t data[PKT_MAX];
};

/* Who talks to whom. Both addresses of one family; ports in host order. */
struct flow {
	union weir_addr src, dst;
	uint16_t sport, dport;
	uint8_t proto;
};

/* "192.0.2.1" or "2001:db8::1"; IPv4 is mapped. */
union weir_addr pkt_addr(const char *text);
struct flow flow_of(uint8_t proto, const char *src, uint16_t sport, const char *dst,
		    uint16_t dport);

#define PKT_FIN 0x01
#define PKT_SYN 0x02
#define PKT_RST 0x04
#define PKT_PSH 0x08
#define PKT_ACK 0x10

/* A packet of this flow with some payload. By f->proto: TCP with these flags, UDP, ICMP (echo
 * request; flags and ports unused); any other protocol gets its payload straight behind IP. */
struct pkt pkt_new(const struct flow *f, uint8_t tcp_flags);

/* A datagram of this flow with just these bytes. */
struct pkt pkt_datagram(const struct flow *f, const void *bytes, uint32_t len);

/* The same packet, with ... */
struct pkt pkt_payload(struct pkt p, uint32_t bytes);   /* so many bytes more payload */
struct pkt pkt_options(struct pkt p, uint32_t bytes);   /* IPv4 options, a multiple of 4 */
struct pkt pkt_extension(struct pkt p, uint8_t header); /* one more IPv6 header, 8 bytes, first */
/* Made a fragment: offset in units of 8 bytes. The bytes stay the same. */
struct pkt pkt_fragment(struct pkt p, uint16_t offset, int more);
struct pkt pkt_vlan(struct pkt p, uint16_t id);         /* an 802.1Q tag */
struct pkt pkt_pad(struct pkt p, uint32_t len);         /* Ethernet padding up to len */
struct pkt pkt_cut(struct pkt p, uint32_t len);         /* only its first len bytes */
struct pkt pkt_byte(struct pkt p, uint32_t at, int to); /* one byte changed, nothing corrected */

/* Where the IP header begins. */
uint32_t pkt_ip_at(const struct pkt *p);

/* Big-endian 16 bits. */
uint16_t pkt_get16(const uint8_t *b);
void pkt_put16(uint8_t *b, uint16_t value);

/* The Internet checksum (RFC 1071) of len bytes and a sum of words begun before. Over a header
 * with a correct checksum in it: 0. */
uint16_t pkt_checksum(const uint8_t *b, uint32_t len, uint32_t begun);

#endif
