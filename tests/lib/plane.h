/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane.h - the packet program with maps of its own, neither pinned nor attached, for tests and
 * benchmarks. It shares no code with user/dataplane: what it writes is what weir/abi.h says. What
 * cannot be done (no privilege, a program the kernel refuses) ends the process with a message. */
#ifndef WEIR_TESTS_PLANE_H
#define WEIR_TESTS_PLANE_H

#include "pkt.h"
#include "weir/seeing.h"

struct weir_bpf;

struct plane {
	struct weir_bpf *skel;
	struct weir_service *services; /* the mapped maps, all of them */
	struct weir_row *rows;         /* plane_set_row() writes them */
	struct weir_rest *rest;
	struct weir_flow_bucket *flows;
	struct weir_special *specials;
	struct weir_server_id *server_ids;
	struct weir_classes *classes;
	struct weir_way *ways;
	struct weir_endpoint *endpoints;
	struct weir_conns *conns; /* by weir_conns_index() */
	struct weir_syn_bucket *syns;
	struct weir_live *live;
	struct weir_begun *begun;
	struct weir_nat_conf *nat;
	struct weir_nat_bucket *nat_flows; /* of one entry without WEIR_FEATURE_FULLNAT */
	uint32_t next_row, next_endpoint, next_service; /* the first that was not given out */
};

struct plane *plane_load(void);
/* set (may be NULL) changes what the agent would set, before the kernel sees it. */
struct plane *plane_load_with(void (*set)(struct weir_bpf *skel));
/* The program once more over the same maps, for another purpose; weir_bpf__destroy(). */
struct weir_bpf *plane_load_for(const struct plane *p, enum weir_seeing purpose);
void plane_free(struct plane *p); /* takes NULL */

/* Empties every map and zeroes every counter. */
void plane_reset(struct plane *p);

/* The descriptor of weir_xdp, for tail calls and test runs. */
int plane_fd(const struct plane *p);

/* Moves this process into a network namespace of its own, with an interface besides lo, whose index
 * is returned; and lets packets leave by an interface. */
uint32_t plane_namespace(void);
void plane_add_device(struct plane *p, uint32_t ifindex);

struct plane_service {
	uint32_t base, size; /* of its rows */
	uint16_t id;
};
/* A service and its VIP's entry without a port. Its rows (a power of two) are at rest and name
 * no endpoint. proto 0: the VIP alone, without rows. */
struct plane_service plane_add_service(struct plane *p, const char *vip, uint8_t proto,
				       uint16_t port, uint32_t rows);

/* An address of the agent's DNS. */
void plane_add_dns(struct plane *p, const char *addr, uint16_t port);

/* Makes it one that is not usual: WEIR_SERVICE_* flags. */
void plane_set_flags(struct plane *p, const struct plane_service *s, uint16_t flags,
		     struct weir_special special);

/* A prefix of clients in a set: "192.0.2.0", 24 bits; "::ffff:0:0" is all of IPv4. All sets are
 * emptied by plane_reset(); what was sent at which rate is not forgotten: take another group. */
void plane_add_source(struct plane *p, uint32_t set, const char *addr, uint32_t bits,
		      enum weir_source is);

/* A server id of so many bytes (as a number) that a group knows in connection ids of a rotation. */
void plane_add_server_id(struct plane *p, uint32_t group, uint32_t rotation, uint32_t bytes,
			 uint64_t id, uint32_t slot);

/* An endpoint that is alive, in the next free slot, which is returned. dst decides the family of
 * the outer header; ifindex 1 (lo, where test runs come in) makes packets leave with XDP_TX, 0
 * is no next hop. Bytes of both MAC addresses are made from the slot: plane_mac(). */
uint32_t plane_add_endpoint(struct plane *p, enum weir_mode mode, const char *src, const char *dst,
			    uint32_t ifindex);
/* The same with WEIR_MODE_NAT, or with _FULLNAT (port 0: the packet's own); and replies from there,
 * which are those of a service that was added. */
uint32_t plane_add_nat(struct plane *p, enum weir_mode mode, const char *addr, uint16_t port,
		       uint32_t ifindex);
void plane_add_reverse(struct plane *p, const char *addr, uint16_t port, uint8_t proto,
		       const char *vip, uint16_t vip_port);
/* own 0: of the next hop of this slot; 1: of the interface towards it. */
void plane_mac(uint32_t slot, int own, uint8_t mac[6]);

/* prev: a slot, with WEIR_ROW_UDP_NEW or not, or WEIR_ROW_REST. */
void plane_set_row(struct plane *p, uint32_t row, uint32_t cur, uint32_t prev);
void plane_set_rows(struct plane *p, const struct plane_service *s, uint32_t cur, uint32_t prev);

/* Packets that ended for this reason; what one endpoint was sent. */
void plane_counts(const struct plane *p, struct weir_count out[WEIR_REASON_COUNT]);
uint64_t plane_count(const struct plane *p, enum weir_reason why);
struct weir_endpoint_stats plane_stats(const struct plane *p, uint32_t slot);

/* Runs one packet through the program and returns the action. out (may be NULL): what leaves. */
uint32_t plane_run(const struct plane *p, const struct pkt *in, struct pkt *out);

/* The same through a program of another purpose. */
uint32_t plane_run_for(const struct weir_bpf *skel, const struct pkt *in, struct pkt *out);

extern const uint32_t plane_hash_key[WEIR_HASH_KEYS];

/* The hash of a flow with that key: computed here, by the description in bpf/hash.h. */
uint64_t plane_hash(const struct flow *f);
uint64_t plane_hash_of(const union weir_addr *src, const union weir_addr *dst, uint32_t first,
		       uint32_t second);

/* The same of its client alone: of the address it comes from. */
uint64_t plane_hash_client(const struct flow *f);

/* What counts of an endpoint's connections: a limit (0: none) and a weight; and how many are open.
 */
void plane_set_conns(struct plane *p, uint32_t slot, uint32_t limit, uint16_t weight);
int32_t plane_open(const struct plane *p, uint32_t slot);

/* Where a flow is recorded, if it is: bits 16 to 31 choose the bucket. */
struct weir_flow_bucket *plane_bucket(const struct plane *p, const struct flow *f);
struct weir_flow *plane_record(const struct plane *p, const struct plane_service *s,
			       const struct flow *f);
/* The same for any hash and id, in either of the two buckets that a counted flow may be in. */
struct weir_flow *plane_record_of(const struct plane *p, uint64_t hash, uint32_t id);

/* Where the last SYN of a flow is remembered; if it is not, a free place in its bucket, or NULL;
 * and the kernel's clock
 * as it is there, some 64 ms behind, and so many ms of it. */
struct weir_syn_bucket *plane_syn_bucket(const struct plane *p, const struct flow *f);
struct weir_syn *plane_syn(const struct plane *p, const struct flow *f);
uint32_t plane_syn_now(const struct plane *p);
uint32_t plane_jiffies(const struct plane *p, uint32_t ms);

/* The kernel's clock as records hold it, without its flags; and how long a silent flow
 * keeps its record, in the same unit. */
uint32_t plane_now(const struct plane *p);
uint32_t plane_idle(const struct plane *p);

#endif
