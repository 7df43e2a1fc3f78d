/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_sync.c - from health to rows in the kernel: real maps of a packet path that is attached to
 * nothing, in a network namespace and a BPF file system of the benchmark's own. All endpoints are
 * behind one gateway, or each is a neighbour. */
#include <bpf/bpf.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/plane_impl.h"
#include "weir.skel.h"
#include "world.h"

#define LBS  10000
#define EACH 10
#define ROWS (1u << 25) /* twice what is needed, 10 million, and a power of two */

static char root[64], pins[80];
static uint64_t clock_ms = 1000;

static void must(int bad, const char *what)
{
	if (!bad)
		return;
	fprintf(stderr, "bench_sync: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void sh(const char *command)
{
	must(system(command), command);
}

static void make_ground(void)
{
	snprintf(root, sizeof(root), "build/bench-bpffs-%d", (int)getpid());
	snprintf(pins, sizeof(pins), "%s/weir", root);
	must(unshare(CLONE_NEWNET | CLONE_NEWNS), "unshare");
	must(mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount");
	must(mkdir(root, 0700) || mount("bpf", root, "bpf", 0, "mode=0700"), root);
	sh("ip link set lo up && ip link add w0 type veth peer name w1 && "
	   "ip addr add 172.16.0.1/24 dev w0 && ip link set w0 up && ip link set w1 up && "
	   "ip neigh add 172.16.0.2 lladdr 06:00:00:00:00:02 dev w0 nud permanent && "
	   "ip neigh add 172.16.0.3 lladdr 06:00:00:00:00:03 dev w0 nud permanent && "
	   "ip route add 10.0.0.0/8 via 172.16.0.2");
}

static void leave_ground(void)
{
	umount2(root, MNT_DETACH);
	rmdir(root);
}

static struct weir_plane *open_plane(uint32_t max_rows)
{
	const struct weir_plane_options o = {
		.pin_path = pins,
		.hash_key = "tests/bench",
		.gue_port = WEIR_GUE_PORT,
		.max_rows = max_rows,
	};
	struct weir_plane *p;

	must(weir_plane_open(&o, &p), "weir_plane_open");
	return p;
}

static void close_plane(struct weir_plane *p)
{
	weir_plane_close(p);
	must(weir_plane_remove(pins), "weir_plane_remove");
}

/* View, tables, rows. */
static double apply(struct weir_plane *p, struct world *w)
{
	double start = now_ms();

	world_compile(w);
	must(weir_plane_sync(p, w->tables, clock_ms), "weir_plane_sync");
	return now_ms() - start;
}

/* All rows come to rest. */
static void settle_all(struct weir_plane *p)
{
	clock_ms += 400000;
	weir_plane_tick(p, clock_ms);
	weir_plane_tick(p, ++clock_ms);
}

/* One origin after the other fails and recovers, and all comes to rest in between. */
static double measure_failures(struct weir_plane *p, struct world *w)
{
	double ms[MOST_RUNS];

	for (uint32_t i = 0; i < MOST_RUNS; i++) {
		struct weir_health *h = &w->health[i % w->model->n_origins];

		h->state = WEIR_UNHEALTHY;
		ms[i] = apply(p, w);
		settle_all(p);
		h->state = WEIR_HEALTHY;
		apply(p, w);
		settle_all(p);
	}
	return median(ms, MOST_RUNS);
}

static void bench_one(uint32_t n, const char *name, double bar)
{
	struct weir_plane *p = open_plane(WEIR_DEFAULT_ROWS);
	struct world w = world_open(1, n);

	apply(p, &w);
	report(name, measure_failures(p, &w), "ms", bar);
	close_plane(p);
	world_close(&w);
}

/* --- from a verdict to the row, by the clock on the wall, while packets come in --- */

#define VERDICTS 1000

static double wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* A process that runs packets for the first balancer through the program, one after the other. */
static pid_t load_start(const struct weir_plane *p)
{
	static const uint8_t segment[64] = {
		[12] = 0x08, [14] = 0x45, [17] = 50, [22] = 64,   [23] = 6, [26] = 198, 51,
		100,         7,           192,       0,           2,        1,          [34] = 0x0f,
		0xa0,        0,           1,         [46] = 0x50, 0x10, /* port 1, ACK */
	};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = segment, .data_size_in = sizeof(segment),
		    .repeat = 100000);
	pid_t pid = fork();

	must(pid < 0, "fork");
	if (pid)
		return pid;
	while (!bpf_prog_test_run_opts(bpf_program__fd(p->skel->progs.weir_xdp), &run))
		;
	_exit(1);
}

static double one_verdict(struct weir_plane *p, struct world *w, uint32_t nth, bool pass)
{
	const struct weir_pool *pool = &w->model->pools[nth % w->model->n_pools];
	const struct weir_verdict v = { .pass = pass, .reason = WEIR_REASON_NONE };
	struct weir_health *h = &w->health[pool->origins[nth % pool->n_origins].index];
	double start = wall_ms();

	must(!weir_health_update(h, pool, 0, &v, (struct weir_now){ clock_ms, clock_ms }),
	     "a verdict changes the state");
	apply(p, w);
	return wall_ms() - start;
}

/* Of 1,000 endpoints in 100 services; up to 50 of their tables know older flows. */
static void bench_verdicts(void)
{
	struct weir_plane *p = open_plane(WEIR_DEFAULT_ROWS);
	struct world w = world_open(100, 10);
	double ms[VERDICTS], worst = 0;
	pid_t load;

	apply(p, &w);
	load = load_start(p);
	for (uint32_t i = 0; i < VERDICTS; i++) {
		ms[i] = one_verdict(p, &w, i / 2, i % 2);
		if (ms[i] > worst)
			worst = ms[i];
		if (i % 100 == 99)
			settle_all(p);
	}
	must(waitpid(load, NULL, WNOHANG) != 0, "the load goes on");
	kill(load, SIGKILL);
	waitpid(load, NULL, 0);
	report("sync/verdict-under-load", median(ms, VERDICTS), "ms", 20);
	report("sync/verdict-under-load-worst", worst, "ms", 20);
	close_plane(p);
	world_close(&w);
}

/* --- many services --- */

/* A number of KiB that follows key in a file of /proc. */
static double kib(const char *file, const char *key)
{
	char line[256];
	double value = 0;
	FILE *f = fopen(file, "r");

	must(!f, file);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			value = strtod(line + strlen(key), NULL);
	fclose(f);
	return value;
}

/* What all maps take in the kernel, and the agent has besides. */
static double memory_mib(const struct weir_plane *p)
{
	double bytes = kib("/proc/self/status", "RssAnon:") * 1024;
	struct bpf_map *map;
	char file[64];

	bpf_object__for_each_map(map, p->skel->obj)
	{
		if (bpf_map__fd(map) < 0) /* only captures have it */
			continue;
		snprintf(file, sizeof(file), "/proc/self/fdinfo/%d", bpf_map__fd(map));
		bytes += kib(file, "memlock:");
	}
	return bytes / 1048576;
}

/* What the kernel has told, taken in: *all is the time of all turns of the loop together. Returns
 * the longest turn. */
static double take_events(struct weir_plane *p, double *all)
{
	struct pollfd fd = { .fd = weir_plane_fd(p), .events = POLLIN };
	double longest = 0;

	*all = 0;
	while (poll(&fd, 1, 0) == 1) {
		double start = now_ms(), took;

		weir_plane_readable(p);
		took = now_ms() - start;
		*all += took;
		if (took > longest)
			longest = took;
	}
	return longest;
}

static void bench_routes(struct weir_plane *p)
{
	double all, longest;

	take_events(p, &all);
	sh("ip route replace 10.0.0.0/8 via 172.16.0.3");
	longest = take_events(p, &all);
	report("sync/new-gateway-of-100000", all, "ms", 0);
	report("sync/new-gateway-longest-turn", longest, "ms", 20);
	sh("for a in 0 1 2 3; do for b in $(seq 0 249); do "
	   "echo route add 11.$a.$b.0/24 via 172.16.0.3; done; done | ip -batch -");
	take_events(p, &all);
	report("sync/1000-routes-of-others", all, "ms", 20);
}

static double measure_tick(struct weir_plane *p)
{
	double ms[MOST_RUNS];

	for (uint32_t i = 0; i < MOST_RUNS; i++) {
		ms[i] = now_ms();
		weir_plane_tick(p, ++clock_ms);
		ms[i] = now_ms() - ms[i];
	}
	return median(ms, MOST_RUNS);
}

static void bench_many(void)
{
	struct weir_plane *p = open_plane(ROWS);
	struct world w = world_open(LBS, EACH);

	report("sync/10000-services-build", apply(p, &w), "ms", 5000);
	report("sync/10000-services-memory", memory_mib(p), "MiB", 1024);
	report("sync/10000-services-change", measure_failures(p, &w), "ms", 20);
	report("sync/10000-services-tick", measure_tick(p), "ms", 20);
	bench_routes(p);
	world_reload(&w, LBS, EACH);
	report("sync/10000-services-reload", apply(p, &w), "ms", 0);
	close_plane(p);
	world_close(&w);
}

/* Endpoints on the link, each a neighbour; then each gets another MAC address. */
static void bench_neighbours(void)
{
	static const char all[] = "for a in $(seq 0 39); do for b in $(seq 0 255); do echo neigh "
				  "replace 10.0.$a.$b lladdr 06:00:00:%s:00:00 dev w0 nud "
				  "permanent; done; done | ip -batch -";
	struct weir_plane *p;
	struct world w = world_open(10, 1000);
	char line[256];
	double ms, longest;

	sh("ip route del 10.0.0.0/8; ip addr add 10.255.255.254/8 dev w0");
	snprintf(line, sizeof(line), all, "01");
	sh(line);
	p = open_plane(WEIR_DEFAULT_ROWS);
	report("sync/10000-neighbours-build", apply(p, &w), "ms", 0);
	take_events(p, &ms);
	snprintf(line, sizeof(line), all, "02");
	sh(line);
	longest = take_events(p, &ms);
	report("sync/10000-neighbours-change", ms, "ms", 0);
	report("sync/10000-neighbours-longest-turn", longest, "ms", 20);
	close_plane(p);
	world_close(&w);
}

int main(void)
{
	make_ground();
	bench_one(100, "sync/1-of-100", 10);
	bench_one(1000, "sync/1-of-1000", 10);
	bench_verdicts();
	bench_many();
	bench_neighbours();
	leave_ground();
	return 0;
}
