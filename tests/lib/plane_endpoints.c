/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane_endpoints.c - endpoints with the headers that their packets get. */
#include "plane.h"

#include <assert.h>
#include <string.h>

void plane_mac(uint32_t slot, int own, uint8_t mac[6])
{
	const uint8_t bytes[6] = { 6, (uint8_t)own, 0xee, 0, (uint8_t)(slot >> 8), (uint8_t)slot };

	memcpy(mac, bytes, sizeof(bytes));
}

/* The sum of 16-bit words in memory order, as the packet program goes on with it. */
static uint16_t sum_words(const uint8_t *b, uint32_t len)
{
	uint32_t sum = 0;
	uint16_t word;

	for (uint32_t i = 0; i < len; i += 2) {
		memcpy(&word, b + i, 2);
		sum += word;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static void outer_v4(struct weir_endpoint *e, const union weir_addr *src,
		     const union weir_addr *dst)
{
	uint8_t *ip = e->hdr + 14;

	pkt_put16(e->hdr + 12, 0x0800);
	ip[0] = 0x45;
	ip[6] = 0x40;
	ip[8] = 64;
	memcpy(ip + 12, src->b + 12, 4);
	memcpy(ip + 16, dst->b + 12, 4);
	e->csum = sum_words(ip, 20);
	e->hdr_len = WEIR_HDR_IP4;
}

static void outer_v6(struct weir_endpoint *e, const union weir_addr *src,
		     const union weir_addr *dst)
{
	pkt_put16(e->hdr + 12, 0x86dd);
	e->hdr[14] = 0x60;
	e->hdr[14 + 7] = 64;
	memcpy(e->hdr + 14 + 8, src->b, 16);
	memcpy(e->hdr + 14 + 24, dst->b, 16);
	e->csum = sum_words(e->hdr + 14 + 8, 32);
	e->hdr_len = WEIR_HDR_IP6;
}

uint32_t plane_add_endpoint(struct plane *p, enum weir_mode mode, const char *src, const char *dst,
			    uint32_t ifindex)
{
	struct weir_endpoint e = { .state = WEIR_ENDPOINT_ALIVE, .ifindex = ifindex };
	union weir_addr from = pkt_addr(src), to = pkt_addr(dst);
	uint32_t slot = p->next_endpoint++;

	assert(slot < WEIR_MAX_ENDPOINTS);
	plane_mac(slot, 0, e.hdr);
	plane_mac(slot, 1, e.hdr + 6);
	e.mtu = 65535 - 48;
	if (mode == WEIR_MODE_L2)
		e.hdr_len = WEIR_HDR_L2;
	else if (strchr(dst, ':'))
		outer_v6(&e, &from, &to);
	else
		outer_v4(&e, &from, &to);
	if (mode == WEIR_MODE_GUE)
		e.hdr_len += 8;
	p->endpoints[slot] = e;
	return slot;
}

uint32_t plane_add_nat(struct plane *p, enum weir_mode mode, const char *addr, uint16_t port,
		       uint32_t ifindex)
{
	uint32_t slot = plane_add_endpoint(p, WEIR_MODE_L2, "::", addr, ifindex);
	struct weir_endpoint *e = &p->endpoints[slot];
	union weir_addr to = pkt_addr(addr);

	e->hdr_len = mode == WEIR_MODE_NAT ? WEIR_HDR_NAT : WEIR_HDR_FULLNAT;
	e->mtu = 65535;
	memcpy(e->hdr + WEIR_NAT_ADDR, &to, sizeof(to));
	pkt_put16(e->hdr + WEIR_NAT_PORT, port);
	return slot;
}
