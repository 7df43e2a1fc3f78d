/* SPDX-License-Identifier: GPL-2.0-or-later */
/* packet.h - what the stages hand on, and the cursor they read the packet with. */
#ifndef WEIR_PACKET_H
#define WEIR_PACKET_H

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

/* A packet: parse() fills the first part, classify() and pick() the rest. */
struct packet {
	union weir_addr src, dst;
	__be16 ports[2]; /* source, destination */
	__u8 proto;
	__u8 ports_why; /* WEIR_FORWARD: ports are known; else why not */
	__u8 first;     /* a TCP segment with SYN alone */
	__u8 last;      /* a TCP segment with FIN or RST */
	__u8 read;      /* bytes of the IP packet that must be in it: they were looked at */
	__u8 v6;
	__u32 ip_len;    /* of the IP packet, header included, as it says itself */
	__u32 frame_len; /* of the frame as it came */

	struct weir_table_ref table;
	__u32 service_id;
	__u32 slot; /* of the endpoint */
	const struct weir_endpoint *endpoint;
};

#endif
