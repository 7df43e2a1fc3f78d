/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane.c - loads the packet program and writes its maps by hand. */
#include "steering.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "weir.skel.h"

#define MAX_CPUS 1024

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static size_t map_bytes(const struct bpf_map *map)
{
	return (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map);
}

static void *map_memory(const struct bpf_map *map)
{
	void *mem =
		mmap(NULL, map_bytes(map), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (mem == MAP_FAILED)
		die(bpf_map__name(map));
	return mem;
}

/* The pairs of words that all IPv4 addresses share: 0 and 0, 0 and 0, ffff and ffff. */
static uint64_t hash_v4(void)
{
	uint32_t word[3] = { 0, 0, htonl(0xffff) };
	uint64_t h = 0;

	for (int i = 0; i < 3; i++)
		h += (uint64_t)(uint32_t)(word[i] + plane_hash_key[2 + 2 * i]) *
		     (uint32_t)(word[i] + plane_hash_key[3 + 2 * i]);
	return h;
}

static struct weir_bpf *skel_open(void)
{
	struct weir_bpf *skel = weir_bpf__open();

	if (!skel)
		die("weir.bpf.o");
	memcpy((void *)skel->rodata->weir_hash_key, plane_hash_key, sizeof(plane_hash_key));
	skel->rodata->weir_hash_v4 = hash_v4();
	return skel;
}

/* Maps of which a program has its own. */
static int is_own(const struct weir_bpf *skel, const struct bpf_map *map)
{
	return bpf_map__is_internal(map) || map == skel->maps.weir_odd_packet ||
	       map == skel->maps.weir_icmp_budget || map == skel->maps.weir_dns_work ||
	       map == skel->maps.weir_capture_session || map == skel->maps.weir_capture_packet ||
	       map == skel->maps.weir_capture_events;
}

struct weir_bpf *plane_load_for(const struct plane *p, enum weir_seeing purpose)
{
	struct weir_bpf *skel = skel_open();
	struct bpf_map *map, *of;

	skel->rodata->weir_seeing = (uint8_t)purpose;
	bpf_object__for_each_map(map, skel->obj)
	{
		of = bpf_object__find_map_by_name(p->skel->obj, bpf_map__name(map));
		if (!is_own(skel, map) && bpf_map__reuse_fd(map, bpf_map__fd(of)))
			die(bpf_map__name(map));
	}
	if (weir_bpf__load(skel))
		die("the kernel does not take the packet program");
	return skel;
}

struct plane *plane_load_with(void (*set)(struct weir_bpf *skel))
{
	struct plane *p = calloc(1, sizeof(*p));

	assert(p);
	p->skel = skel_open();
	if (set)
		set(p->skel);
	bpf_map__set_max_entries(p->skel->maps.weir_dns_hits, (uint32_t)libbpf_num_possible_cpus());
	if (!(p->skel->rodata->weir_features & WEIR_FEATURE_FULLNAT))
		bpf_map__set_max_entries(p->skel->maps.weir_nat_flows, 1);
	if (weir_bpf__load(p->skel))
		die("the kernel does not take the packet program");
	p->services = map_memory(p->skel->maps.weir_services);
	p->rows = map_memory(p->skel->maps.weir_rows);
	p->rest = map_memory(p->skel->maps.weir_rest);
	p->flows = map_memory(p->skel->maps.weir_flows);
	p->specials = map_memory(p->skel->maps.weir_specials);
	p->server_ids = map_memory(p->skel->maps.weir_server_ids);
	p->classes = map_memory(p->skel->maps.weir_classes);
	p->ways = map_memory(p->skel->maps.weir_ways);
	p->endpoints = map_memory(p->skel->maps.weir_endpoints);
	p->conns = map_memory(p->skel->maps.weir_conns);
	p->syns = map_memory(p->skel->maps.weir_syns);
	p->live = map_memory(p->skel->maps.weir_live);
	p->begun = map_memory(p->skel->maps.weir_begun);
	p->nat = map_memory(p->skel->maps.weir_nat_conf);
	p->nat_flows = map_memory(p->skel->maps.weir_nat_flows);
	p->next_endpoint = p->next_service = 1;
	return p;
}

struct plane *plane_load(void)
{
	return plane_load_with(NULL);
}

void plane_free(struct plane *p)
{
	if (!p)
		return;
	munmap(p->services, map_bytes(p->skel->maps.weir_services));
	munmap(p->rows, map_bytes(p->skel->maps.weir_rows));
	munmap(p->rest, map_bytes(p->skel->maps.weir_rest));
	munmap(p->flows, map_bytes(p->skel->maps.weir_flows));
	munmap(p->specials, map_bytes(p->skel->maps.weir_specials));
	munmap(p->server_ids, map_bytes(p->skel->maps.weir_server_ids));
	munmap(p->classes, map_bytes(p->skel->maps.weir_classes));
	munmap(p->ways, map_bytes(p->skel->maps.weir_ways));
	munmap(p->endpoints, map_bytes(p->skel->maps.weir_endpoints));
	munmap(p->conns, map_bytes(p->skel->maps.weir_conns));
	munmap(p->syns, map_bytes(p->skel->maps.weir_syns));
	munmap(p->live, map_bytes(p->skel->maps.weir_live));
	munmap(p->begun, map_bytes(p->skel->maps.weir_begun));
	munmap(p->nat, map_bytes(p->skel->maps.weir_nat_conf));
	munmap(p->nat_flows, map_bytes(p->skel->maps.weir_nat_flows));
	weir_bpf__destroy(p->skel);
	free(p);
}

uint32_t plane_namespace(void)
{
	uint32_t ifindex;

	if (unshare(CLONE_NEWNET) ||
	    system("ip link add plane0 type veth peer name plane1 && ip link set lo up"))
		die("a network namespace with a veth pair");
	ifindex = if_nametoindex("plane0");
	if (!ifindex)
		die("plane0");
	return ifindex;
}

void plane_add_device(struct plane *p, uint32_t ifindex)
{
	if (bpf_map_update_elem(bpf_map__fd(p->skel->maps.weir_devices), &ifindex, &ifindex, 0))
		die("weir_devices");
}

static int cpus(void)
{
	int n = libbpf_num_possible_cpus();

	assert(n > 0 && n <= MAX_CPUS);
	return n;
}

static void remove_sources(struct plane *p)
{
	struct weir_source_key key;
	int fd = bpf_map__fd(p->skel->maps.weir_sources);

	while (!bpf_map_get_next_key(fd, NULL, &key))
		if (bpf_map_delete_elem(fd, &key))
			die("weir_sources");
}

void plane_reset(struct plane *p)
{
	static const struct weir_endpoint_stats zero[MAX_CPUS];

	for (uint32_t s = 0; s < p->next_endpoint; s++)
		bpf_map_update_elem(bpf_map__fd(p->skel->maps.weir_endpoint_counts), &s, zero, 0);
	for (uint32_t why = 0; why < WEIR_REASON_COUNT; why++)
		bpf_map_update_elem(bpf_map__fd(p->skel->maps.weir_reason_counts), &why, zero, 0);
	remove_sources(p);
	plane_remove_places(p);
	memset(p->services, 0, map_bytes(p->skel->maps.weir_services));
	memset(p->rows, 0, p->next_row * sizeof(*p->rows));
	memset(p->rest, 0, p->next_row * sizeof(uint16_t));
	memset(p->flows, 0, map_bytes(p->skel->maps.weir_flows));
	memset(p->specials, 0, p->next_service * sizeof(*p->specials));
	memset(p->server_ids, 0, map_bytes(p->skel->maps.weir_server_ids));
	memset(p->endpoints, 0, p->next_endpoint * sizeof(*p->endpoints));
	memset(p->conns, 0, map_bytes(p->skel->maps.weir_conns));
	memset(p->syns, 0, map_bytes(p->skel->maps.weir_syns));
	memset(p->live, 0, p->next_endpoint * sizeof(*p->live));
	memset(p->nat, 0, sizeof(*p->nat));
	memset(p->nat_flows, 0, map_bytes(p->skel->maps.weir_nat_flows));
	p->next_row = 0;
	p->next_endpoint = p->next_service = 1;
}

int plane_fd(const struct plane *p)
{
	return bpf_program__fd(p->skel->progs.weir_xdp);
}

static void put_service(struct plane *p, const struct weir_service *s)
{
	uint32_t start = weir_service_slot(&s->key.vip, s->key.port, s->key.proto);

	for (uint32_t i = 0; i < WEIR_SERVICE_PROBE; i++) {
		struct weir_service *at = &p->services[(start + i) & (WEIR_SERVICE_SLOTS - 1)];
		int same = !memcmp(&at->key.vip, &s->key.vip, sizeof(at->key.vip)) &&
			   at->key.port == s->key.port && at->key.proto == s->key.proto;

		if (at->key.used != WEIR_SLOT_FREE && !same)
			continue;
		*at = *s;
		return;
	}
	assert(!"no room in the service table");
}

struct plane_service plane_add_service(struct plane *p, const char *vip, uint8_t proto,
				       uint16_t port, uint32_t rows)
{
	struct weir_service s = { .key = { .vip = pkt_addr(vip), .used = WEIR_SLOT_USED } };
	struct plane_service out = { .base = p->next_row, .size = rows };

	put_service(p, &s);
	if (!proto)
		return out;
	assert(rows && !(rows & (rows - 1)) && rows <= WEIR_DEFAULT_ROWS - p->next_row);
	out.id = (uint16_t)p->next_service++;
	s.key.port = htons(port);
	s.key.proto = proto;
	s.key.id = out.id;
	s.table = (struct weir_table_ref){ out.base, rows - 1 };
	p->next_row += rows;
	plane_set_rows(p, &out, WEIR_NO_ENDPOINT, WEIR_ROW_REST);
	put_service(p, &s);
	return out;
}

void plane_add_dns(struct plane *p, const char *addr, uint16_t port)
{
	struct weir_service s = { .key = { .vip = pkt_addr(addr),
					   .port = htons(port),
					   .proto = IPPROTO_UDP,
					   .used = WEIR_SLOT_DNS,
					   .flags = WEIR_SERVICE_DNS } };

	put_service(p, &s);
}

void plane_set_flags(struct plane *p, const struct plane_service *s, uint16_t flags,
		     struct weir_special special)
{
	for (uint32_t i = 0; i < WEIR_SERVICE_SLOTS; i++)
		if (p->services[i].key.used == WEIR_SLOT_USED && p->services[i].key.id == s->id)
			p->services[i].key.flags = flags;
	p->specials[s->id] = special;
}

void plane_add_source(struct plane *p, uint32_t set, const char *addr, uint32_t bits,
		      enum weir_source is)
{
	struct weir_source_key key = { .set = set, .addr = pkt_addr(addr) };
	uint32_t value = is;

	key.bits = 32 + bits + (strchr(addr, ':') ? 0 : 96);
	if (bpf_map_update_elem(bpf_map__fd(p->skel->maps.weir_sources), &key, &value, 0))
		die("weir_sources");
}

void plane_add_server_id(struct plane *p, uint32_t group, uint32_t rotation, uint32_t bytes,
			 uint64_t id, uint32_t slot)
{
	uint32_t owner = WEIR_ID_OWNER(group, rotation, bytes);
	uint32_t at = weir_server_id_slot(owner, id);

	for (uint32_t i = 0; i < WEIR_SERVER_ID_PROBE; i++) {
		struct weir_server_id *to = &p->server_ids[(at + i) % WEIR_SERVER_ID_SLOTS];

		if (to->owner != WEIR_ID_FREE && (to->owner != owner || to->id != id))
			continue;
		*to = (struct weir_server_id){ id, owner, slot };
		return;
	}
	assert(!"no room among the server ids");
}

void plane_add_reverse(struct plane *p, const char *addr, uint16_t port, uint8_t proto,
		       const char *vip, uint16_t vip_port)
{
	struct weir_service r = { .key = { .vip = pkt_addr(addr),
					   .port = htons(port),
					   .proto = proto,
					   .used = WEIR_SLOT_REVERSE } };
	union weir_addr to = pkt_addr(vip);

	for (uint32_t i = 0; i < WEIR_SERVICE_SLOTS; i++) {
		const struct weir_service_key *k = &p->services[i].key;

		if (k->used == WEIR_SLOT_USED && k->port == htons(vip_port) && k->proto == proto &&
		    !memcmp(&k->vip, &to, sizeof(to)))
			r.table = (struct weir_table_ref){ i, k->id };
	}
	assert(r.table.mask);
	put_service(p, &r);
}

void plane_set_row(struct plane *p, uint32_t row, uint32_t cur, uint32_t prev)
{
	struct weir_row r = { cur, prev };
	uint64_t word;

	memcpy(&word, &r, sizeof(word));
	__atomic_store_n((uint64_t *)(void *)&p->rows[row], word, __ATOMIC_RELEASE);
	p->rest[row / WEIR_REST_ROWS].slot[row % WEIR_REST_ROWS] =
		prev == WEIR_ROW_REST && cur <= UINT16_MAX ? (uint16_t)cur : 0;
}

void plane_set_rows(struct plane *p, const struct plane_service *s, uint32_t cur, uint32_t prev)
{
	for (uint32_t i = 0; i < s->size; i++)
		plane_set_row(p, s->base + i, cur, prev);
}

/* All at once, where the kernel can (5.13): random tests ask after each packet. */
static void read_counts(int fd, struct weir_count *per_cpu)
{
	static bool one_by_one;
	uint32_t next, n = WEIR_REASON_COUNT, keys[WEIR_REASON_COUNT];

	if (!one_by_one && (!bpf_map_lookup_batch(fd, NULL, &next, keys, per_cpu, &n, NULL) ||
			    errno == ENOENT)) /* said at the end of the map */
		return;
	one_by_one = true;
	for (uint32_t why = 0; why < WEIR_REASON_COUNT; why++)
		if (bpf_map_lookup_elem(fd, &why, per_cpu + why * (uint32_t)cpus()))
			die("weir_reason_counts");
}

void plane_counts(const struct plane *p, struct weir_count out[WEIR_REASON_COUNT])
{
	int n = cpus();
	struct weir_count *per_cpu = calloc((size_t)n * WEIR_REASON_COUNT, sizeof(*per_cpu));

	assert(per_cpu);
	read_counts(bpf_map__fd(p->skel->maps.weir_reason_counts), per_cpu);
	memset(out, 0, WEIR_REASON_COUNT * sizeof(*out));
	for (int i = 0; i < n * WEIR_REASON_COUNT; i++) {
		out[i / n].packets += per_cpu[i].packets;
		out[i / n].bytes += per_cpu[i].bytes;
	}
	free(per_cpu);
}

uint64_t plane_count(const struct plane *p, enum weir_reason why)
{
	struct weir_count all[WEIR_REASON_COUNT];

	plane_counts(p, all);
	return all[why].packets;
}

struct weir_endpoint_stats plane_stats(const struct plane *p, uint32_t slot)
{
	struct weir_endpoint_stats per_cpu[MAX_CPUS], sum = { 0 };

	if (bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.weir_endpoint_counts), &slot, per_cpu))
		die("weir_endpoint_counts");
	for (int i = cpus() - 1; i >= 0; i--) {
		sum.packets += per_cpu[i].packets;
		sum.bytes += per_cpu[i].bytes;
		sum.connections += per_cpu[i].connections;
	}
	return sum;
}

static uint32_t run_packet(int fd, const struct pkt *in, struct pkt *out)
{
	uint8_t unused[PKT_MAX + 64];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in->data, .data_size_in = in->len,
		    .data_out = out ? out->data : unused,
		    .data_size_out = out ? sizeof(out->data) : sizeof(unused), .repeat = 1);

	if (bpf_prog_test_run_opts(fd, &run))
		die("BPF_PROG_TEST_RUN");
	if (out)
		out->len = run.data_size_out;
	return run.retval;
}

uint32_t plane_run(const struct plane *p, const struct pkt *in, struct pkt *out)
{
	return run_packet(plane_fd(p), in, out);
}

uint32_t plane_run_for(const struct weir_bpf *skel, const struct pkt *in, struct pkt *out)
{
	return run_packet(bpf_program__fd(skel->progs.weir_xdp), in, out);
}
