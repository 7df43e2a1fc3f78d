/* SPDX-License-Identifier: GPL-2.0-or-later */
/* load.c - loads the programs over the pinned maps, or over new ones that it pins. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <xdp/libxdp.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "dataplane/dns_impl.h"
#include "dataplane/routes.h"
#include "weir.skel.h"

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == BPF_FS_MAGIC;
}

/* Makes pin_path, in a BPF file system; mounts one at the customary place if that is missing. */
static int make_pin_path(const char *pin_path)
{
	static const char usual[] = "/sys/fs/bpf";

	if (!strncmp(pin_path, usual, sizeof(usual) - 1) && !is_bpffs(usual) &&
	    mount("bpf", usual, "bpf", 0, "mode=0700"))
		weir_error("%s: cannot mount a BPF file system: %s", usual, strerror(errno));
	if (mkdir(pin_path, 0700) && errno != EEXIST) {
		weir_error("%s: cannot be made: %s; pin_path must be in a BPF file system",
			   pin_path, strerror(errno));
		return -ENOTSUP;
	}
	if (!is_bpffs(pin_path)) {
		rmdir(pin_path); /* only if we just made it: others are not empty or not ours */
		weir_error("%s: not in a BPF file system (mount -t bpf bpf DIR makes one)",
			   pin_path);
		return -ENOTSUP;
	}
	return 0;
}

/* Other versions of the ABI under pin_path: their maps have another layout. */
static int check_version(const char *pin_path)
{
	char own[16];
	DIR *d = opendir(pin_path);
	struct dirent *e;
	int err = 0;

	if (!d)
		return -errno;
	snprintf(own, sizeof(own), "v%d", WEIR_ABI);
	while (!err && (e = readdir(d))) {
		if (e->d_name[0] != 'v' || !strcmp(e->d_name, own))
			continue;
		weir_error("%s/%s: a packet path with ABI version %s is running, and this agent "
			   "speaks %s only; run the agent of that version, or remove it with "
			   "`weir-agent --detach` (its connections end)",
			   pin_path, e->d_name, e->d_name + 1, own + 1);
		err = -EPROTO;
	}
	closedir(d);
	return err;
}

/* One agent a pin path. The lock goes with the process, however that ends. */
static int lock_dir(struct weir_plane *p)
{
	p->lock_fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->lock_fd < 0 || flock(p->lock_fd, LOCK_EX | LOCK_NB)) {
		int err = errno == EWOULDBLOCK ? -EBUSY : -errno;

		if (err == -EBUSY)
			weir_error("%s: another agent is using it", p->dir);
		else
			weir_error("%s: cannot be locked: %s", p->dir, strerror(-err));
		return err;
	}
	return 0;
}

static void set_key(struct weir_bpf *skel, const uint8_t key[16])
{
	const uint32_t same[3] = { 0, 0, htonl(0xffff) }; /* in all IPv4 addresses */
	uint64_t v4 = 0;

	for (uint32_t i = 0; i < WEIR_HASH_KEYS; i++)
		skel->rodata->weir_hash_key[i] = (uint32_t)weir_hash_bytes(i + 1, key, 16);
	for (uint32_t i = 0; i < 3; i++) {
		const volatile uint32_t *k = &skel->rodata->weir_hash_key[2 + 2 * i];

		v4 += (uint64_t)(uint32_t)(same[i] + k[0]) * (uint32_t)(same[i] + k[1]);
	}
	skel->rodata->weir_hash_v4 = v4;
}

/* The bits in which the addresses of a prefix differ, of their last word. */
static __be32 spread(const struct weir_prefix *p)
{
	unsigned bits = p->bits ? 128 - p->bits : 0;

	return htonl(bits < 32 ? (1u << bits) - 1 : UINT32_MAX);
}

static uint32_t jiffies_per_second(void)
{
	struct timespec res;

	clock_getres(CLOCK_MONOTONIC_COARSE, &res);
	return res.tv_nsec ? (uint32_t)(1000000000 / res.tv_nsec) : 100;
}

/* Maps of which every loaded program has its own, or which only captures have. */
static bool is_own(const struct weir_bpf *skel, const struct bpf_map *map)
{
	return bpf_map__is_internal(map) || map == skel->maps.weir_odd_packet ||
	       map == skel->maps.weir_nat_work || map == skel->maps.weir_icmp_budget ||
	       map == skel->maps.weir_dns_work || map == skel->maps.weir_dns_budget ||
	       map == skel->maps.weir_capture_session || map == skel->maps.weir_capture_events ||
	       map == skel->maps.weir_capture_packet;
}

/* What is not asked for is neither loaded nor made: the verifier takes a program without these
 * maps only if it finds that no packet comes to where they are used. */
static void set_purpose(const struct weir_plane *p, struct weir_bpf *skel, enum weir_seeing purpose)
{
	skel->rodata->weir_seeing = (uint8_t)purpose;
	skel->rodata->weir_features = p->nat;
	if (p->skel) {
		bpf_program__set_autoload(skel->progs.weir_dns_xdp, false);
		bpf_program__set_autoload(skel->progs.weir_dns_tc, false);
		bpf_program__set_autoload(skel->progs.weir_dns_filter, false);
		bpf_program__set_autoload(skel->progs.weir_clock, false);
	}
	if (purpose != WEIR_SEEING_CAPTURE) {
		bpf_map__set_autocreate(skel->maps.weir_capture_session, false);
		bpf_map__set_autocreate(skel->maps.weir_capture_events, false);
		bpf_map__set_autocreate(skel->maps.weir_capture_packet, false);
	}
}

/* How many rows a packet path has that is pinned already; 0: there is none. */
static uint32_t rows_there(const struct weir_plane *p)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	char path[PATH_MAX + 64];
	int fd;

	snprintf(path, sizeof(path), "%s/weir_rows", p->dir);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		info.max_entries = 0;
	close(fd);
	return info.max_entries;
}

/* The maps that packets use keep their size. */
static void choose_rows(struct weir_plane *p, uint32_t max_rows)
{
	uint32_t there = rows_there(p);

	if (there && there != max_rows)
		weir_warn("agent.max_rows is %u, but the packet path that runs already has room "
			  "for %u rows and keeps it until `weir-agent --detach` ends it",
			  max_rows, there);
	p->max_rows = there ? there : max_rows;
}

struct weir_bpf *plane_skel_open(const struct weir_plane *p, enum weir_seeing purpose)
{
	struct weir_bpf *skel = weir_bpf__open();
	struct bpf_map *map;
	char path[PATH_MAX + 64];

	if (!skel)
		return NULL;
	set_key(skel, p->options.hash_key);
	skel->rodata->weir_gue_port = htons(p->options.gue_port);
	skel->rodata->weir_spread_v4 = spread(&p->options.outer4);
	skel->rodata->weir_spread_v6 = spread(&p->options.outer6);
	skel->rodata->weir_hz = jiffies_per_second();
	skel->rodata->weir_flow_idle = WEIR_FLOW_IDLE_S * jiffies_per_second() >> WEIR_FLOW_TICK;
	skel->rodata->weir_flow_opening =
		WEIR_FLOW_OPENING_S * jiffies_per_second() >> WEIR_FLOW_TICK;
	skel->rodata->weir_flow_young = WEIR_FLOW_YOUNG_S * jiffies_per_second() >> WEIR_FLOW_TICK;
	features_use(p->features, skel);
	set_purpose(p, skel, purpose);
	bpf_map__set_max_entries(skel->maps.weir_rows, p->max_rows);
	bpf_map__set_max_entries(skel->maps.weir_rest, p->max_rows / WEIR_REST_ROWS);
	bpf_map__set_max_entries(skel->maps.weir_dns_hits, (uint32_t)libbpf_num_possible_cpus());
	bpf_map__set_max_entries(skel->maps.weir_ways, WEIR_WAYS_PER_ROW(p->max_rows));
	bpf_map__set_max_entries(skel->maps.weir_classes, WEIR_CLASSES_PER_ROW(p->max_rows));
	bpf_object__for_each_map(map, skel->obj)
	{
		if (is_own(skel, map) || map == skel->maps.weir_devices)
			continue;
		if (map == skel->maps.weir_nat_flows && !(p->nat & WEIR_FEATURE_FULLNAT)) {
			bpf_map__set_max_entries(map, 1);
			continue;
		}
		snprintf(path, sizeof(path), "%s/%s", p->dir, bpf_map__name(map));
		bpf_map__set_pin_path(map, path);
	}
	/* The kernel adds a flag to device maps that libbpf then takes for another map's: not
	 * pinned, but shared by all programs of this agent, and filled before any of them is
	 * attached. */
	if (p->skel)
		bpf_map__reuse_fd(skel->maps.weir_devices, bpf_map__fd(p->skel->maps.weir_devices));
	if (purpose == WEIR_SEEING_CAPTURE &&
	    p->running->rodata->weir_seeing == WEIR_SEEING_CAPTURE) {
		bpf_map__reuse_fd(skel->maps.weir_capture_session,
				  bpf_map__fd(p->running->maps.weir_capture_session));
		bpf_map__reuse_fd(skel->maps.weir_capture_events,
				  bpf_map__fd(p->running->maps.weir_capture_events));
	}
	return skel;
}

static void *map_memory(const struct bpf_map *map)
{
	size_t size = (size_t)bpf_map__max_entries(map) * ((bpf_map__value_size(map) + 7) & ~7u);
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return mem == MAP_FAILED ? NULL : mem;
}

static void unmap_memory(void *mem, const struct bpf_map *map)
{
	if (mem)
		munmap(mem, (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map));
}

static int map_all(struct weir_plane *p)
{
	p->services = map_memory(p->skel->maps.weir_services);
	p->rows = map_memory(p->skel->maps.weir_rows);
	p->rest = map_memory(p->skel->maps.weir_rest);
	p->flows = map_memory(p->skel->maps.weir_flows);
	p->endpoints = map_memory(p->skel->maps.weir_endpoints);
	p->ids = map_memory(p->skel->maps.weir_endpoint_ids);
	p->specials = map_memory(p->skel->maps.weir_specials);
	p->nat_conf = map_memory(p->skel->maps.weir_nat_conf);
	p->ways = map_memory(p->skel->maps.weir_ways);
	p->classes = map_memory(p->skel->maps.weir_classes);
	p->server_ids = map_memory(p->skel->maps.weir_server_ids);
	p->conns = map_memory(p->skel->maps.weir_conns);
	p->live = map_memory(p->skel->maps.weir_live);
	p->dns_guard = map_memory(p->skel->maps.weir_dns_guard);
	p->dns_hits = map_memory(p->skel->maps.weir_dns_hits);
	return p->services && p->rows && p->rest && p->flows && p->endpoints && p->ids &&
			       p->specials && p->nat_conf && p->ways && p->classes &&
			       p->server_ids && p->conns && p->live && p->dns_guard && p->dns_hits
		       ? 0
		       : -errno;
}

static int load(struct weir_plane *p)
{
	int err;

	p->features = features_probe();
	p->running = p->carrier = p->skel = plane_skel_open(p, WEIR_SEEING_NOTHING);
	if (!p->skel)
		return -errno;
	err = weir_bpf__load(p->skel);
	if (err == -ENOMEM)
		weir_error("the kernel has no memory for a packet path with room for %u rows "
			   "(agent.max_rows, 14 bytes each)",
			   p->max_rows);
	else if (err)
		weir_error("the kernel does not take the packet program: %s", strerror(-err));
	return err ? err : map_all(p);
}

static void print_line(enum weir_log_level level, const char *fmt, va_list ap)
{
	char line[512];

	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = 0;
	weir_log(level, "%s", line);
}

static int print_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level != LIBBPF_DEBUG)
		print_line(level == LIBBPF_WARN ? WEIR_LOG_WARN : WEIR_LOG_DEBUG, fmt, ap);
	return 0;
}

static int print_probing(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level != LIBBPF_DEBUG)
		print_line(WEIR_LOG_DEBUG, fmt, ap);
	return 0;
}

static int print_libxdp(enum libxdp_print_level level, const char *fmt, va_list ap)
{
	if (level != LIBXDP_DEBUG)
		print_line(WEIR_LOG_DEBUG, fmt, ap); /* what matters is said where it is decided */
	return 0;
}

void plane_probing(bool on)
{
	libbpf_set_print(on ? print_probing : print_libbpf);
}

void plane_quiet_libraries(void)
{
	plane_probing(false);
	libxdp_set_print(print_libxdp);
}

static int watch(const struct weir_plane *p, int fd)
{
	struct epoll_event readable = { .events = EPOLLIN };

	return fd < 0 ? 0 : epoll_ctl(p->watch, EPOLL_CTL_ADD, fd, &readable);
}

/* Everything that the world may tell, behind one descriptor. */
static int watch_all(struct weir_plane *p)
{
	p->watch = epoll_create1(EPOLL_CLOEXEC);
	if (p->watch < 0 || watch(p, mnl_socket_get_fd(p->events)) || watch(p, p->more) ||
	    watch(p, p->icmp4) || watch(p, p->icmp6) || watch(p, live_fd(p)))
		return -errno;
	return 0;
}

int weir_plane_fd(const struct weir_plane *p)
{
	return p->watch;
}

void weir_plane_readable(struct weir_plane *p)
{
	routes_readable(p);
	pmtu_readable(p);
	live_readable(p);
}

int weir_plane_open(const struct weir_plane_options *o, struct weir_plane **out)
{
	struct weir_plane *p = weir_new(struct weir_plane);
	int err;

	plane_quiet_libraries();
	p->lock_fd = p->watch = p->more = p->icmp4 = p->icmp6 = -1;
	p->options = *o;
	p->options.pin_path = NULL; /* from now on it is dir */
	snprintf(p->dir, sizeof(p->dir), "%s/v%d", o->pin_path, WEIR_ABI);
	err = make_pin_path(o->pin_path);
	if (!err)
		err = check_version(o->pin_path);
	if (!err && mkdir(p->dir, 0700) && errno != EEXIST) {
		err = -errno;
		weir_error("%s: cannot be made: %s", p->dir, strerror(-err));
	}
	if (!err)
		err = lock_dir(p);
	if (!err) {
		choose_rows(p, o->max_rows);
		err = load(p);
	}
	if (err)
		goto fail;
	rows_init(p);
	steers_init(p);
	endpoints_adopt(p);
	err = nat_adopt(p);
	if (err)
		goto fail;
	places_init(p);
	services_adopt(p);
	dns_adopt(p);
	reverses_adopt(p);
	pmtu_open(p);
	tables_adopt(p);
	specials_adopt(p);
	steers_adopt(p);
	clients_adopt(p);
	sources_adopt(p);
	servers_adopt(p);
	p->records = p->loose = true; /* also records of rows that came to rest just before */
	err = routes_open(p);
	if (!err)
		err = live_open(p);
	if (!err)
		err = watch_all(p);
	if (err)
		goto fail;
	*out = p;
	return 0;
fail:
	weir_plane_close(p);
	return err;
}

void weir_plane_close(struct weir_plane *p)
{
	if (!p)
		return;
	weir_plane_capture_stop(p, NULL);
	routes_close(p);
	neigh_close(p);
	pmtu_close(p);
	live_close(p);
	if (p->watch >= 0)
		close(p->watch);
	if (p->carrier != p->skel)
		weir_bpf__destroy(p->carrier);
	if (p->skel) {
		unmap_memory(p->services, p->skel->maps.weir_services);
		unmap_memory(p->rows, p->skel->maps.weir_rows);
		unmap_memory(p->rest, p->skel->maps.weir_rest);
		unmap_memory(p->flows, p->skel->maps.weir_flows);
		unmap_memory(p->endpoints, p->skel->maps.weir_endpoints);
		unmap_memory(p->ids, p->skel->maps.weir_endpoint_ids);
		unmap_memory(p->specials, p->skel->maps.weir_specials);
		unmap_memory(p->nat_conf, p->skel->maps.weir_nat_conf);
		unmap_memory(p->ways, p->skel->maps.weir_ways);
		unmap_memory(p->classes, p->skel->maps.weir_classes);
		unmap_memory(p->server_ids, p->skel->maps.weir_server_ids);
		unmap_memory(p->conns, p->skel->maps.weir_conns);
		unmap_memory(p->live, p->skel->maps.weir_live);
		unmap_memory(p->dns_guard, p->skel->maps.weir_dns_guard);
		unmap_memory(p->dns_hits, p->skel->maps.weir_dns_hits);
		weir_bpf__destroy(p->skel);
	}
	weir_bpf__destroy(p->dry);
	if (p->lock_fd >= 0)
		close(p->lock_fd);
	tables_free(p);
	steers_free(p);
	clients_free(p);
	sources_free(p);
	dns_free(p);
	free(p->servers);
	free(p->server_index);
	free(p->slots);
	free(p->slot_index);
	free(p->placed);
	free(p->service);
	free(p->reverse);
	free(p->place_taken);
	free(p->place_index);
	free(p->id_used);
	free(p->unit_used);
	free(p->interfaces);
	free(p);
}

void weir_plane_tick(struct weir_plane *p, uint64_t now_ms)
{
	p->now_ms = now_ms;
	steers_reclaim(p);
	tables_reclaim(p);
	sources_reclaim(p);
	live_notice(p, now_ms);
	settle(p, now_ms);
	reverses_reclaim(p);
	tables_shrink(p);
	nat_tick(p);
	interfaces_watch(p, now_ms);
	pmtu_tick(p);
	neigh_poke(p, now_ms);
}

int weir_plane_dns_filter_fd(const struct weir_plane *p)
{
	return bpf_program__fd(p->skel->progs.weir_dns_filter);
}
