/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/segment.h"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>

#define TTL    64
#define WINDOW 1024

static uint32_t sum(const void *data, size_t len, uint32_t start)
{
	const uint8_t *b = data;

	for (size_t i = 0; i < len; i += 2)
		start += (uint32_t)(b[i] << 8 | b[i + 1]);
	return start;
}

static uint16_t fold(uint32_t s)
{
	s = (s >> 16) + (s & 0xffff);
	return htons((uint16_t) ~(s + (s >> 16)));
}

static struct tcphdr tcp_of(const struct weir_segment *s)
{
	struct tcphdr tcp = {
		.th_sport = htons(s->from.port),
		.th_dport = htons(s->to.port),
		.th_seq = htonl(s->sequence),
		.th_ack = htonl(s->ack),
		.th_off = sizeof(tcp) / 4,
		.th_flags = s->flags,
		.th_win = htons(WINDOW),
	};
	size_t skip = weir_addr_is_v4(&s->to.addr) ? 12 : 0; /* of the address's bytes */
	uint32_t pseudo = IPPROTO_TCP + sizeof(tcp);

	pseudo = sum(s->from.addr.b + skip, 16 - skip, pseudo);
	pseudo = sum(s->to.addr.b + skip, 16 - skip, pseudo);
	tcp.th_sum = fold(sum(&tcp, sizeof(tcp), pseudo));
	return tcp;
}

size_t weir_segment_write(const struct weir_segment *s, uint8_t out[WEIR_SEGMENT_BYTES])
{
	struct tcphdr tcp = tcp_of(s);
	size_t n;

	if (weir_addr_is_v4(&s->to.addr)) {
		struct iphdr ip = { .version = 4,
				    .ihl = sizeof(ip) / 4,
				    .tot_len = htons(sizeof(ip) + sizeof(tcp)),
				    .frag_off = htons(IP_DF),
				    .ttl = TTL,
				    .protocol = IPPROTO_TCP };

		memcpy(&ip.saddr, s->from.addr.b + 12, 4);
		memcpy(&ip.daddr, s->to.addr.b + 12, 4);
		ip.check = fold(sum(&ip, sizeof(ip), 0));
		memcpy(out, &ip, n = sizeof(ip));
	} else {
		struct ip6_hdr ip = { .ip6_flow = htonl(6u << 28),
				      .ip6_plen = htons(sizeof(tcp)),
				      .ip6_nxt = IPPROTO_TCP,
				      .ip6_hlim = TTL };

		memcpy(&ip.ip6_src, s->from.addr.b, 16);
		memcpy(&ip.ip6_dst, s->to.addr.b, 16);
		memcpy(out, &ip, n = sizeof(ip));
	}
	memcpy(out + n, &tcp, sizeof(tcp));
	return n + sizeof(tcp);
}

bool weir_segment_read(struct weir_segment *s, const uint8_t *bytes, size_t len)
{
	struct tcphdr tcp;

	if (len < sizeof(tcp))
		return false;
	memcpy(&tcp, bytes, sizeof(tcp));
	s->from.port = ntohs(tcp.th_sport);
	s->to.port = ntohs(tcp.th_dport);
	s->sequence = ntohl(tcp.th_seq);
	s->ack = ntohl(tcp.th_ack);
	s->flags = tcp.th_flags;
	return true;
}
