/* SPDX-License-Identifier: GPL-2.0-or-later */
/* packet.h - what the stages hand on, and the cursor they read the packet with. */
#ifndef WEIR_PACKET_H
#define WEIR_PACKET_H

#define HDR_L2 14

/* Jiffies in a second. Set by the agent when it loads the program. */
const volatile __u32 weir_hz = 250;

/* Of the way of a packet's client (bpf/steer.h). */
enum way_state {
	WAY_REST,
	WAY_UNSETTLED,
	WAY_SESSIONS, /* unsettled, and remembered clients follow */
};

struct cursor {
	void *pos, *end;
};

/* Takes the next len bytes (a constant). NULL: the packet ends inside them. */
static __always_inline void *take(struct cursor *c, __u32 len)
{
	void *p = c->pos;

	if (p + len > c->end)
		return NULL;
	c->pos = p + len;
	return p;
}

/* Behind the last byte. Looked up anew each time: the verifier refuses a pointer into the context
 * that clang would keep for several look-ups. */
static __always_inline void *packet_end(struct xdp_md *ctx)
{
	barrier_var(ctx);
	return (void *)(long)ctx->data_end;
}

/* Copies len bytes (a constant, even) by words. Of bytes whose alignment it does not know, as in a
 * packet, clang makes a load and a store each; the kernel lets programs read any alignment. */
__attribute__((no_sanitize("alignment"))) static __always_inline void
copy(void *to, const void *from, __u32 len)
{
	__u32 at = 0;

	for (; at + 8 <= len; at += 8)
		*(__u64 *)(to + at) = *(const __u64 *)(from + at);
	if (len & 4) {
		*(__u32 *)(to + at) = *(const __u32 *)(from + at);
		at += 4;
	}
	if (len & 2)
		*(__u16 *)(to + at) = *(const __u16 *)(from + at);
}

/* ICMP and ICMPv6 (RFC 792, RFC 4443). */
struct icmp {
	__u8 type, code;
	__sum16 checksum;
	__be16 rest[2];
};

enum fragment {
	NO_FRAGMENT,
	FIRST_FRAGMENT, /* has the ports */
	LATER_FRAGMENT,
};

/* A packet: parse() fills the first part, classify() and pick() the rest. For an ICMP error about
 * a flow, source, destination, ports and proto are those of that flow, as its client sends. */
struct packet {
	union weir_addr src, dst;
	__be16 ports[2]; /* source, destination */
	__u16 read;      /* bytes of the IP packet that must be in it: they were looked at */
	__u16 walk;      /* bytes of an IPv6 extension header behind its first 8 */
	__u8 proto;
	__u8 ports_why; /* WEIR_FORWARD: ports are known; else why not */
	__u8 first;     /* a TCP segment with SYN alone; or of QUIC, as bpf/quic.h says */
	__u8 last;      /* a TCP segment with FIN or RST */
	__u8 v6;        /* the IP header is IPv6 */
	__u8 plain;     /* the IP header has no options or extensions */
	__u8 l2_len;    /* 14, with VLAN tags 18 or 22 */
	__u8 about;     /* an ICMP error about the flow */
	__u8 fragment;  /* enum fragment */
	__u8 tos;       /* DSCP and ECN, as IPv4 has them in its second byte */
	__u8 tcp_flags; /* of the short way, read before it is known whether they are any */
	__u8 way;       /* enum way_state: STEER */
	__u32 fragment_id;
	__u32 ip_len;    /* of the IP packet, header included, as it says itself */
	__u32 frame_len; /* of the frame as it came */
	__u16 service_id;
	__u16 flags; /* enum weir_service_flag */
	struct weir_table_ref table;
	__u32 hash;      /* of the flow, without the part that chooses the row */
	__u64 record;    /* the hash by which it, or its client, is recorded */
	__u16 client_id; /* in the place of service_id where clients are recorded */
	__u32 slot;      /* of the endpoint */
	const struct weir_endpoint *endpoint;
};

/* What parse_odd() fills: everything in front of service_id. */
#define PACKET_PARSED __builtin_offsetof(struct packet, service_id)

#endif
