/* SPDX-License-Identifier: GPL-2.0-or-later */
/* maps.h - every map of the packet program, and who writes and reads it. Keys of all are array
 * indexes: no map here costs a hash helper (guard.h has one that costs more). Those that the agent
 * writes are mmapable, so that a change is a store. */
#ifndef WEIR_MAPS_H
#define WEIR_MAPS_H

/* Which VIP, protocol and port are ours: open addressing by weir_service_slot(). Written by
 * user/dataplane/services.c, read by classify(). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_SERVICE_SLOTS);
	__type(key, __u32);
	__type(value, struct weir_service);
} weir_services SEC(".maps");

/* What is not usual about a service, by its id. Written by user/dataplane/specials.c, read by
 * pick_special(). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_MAX_SERVICES);
	__type(key, __u32);
	__type(value, struct weir_special);
} weir_specials SEC(".maps");

/* The rows of all tables; how many is said when it is loaded. Written by user/dataplane/sync.c,
 * tables.c and settle.c, read by pick(). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_DEFAULT_ROWS);
	__type(key, __u32);
	__type(value, struct weir_row);
} weir_rows SEC(".maps");

/* Those of them that are at rest, WEIR_REST_ROWS in each entry. Written by user/dataplane/rows.c
 * and, where a row does not stay at rest, by bpf/watch.h; read by pick(). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_DEFAULT_ROWS / WEIR_REST_ROWS);
	__type(key, __u32);
	__type(value, struct weir_rest);
} weir_rest SEC(".maps");

/* Flows of rows that are not at rest, and of services that count them. Written and read by pick();
 * read and wiped by user/dataplane/settle.c, which sees by them which rows may come to rest. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_FLOW_BUCKETS);
	__type(key, __u32);
	__type(value, struct weir_flow_bucket);
} weir_flows SEC(".maps");

/* Where endpoints are and what goes in front of their packets. Written by
 * user/dataplane/endpoints.c, read by pick() and encap(). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_MAX_ENDPOINTS);
	__type(key, __u32);
	__type(value, struct weir_endpoint);
} weir_endpoints SEC(".maps");

/* Who has which endpoint slot: the agent's own notes, kept here because they must live as long as
 * the rows. Written and read by user/dataplane/endpoints.c; no program reads it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_MAX_ENDPOINTS);
	__type(key, __u32);
	__type(value, struct weir_endpoint_id);
} weir_endpoint_ids SEC(".maps");

/* Connections open at endpoints. Written and read by conns.h, corrected by
 * user/dataplane/conns.c, which also says limits and weights. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_MAX_ENDPOINTS);
	__type(key, __u32);
	__type(value, struct weir_conns);
} weir_conns SEC(".maps");

/* Where flows to endpoints with WEIR_MODE_FULLNAT come from. Written by user/dataplane/nat.c, read
 * by bpf/nat_ports.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weir_nat_conf);
} weir_nat_conf SEC(".maps");

/* Their local ports; of one entry and not pinned where there is no such endpoint. Written and read
 * by bpf/nat_ports.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_NAT_BUCKETS);
	__type(key, __u32);
	__type(value, struct weir_nat_bucket);
} weir_nat_flows SEC(".maps");

/* SYNs of services that are watched. Written and read by bpf/watch.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_SYN_BUCKETS);
	__type(key, __u32);
	__type(value, struct weir_syn_bucket);
} weir_syns SEC(".maps");

/* When handshakes of the sample began. Written and read by bpf/watch.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_BEGUN);
	__type(key, __u32);
	__type(value, struct weir_begun);
} weir_begun SEC(".maps");

/* What clients say of endpoints, by slot. Written by bpf/watch.h, read by user/dataplane/live.c. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_MAX_ENDPOINTS);
	__type(key, __u32);
	__type(value, struct weir_live);
} weir_live SEC(".maps");

/* Suspicions. Written by bpf/watch.h, read by user/dataplane/live.c. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, WEIR_NEWS_BYTES);
} weir_news SEC(".maps");

/* How long handshakes took. Written by bpf/watch.h, read by user/dataplane/live.c. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WEIR_HANDSHAKES);
	__type(key, struct weir_handshake_key);
	__type(value, struct weir_handshakes);
} weir_handshakes SEC(".maps");

/* Regions of clients, by prefix. Written by user/dataplane/live.c, read by bpf/watch.h for a
 * handshake in the sample. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WEIR_MAX_REGIONS);
	__type(key, struct weir_region_key);
	__type(value, __u32);
} weir_regions SEC(".maps");

/* The interfaces that endpoints are reached by, by ifindex. Written by user/dataplane/neigh.c, read
 * by forward() for packets that leave by another interface than they came. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, WEIR_MAX_DEVICES);
	__type(key, __u32);
	__type(value, __u32);
} weir_devices SEC(".maps");

/* What endpoints were sent. Written by forward(), read by user/dataplane/stats.c, zeroed by
 * endpoints.c for a new owner. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WEIR_MAX_ENDPOINTS);
	__type(key, __u32);
	__type(value, struct weir_endpoint_stats);
} weir_endpoint_counts SEC(".maps");

/* Where clients are. Written by user/dataplane/clients.c, read by bpf/steer.h. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WEIR_MAX_PLACES);
	__type(key, struct weir_place_key);
	__type(value, __u32);
} weir_places SEC(".maps");

/* The classes of locations, service by service, and which tables clients of a class use; how many
 * is said when it is loaded. Written by user/dataplane/steer.c, read by bpf/steer.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_CLASSES_PER_ROW(WEIR_DEFAULT_ROWS));
	__type(key, __u32);
	__type(value, struct weir_classes);
} weir_classes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEIR_WAYS_PER_ROW(WEIR_DEFAULT_ROWS));
	__type(key, __u32);
	__type(value, struct weir_way);
} weir_ways SEC(".maps");

/* What became of packets. Written by leave() and forward(), read by user/dataplane/stats.c. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WEIR_REASON_COUNT);
	__type(key, __u32);
	__type(value, struct weir_count);
} weir_reason_counts SEC(".maps");

/* The packet in hand, when it takes the long way or is for a service that is not usual. Written by
 * parse_odd(), copied by process_odd(); written by ask_special(), read by pick_special(). What is
 * read from a map is unknown to the verifier, so that it need not follow each combination of
 * what parse_odd() can find through all stages that come after. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct packet);
} weir_odd_packet SEC(".maps");

static __always_inline struct packet *odd_packet(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&weir_odd_packet, &key);
}

#endif
