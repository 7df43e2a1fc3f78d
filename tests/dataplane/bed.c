/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bed.c - namespaces, tables by hand, maps by their pins. */
#include "bed.h"

#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/hash.h"
#include "dataplane/plane_impl.h"
#include "weir.skel.h"

static int network(void)
{
	char line[160];
	int bad = system("ip link set lo up && ip link add w0 type veth peer name w1 && "
			 "ip link set w0 address 06:00:00:00:01:00 up && "
			 "ip addr add 10.1.255.254/16 dev w0 && "
			 "ip link set w1 up");

	for (int e = 0; !bad && e < ENDPOINTS; e++) {
		snprintf(line, sizeof(line),
			 "ip neigh add 10.1.0.%d lladdr 06:00:00:00:00:%02x dev w0 nud permanent",
			 e + 1, e);
		bad = system(line);
	}
	return bad;
}

int bed_make(void **state)
{
	struct bed *b = weir_new(struct bed);

	*state = b;
	snprintf(b->root, sizeof(b->root), "build/bpffs-%d", (int)getpid());
	snprintf(b->pins, sizeof(b->pins), "%s/weir", b->root);
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mkdir(b->root, 0700) ||
	    mount("bpf", b->root, "bpf", 0, "mode=0700"))
		return -1;
	return network();
}

int bed_remove(void **state)
{
	struct bed *b = *state;
	int bad = umount2(b->root, MNT_DETACH) || rmdir(b->root);

	free(b);
	return bad;
}

static void *map_memory(const struct bed *b, const char *name)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	char path[160];
	void *mem;
	int fd;

	snprintf(path, sizeof(path), "%s/v%d/%s", b->pins, WEIR_ABI, name);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	mem = mmap(NULL, (size_t)info.max_entries * info.value_size, PROT_READ | PROT_WRITE,
		   MAP_SHARED, fd, 0);
	assert_ptr_not_equal(mem, MAP_FAILED);
	close(fd);
	return mem;
}

void bed_return(struct bed *b)
{
	b->options.pin_path = b->pins;
	assert_int_equal(weir_plane_open(&b->options, &b->plane), 0);
}

void bed_leave(struct bed *b)
{
	weir_plane_close(b->plane);
	b->plane = NULL;
}

int bed_open(void **state)
{
	struct bed *b = *state;

	memset(&b->wish, 0, sizeof(b->wish));
	b->options = (struct weir_plane_options){ .hash_key = "tests/dataplane",
						  .max_rows = WEIR_DEFAULT_ROWS,
						  .gue_port = WEIR_GUE_PORT };
	b->now_ms = 1000;
	bed_return(b);
	b->services = map_memory(b, "weir_services");
	b->rows = map_memory(b, "weir_rows");
	b->rest = map_memory(b, "weir_rest");
	b->flows = map_memory(b, "weir_flows");
	b->endpoints = map_memory(b, "weir_endpoints");
	b->ids = map_memory(b, "weir_endpoint_ids");
	b->specials = map_memory(b, "weir_specials");
	b->nat_conf = map_memory(b, "weir_nat_conf");
	b->conns = map_memory(b, "weir_conns");
	return 0;
}

int bed_close(void **state)
{
	struct bed *b = *state;

	munmap(b->services, WEIR_SERVICE_SLOTS * sizeof(*b->services));
	munmap(b->rows, WEIR_DEFAULT_ROWS * sizeof(*b->rows));
	munmap(b->rest, WEIR_DEFAULT_ROWS / WEIR_REST_ROWS * sizeof(*b->rest));
	munmap(b->flows, WEIR_FLOW_BUCKETS * sizeof(*b->flows));
	munmap(b->endpoints, WEIR_MAX_ENDPOINTS * sizeof(*b->endpoints));
	munmap(b->ids, WEIR_MAX_ENDPOINTS * sizeof(*b->ids));
	munmap(b->specials, WEIR_MAX_SERVICES * sizeof(*b->specials));
	munmap(b->nat_conf, sizeof(*b->nat_conf));
	munmap(b->conns, WEIR_MAX_ENDPOINTS * sizeof(*b->conns));
	bed_leave(b);
	return weir_plane_remove(b->pins);
}

/* --- tables --- */

union weir_addr bed_addr(uint32_t e)
{
	uint8_t v4[4] = { 10, 1, 0, (uint8_t)(e + 1) };

	return weir_addr_v4(v4);
}

void bed_serve(struct bed *b, uint32_t service, uint32_t size, uint32_t first, uint32_t n)
{
	struct wish_service *s = &b->wish.service[service];

	s->on = true;
	s->size = size;
	for (uint32_t i = 0; i < size; i++)
		s->rows[i] = n ? (uint8_t)(first + i % n) : NOBODY;
	for (uint32_t e = first; e < first + n; e++)
		b->wish.endpoint[e].there = b->wish.endpoint[e].alive = true;
}

void bed_share(struct bed *b, uint32_t service, uint32_t with)
{
	b->wish.service[service].on = true;
	b->wish.service[service].with = (uint8_t)(with == service ? 0 : with + 1);
}

const struct wish_service *bed_rows_of(const struct bed *b, uint32_t service)
{
	return &b->wish.service[bed_balancer_of(&b->wish, service)];
}

int bed_try(struct bed *b)
{
	struct weir_arena *arena = weir_arena_new();
	int err = weir_plane_sync(b->plane, bed_tables(&b->wish, arena), b->now_ms);

	weir_arena_free(arena);
	return err;
}

void bed_sync(struct bed *b)
{
	assert_int_equal(bed_try(b), 0);
}

void bed_pass(struct bed *b, uint64_t ms)
{
	b->now_ms += ms;
	weir_plane_tick(b->plane, b->now_ms);
}

/* --- the maps, looked through from end to end --- */

uint32_t bed_slot(const struct bed *b, uint32_t endpoint)
{
	union weir_addr addr = bed_addr(endpoint);
	uint32_t found = 0;

	for (uint32_t s = 0; s < 4096; s++) {
		if (!b->ids[s].used || memcmp(&b->ids[s].addr, &addr, sizeof(addr)))
			continue;
		assert_int_equal(found, 0);
		found = s;
	}
	return found;
}

struct weir_service *bed_service(const struct bed *b, uint32_t service)
{
	union weir_addr vip = bed_service_addr(service);
	struct weir_service *found = NULL;

	for (uint32_t i = 0; i < WEIR_SERVICE_SLOTS; i++) {
		struct weir_service *s = &b->services[i];

		if (s->key.used != WEIR_SLOT_USED || !s->key.proto ||
		    memcmp(&s->key.vip, &vip, sizeof(vip)))
			continue;
		assert_null(found);
		found = s;
	}
	return found;
}

struct weir_row bed_row(const struct bed *b, uint32_t service, uint32_t row)
{
	const struct weir_service *s = bed_service(b, service);

	assert_non_null(s);
	assert_in_range(row, 0, s->table.mask);
	return b->rows[s->table.base + row];
}

uint32_t bed_records(const struct bed *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < WEIR_FLOW_BUCKETS; i++)
		for (uint32_t w = 0; w < WEIR_FLOW_WAYS; w++)
			n += b->flows[i].way[w].key != 0;
	return n;
}

static void silence(struct bed *b, uint32_t ticks)
{
	for (uint32_t i = 0; i < WEIR_FLOW_BUCKETS; i++)
		for (uint32_t w = 0; w < WEIR_FLOW_WAYS; w++)
			b->flows[i].way[w].seen -= ticks << WEIR_FLOW_FLAGS;
}

void bed_silence(struct bed *b)
{
	silence(b, b->plane->skel->rodata->weir_flow_idle + 10);
}

void bed_silence_s(struct bed *b, uint32_t seconds)
{
	silence(b, seconds * b->plane->skel->rodata->weir_hz >> WEIR_FLOW_TICK);
}

/* --- packets --- */

struct flow bed_flow(uint32_t service, uint32_t n)
{
	struct flow f = flow_of(bed_service_proto(service), "198.51.100.1", (uint16_t)(1024 + n),
				"192.0.2.1", 443);

	f.dst = bed_service_addr(service);
	return f;
}

uint32_t bed_send(const struct bed *b, const struct flow *f, uint8_t tcp_flags)
{
	return bed_send_packet(b, pkt_new(f, tcp_flags));
}

uint32_t bed_send_packet(const struct bed *b, struct pkt in)
{
	static const uint8_t mac[5] = { 6 };
	struct pkt out;
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in.data, .data_size_in = in.len,
		    .data_out = out.data, .data_size_out = sizeof(out.data));
	int err = bpf_prog_test_run_opts(bpf_program__fd(b->plane->running->progs.weir_xdp), &run);

	assert_int_equal(err, 0);
	if (run.retval != XDP_REDIRECT)
		return NOBODY;
	assert_memory_equal(out.data, mac, sizeof(mac));
	return out.data[5];
}

struct bed_flows bed_flows(const struct bed *b, uint32_t service, uint32_t first)
{
	struct bed_flows s;

	for (uint32_t i = 0; i < BED_FLOWS; i++) {
		s.f[i] = bed_flow(service, first + i);
		s.at[i] = bed_send(b, &s.f[i], PKT_SYN);
		assert_int_not_equal(s.at[i], NOBODY);
	}
	return s;
}

void bed_stay(const struct bed *b, const struct bed_flows *s)
{
	for (uint32_t i = 0; i < BED_FLOWS; i++)
		assert_int_equal(bed_send(b, &s->f[i], PKT_ACK), s->at[i]);
}

void bed_new_flows(const struct bed *b, uint32_t service, uint32_t first, uint32_t n)
{
	struct bed_flows s = bed_flows(b, service, 2000);

	for (uint32_t i = 0; i < BED_FLOWS; i++)
		assert_in_range(s.at[i], first, first + n - 1);
}

struct weir_plane_usage bed_usage(const struct bed *b)
{
	struct weir_plane_usage u;

	weir_plane_usage(b->plane, &u);
	return u;
}

bool bed_one_table(const struct bed *b, uint32_t s, uint32_t o)
{
	return !memcmp(&bed_service(b, s)->table, &bed_service(b, o)->table,
		       sizeof(struct weir_table_ref));
}
