/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quic.h - QUIC connections, by the ids that servers give them: they name the server in plain text
 * (draft-ietf-quic-load-balancers), so that a connection goes on where it is wherever its client's
 * address is now, and whatever becomes of rows.
 *
 * What a packet shows without keys (RFC 8999) is its destination's id. A server chose it in packets
 * with a short header, and in Handshake packets: if it names an endpoint that lives they go there.
 * An Initial or 0-RTT packet may carry an id that its client made up, at random or to choose a
 * server, so it goes by its flow, as all do that name nobody. Of an Initial packet the id only says
 * whether its flow is new: when it names an endpoint a server has answered already, by Retry at
 * least. Random bytes do so by chance, once in 8 * 256^(length of server ids) / (servers) times;
 * then the flow is taken for one that may be older, as any datagram's is.
 *
 * Each rotation (the first three bits of an id) has a length of server ids and names of its own, so
 * that one can take the place of another while there are connections with both.
 *
 * Long headers of versions unknown here go by their flow: their types cannot be told. A version of
 * 0 is for clients only. An ICMP error quotes what a server sent, with the client's id.
 *
 * No valid packet is as short as what is read here, whatever the length of server ids: 16 bytes are
 * sampled for header protection, 4 bytes behind the id (RFC 9001, section 5.4.2). */
#ifndef WEIR_BPF_QUIC_H
#define WEIR_BPF_QUIC_H

#define QUIC_LONG     0x80
#define QUIC_V1       0x00000001u
#define QUIC_V2       0x6b3343cfu /* RFC 9369 */
#define QUIC_READ     16          /* bytes of a datagram */
#define QUIC_SHORT_AT 1           /* where the id begins */
#define QUIC_VERSION  1           /* of long headers */
#define QUIC_LENGTH   5           /* of the id */
#define QUIC_LONG_AT  6
#define QUIC_ID_MAX   20     /* a short header does not say how long its id is */
#define MAX_HEADERS   0x3fff /* more bytes than all that parse_odd() walks */

enum quic_type { /* of a long header, as version 1 has it */
	QUIC_INITIAL = 0,
	QUIC_0RTT = 1,
	QUIC_HANDSHAKE = 2,
	QUIC_OTHER = 3, /* Retry, which clients do not send */
};

/* Which endpoint has which server id. Written by user/dataplane/quic.c, read by find_server(). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_SERVER_ID_SLOTS);
	__type(key, __u32);
	__type(value, struct weir_server_id);
} weir_server_ids SEC(".maps");

/* The endpoint slot of a server id, if it lives. */
static __always_inline __u32 find_server(__u32 owner, __u64 id)
{
	__u32 at = weir_server_id_slot(owner, id);

#pragma clang loop unroll(disable)
	for (int i = 0; i < WEIR_SERVER_ID_PROBE; i++, at++) {
		__u32 key = at & (WEIR_SERVER_ID_SLOTS - 1), is;
		const struct weir_server_id *s = bpf_map_lookup_elem(&weir_server_ids, &key);

		if (!s)
			break;
		is = *(const volatile __u32 *)&s->owner;
		if (is == WEIR_ID_FREE)
			break;
		if (is == owner && s->id == id)
			return endpoint_alive(s->slot) ? s->slot : WEIR_NO_ENDPOINT;
	}
	return WEIR_NO_ENDPOINT;
}

/* The endpoint that a connection id of so many bytes names. */
static __always_inline __u32 named_server(const struct weir_special *s, const __u8 *cid, __u32 len)
{
	__u32 rotation = cid[0] >> 5, bytes = WEIR_ID_BYTES(s->id_bytes, rotation);
	__be64 id;

	if (!bytes || len <= bytes)
		return WEIR_NO_ENDPOINT;
	copy(&id, cid + 1, sizeof(id));
	return find_server(WEIR_ID_OWNER(s->group, rotation, bytes),
			   bpf_be64_to_cpu(id) >> ((64 - 8 * bytes) & 63));
}

static __always_inline enum quic_type long_type(const __u8 *quic)
{
	__u32 type = quic[0] >> 4, version;

	copy(&version, quic + QUIC_VERSION, sizeof(version));
	if (version == bpf_htonl(QUIC_V1))
		return type & 3;
	return version == bpf_htonl(QUIC_V2) ? (type - 1) & 3 : QUIC_OTHER;
}

/* Of the packet that ask_special() left: the slot of the endpoint that it goes to by its connection
 * id; WEIR_NO_ENDPOINT: it goes by its flow, whose first one it may be. A global function: verified
 * once. */
__attribute__((noinline)) __u32 pick_quic(struct xdp_md *ctx)
{
	const __u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct packet *p = odd_packet();
	const struct weir_special *s = p ? find_special(p->service_id) : NULL;
	const struct udphdr *udp;
	enum quic_type type;
	const __u8 *quic;
	__u32 slot;

	if (!s || p->about)
		return WEIR_NO_ENDPOINT;
	udp = (void *)(data + ((p->l2_len + p->read - sizeof(*udp)) & MAX_HEADERS));
	quic = (void *)(udp + 1);
	if (quic + QUIC_READ > end || bpf_ntohs(udp->len) < sizeof(*udp) + QUIC_READ)
		return WEIR_NO_ENDPOINT;
	if (!(quic[0] & QUIC_LONG))
		return named_server(s, quic + QUIC_SHORT_AT, QUIC_ID_MAX);
	type = long_type(quic);
	slot = named_server(s, quic + QUIC_LONG_AT, quic[QUIC_LENGTH]);
	p->first = type == QUIC_INITIAL && slot == WEIR_NO_ENDPOINT;
	return type == QUIC_HANDSHAKE ? slot : WEIR_NO_ENDPOINT;
}

#endif
