/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane.h - the packet path as the agent sees it. Only user/dataplane includes libbpf and libxdp.
 *
 * Programs and maps are pinned under <pin_path>/v<WEIR_ABI>; whatever is found there is adopted,
 * so that packets never wait for an agent. On the loop's thread only. Functions that can fail
 * return 0 or a negative errno, and have said why in the log. */
#ifndef WEIR_DATAPLANE_PLANE_H
#define WEIR_DATAPLANE_PLANE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "compile/compile.h"
#include "model/query.h"

struct weir_plane;

/* What cannot change while the programs are loaded. */
struct weir_plane_options {
	const char *pin_path; /* needed until weir_plane_open() returns */
	uint8_t hash_key[16];
	uint16_t gue_port;
	/* Sources of outer headers: each flow has one of the prefix's addresses, of an IPv6 one
	 * only the last 32 bits vary. bits 0: the address that the route says. */
	struct weir_prefix outer4, outer6;
	uint32_t max_rows; /* a power of two, WEIR_MIN_ROWS or more */
};

/* Loads the programs, with the maps pinned under pin_path if there are any (these have the rows
 * that they have, whatever max_rows is). *out is the caller's:
 * weir_plane_close(). -EPROTO: pins of another ABI version are there; -ENOTSUP: pin_path is not in
 * a BPF file system and none could be mounted. Blocks while the kernel verifies (tens of ms). */
int weir_plane_open(const struct weir_plane_options *o, struct weir_plane **out);

/* Frees the agent's side. Pins, links and packets stay. Takes NULL. */
void weir_plane_close(struct weir_plane *p);

/* Attaches to exactly these interfaces: new ones first, then those no longer named are detached.
 * An interface that runs an older agent's program gets this one's without a gap. -EBUSY: a
 * foreign XDP program that does not share is there; it was left alone. An interface that was
 * attached and is gone since is no error: the tick attaches it when it comes back.
 * WEIR_ATTACH_NONE: the packet program goes off all interfaces, and these have that of tc where it
 * answers DNS. */
int weir_plane_attach(struct weir_plane *p, const char *const *ifnames, uint32_t n,
		      enum weir_attach mode);

/* Makes the maps say what t says, writing only what differs. Can be called at any time. Rows
 * that change keep their older flows for the window of their table. Tables that translate addresses
 * get programs that can, for which the kernel may have to verify (tens of ms). -ENOSPC: more
 * services, endpoints or rows than the ABI allows; no service was changed, but endpoints may be
 * those of t already: sync again with what shall stay. */
int weir_plane_sync(struct weir_plane *p, const struct weir_tables *t, uint64_t now_ms);

/* Ends drain windows, frees what nobody uses any more, attaches where the program was lost; call
 * about once a second. now_ms: any monotonic clock, the same as above. */
void weir_plane_tick(struct weir_plane *p, uint64_t now_ms);

/* A descriptor to watch for reading: the kernel's routes and neighbours have changed, or a router
 * has no room for packets to an endpoint. */
int weir_plane_fd(const struct weir_plane *p);
void weir_plane_readable(struct weir_plane *p);

/* Whether the adopted maps say that this endpoint was healthy when its agent stopped. port: only
 * modes that rewrite it look at it; 0: the listener's. */
bool weir_plane_was_healthy(const struct weir_plane *p, const union weir_addr *addr, __be16 port);

struct weir_plane_interface {
	char name[16];
	int ifindex;
	const char *mode;  /* "native", "generic", "none" (is to be), "detached" (was lost) */
	bool shared;       /* through libxdp's dispatcher: other programs can join */
	uint32_t main_id;  /* the kernel's id of what it runs: dispatcher or program; 0: none */
	uint64_t retry_ms; /* mode "detached": when it is tried again */
};
/* Valid until the next weir_plane_attach(). Returns how many. */
uint32_t weir_plane_interfaces(const struct weir_plane *p, const struct weir_plane_interface **out);

struct weir_plane_endpoint_stats {
	uint64_t packets, bytes, connections;
	/* Of services with WEIR_SERVICE_WATCH: flows whose SYN came; and came again; SYNs that were
	 * sent elsewhere for that; SYNs that were refused with RST, where replies come by here, and
	 * ICMP errors about packets to the endpoint. They wrap at 32 bits. */
	uint32_t watched, unanswered, moved, refused;
	bool next_hop;           /* known */
	bool counted;            /* open connections are: what follows is set */
	uint32_t open, max_conn; /* max_conn 0: any number */
};
/* Sums over CPUs. port: as above. False: no such endpoint. */
bool weir_plane_endpoint(const struct weir_plane *p, const union weir_addr *addr, __be16 port,
			 uint8_t mode, struct weir_plane_endpoint_stats *out);
void weir_plane_reasons(const struct weir_plane *p, struct weir_count out[WEIR_REASON_COUNT]);

/* --- what live traffic says, of services with WEIR_SERVICE_WATCH --- */

/* Connections to this endpoint are not answered, or are refused: said at once, and again and again
 * while that is so, from weir_plane_readable(). It may sync. */
typedef void weir_plane_silence_fn(void *arg, const struct weir_endpoint_id *endpoint);
void weir_plane_on_silence(struct weir_plane *p, weir_plane_silence_fn *fn, void *arg);

/* What was held against an endpoint is forgotten. */
void weir_plane_forgive(struct weir_plane *p, const union weir_addr *addr, __be16 port);

/* Handshakes with an endpoint, of clients in a region (0: of none, else 1 + its index). fn is
 * called for each pair that had any; an endpoint may come in several modes. */
typedef void weir_plane_handshakes_fn(void *arg, const struct weir_endpoint_id *endpoint,
				      uint32_t region, const struct weir_handshakes *h);
void weir_plane_handshakes(const struct weir_plane *p, weir_plane_handshakes_fn *fn, void *arg);

/* Tells clients apart by these regions from now on; what was counted by others is forgotten. */
void weir_plane_regions(struct weir_plane *p, const struct weir_region *regions, uint32_t n);

struct weir_plane_usage {
	uint32_t services, endpoints, draining_endpoints, rows, unsettled_rows;
	uint32_t max_rows; /* there is room for */
};
void weir_plane_usage(const struct weir_plane *p, struct weir_plane_usage *out);

/* How packets reach an endpoint slot. */
struct weir_plane_hop {
	uint32_t slot; /* 0: none, and the rest is not set */
	union weir_addr addr;
	__be16 port;     /* that packets get; 0: they keep theirs */
	uint8_t mode;    /* enum weir_mode */
	bool alive;      /* recorded flows may stay here */
	bool wanted;     /* by the tables; else it drains */
	char ifname[16]; /* it is reached by; "": no next hop is known */
	uint8_t mac[6];  /* of the next hop */
};

struct weir_plane_hop weir_plane_hop(const struct weir_plane *p, uint32_t slot);

/* The way of a client, of a service that tells its clients apart. */
struct weir_plane_way {
	uint32_t location; /* as tables number them; 0: no prefix holds the client */
	bool moving;       /* the prefix was elsewhere before, and older flows may remember it */
	uint32_t class, slice;
	struct weir_table_ref cur, prev; /* prev when it is not at rest */
	bool at_rest, sessions;
};

/* What the packet path does with a packet, and why. */
struct weir_plane_trace {
	uint32_t action; /* XDP_TX and XDP_REDIRECT: it leaves */
	struct weir_trace noted;
	struct weir_service_key service; /* when noted.service_id is not 0 */
	struct weir_plane_way way;       /* when noted.steered */
	struct weir_plane_hop endpoint, cur, prev, record;
	bool translated;               /* it leaves with other addresses and ports: */
	struct weir_sockaddr src, dst; /* these */
};

/* Runs a packet of this flow through the packet program itself, over the maps as they are; changes
 * and counts nothing. Blocks while the kernel verifies, the first time (tens of ms). */
int weir_plane_trace(struct weir_plane *p, const struct weir_trace_query *q,
		     struct weir_plane_trace *out);

/* --- capture: packets as they come in and as they leave, one capture at a time --- */

/* A snapshot: data has the first len bytes of e->len. Snapshots of a CPU come in their order. */
typedef void weir_plane_capture_fn(void *arg, int cpu, const struct weir_capture_event *e,
				   const void *data, uint32_t len);

/* Exchanges the packet program on every interface for one that captures, without a gap, until
 * weir_plane_capture_stop(). f->until_ns bounds it in the kernel, too. -EBUSY: a capture runs;
 * -ENODEV: nothing is attached. Blocks while the kernel verifies and exchanges (tens of ms). */
int weir_plane_capture_start(struct weir_plane *p, const struct weir_capture_filter *f,
			     weir_plane_capture_fn *fn, void *arg);

/* A descriptor to watch for reading, then what is there goes to fn. */
int weir_plane_capture_fd(const struct weir_plane *p);
void weir_plane_capture_read(struct weir_plane *p);

/* The plain program is back; what was captured before goes to fn. Counters into *out (may be
 * NULL). Nothing when there is no capture. */
void weir_plane_capture_stop(struct weir_plane *p, struct weir_capture_session *out);

/* Detaches from every interface and removes every pin that any version of weir made under
 * pin_path. Needs no agent. 0 also when there was nothing. */
int weir_plane_remove(const char *pin_path);

#endif
