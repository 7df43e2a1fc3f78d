/* SPDX-License-Identifier: GPL-2.0-or-later */
/* veth_rate.c - how many packets a second one core carries through a packet program, over veth
 * pairs with native XDP that bench_veth.sh makes.
 *
 *   veth_rate NAMESPACE REGEX
 *
 * Runs in the namespace of those who send: there is send-NAME of every pair, and NAME itself is in
 * NAMESPACE. The kernel makes the frames (BPF_F_TEST_XDP_LIVE_FRAMES), redirects them into the
 * pair, the program at the far end sends them back, and they are counted and dropped where they
 * came from. All of that runs on one CPU, and the CPU time of all of it counts. Pairs take turns;
 * printed is the median. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <regex.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "figures.h"
#include "kinds.h"
#include "veth.h"
#include "tests/bench/harness.skel.h"
#include "tests/bench/veth.skel.h"

#define ROUNDS  11
#define FRAMES  1000000
#define BATCH   64
#define CALM_MS 20
#define LEAST   "veth/least-ipip4"

enum far_end {
	DROPS,
	SENDS,
	ENCAPSULATES,
	BALANCES_AT_LEAST,
	BALANCES /* weir-agent was there before */
};

struct row {
	const char *name, *pair;
	enum far_end far_end;
	uint32_t flows;
	const char *against;
	double bar;
	double mpps[ROUNDS], lost[ROUNDS];
};

static struct row rows[] = {
	{ .name = "veth/drop", "drop", DROPS, 1, NULL, 0 },
	{ .name = "veth/xdp-tx", "tx", SENDS, 1, NULL, 0 },
	{ .name = LEAST, "least", ENCAPSULATES, 1, NULL, 0 },
	{ .name = "veth/least-balancer4-1", "balancer", BALANCES_AT_LEAST, 1, LEAST, 0 },
	{ .name = "veth/least-balancer4-131072", "balancer", BALANCES_AT_LEAST, 1 << 17, LEAST, 0 },
	{ .name = "veth/weir-1", "eth0", BALANCES, 1, LEAST, 0.9 },
	{ .name = "veth/weir-131072", "eth0", BALANCES, 1 << 17, LEAST, 0.9 },
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

struct bench {
	struct harness_bpf *harness;
	struct veth_bpf *veth;
	int softirq_fd; /* CPU time of the kernel's thread that takes over what is too much */
};

static void die(const char *what)
{
	fprintf(stderr, "veth_rate: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET))
		die("the namespace cannot be entered");
}

static void attach(struct bpf_program *prog, const char *ifname)
{
	uint32_t ifindex = if_nametoindex(ifname);

	if (!ifindex || !bpf_program__attach_xdp(prog, (int)ifindex)) /* until this process ends */
		die(ifname);
}

static struct bpf_program *program_of(const struct bench *b, enum far_end e)
{
	switch (e) {
	case DROPS:
		return b->veth->progs.count_drop;
	case SENDS:
		return b->harness->progs.only_tx;
	case ENCAPSULATES:
		return b->harness->progs.least_v4;
	case BALANCES_AT_LEAST:
		return b->harness->progs.least_balancer;
	case BALANCES:
		break;
	}
	return NULL;
}

static void attach_all(const struct bench *b, const char *namespace)
{
	char path[256];
	int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there;

	snprintf(path, sizeof(path), "/run/netns/%s", namespace);
	there = open(path, O_RDONLY | O_CLOEXEC);
	if (here < 0 || there < 0)
		die(path);
	for (size_t i = 0; i < N_ROWS; i++) {
		if (i && !strcmp(rows[i].pair, rows[i - 1].pair))
			continue;
		snprintf(path, sizeof(path), "send-%s", rows[i].pair);
		attach(b->veth->progs.count_drop, path);
		enter(there);
		if (rows[i].far_end != BALANCES)
			attach(program_of(b, rows[i].far_end), rows[i].pair);
		enter(here);
	}
	close(here);
	close(there);
}

/* Everything on the last CPU, so that what it takes can be told. */
static void stay_on_one_cpu(struct bench *b)
{
	char command[64], path[64];
	int cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
	cpu_set_t set;
	FILE *f;
	int pid;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
	snprintf(command, sizeof(command), "pgrep -x ksoftirqd/%d", cpu);
	f = popen(command, "r");
	if (!f || fscanf(f, "%d", &pid) != 1)
		die(command);
	pclose(f);
	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	b->softirq_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (b->softirq_fd < 0)
		die(path);
}

static uint64_t softirq_ns(const struct bench *b)
{
	char text[128] = "";

	if (pread(b->softirq_fd, text, sizeof(text) - 1, 0) <= 0)
		die("schedstat");
	return strtoull(text, NULL, 10);
}

/* Until nothing more has come for a while. */
static uint64_t wait_for_last(const struct bench *b)
{
	const struct timespec calm = { .tv_nsec = CALM_MS * 1000000 };
	volatile __u64 *came = &b->veth->bss->came;
	uint64_t n;

	do {
		n = *came;
		nanosleep(&calm, NULL);
	} while (n != *came);
	return n;
}

static void measure(const struct bench *b, struct row *r, uint32_t round)
{
	struct flow f = r->far_end == BALANCES
				? flow_of(IPPROTO_TCP, "10.0.0.1", 1024, "198.51.100.1", 80)
				: flow_of(IPPROTO_TCP, "10.0.0.1", 1024, "192.0.2.1", 443);
	struct pkt in = pkt_new(&f, PKT_ACK);
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in.data, .data_size_in = in.len,
		    .repeat = FRAMES, .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);
	uint64_t cpu, softirq, n;
	char ifname[IF_NAMESIZE];

	assert(in.len == VETH_FRAME);

	snprintf(ifname, sizeof(ifname), "send-%s", r->pair);
	b->veth->bss->out = if_nametoindex(ifname);
	b->veth->bss->flow_mask = r->flows - 1;
	b->veth->bss->came = 0;
	memcpy(b->veth->bss->eth, in.data, sizeof(b->veth->bss->eth));
	softirq = softirq_ns(b);
	cpu = figure_cpu_ns();
	if (bpf_prog_test_run_opts(bpf_program__fd(b->veth->progs.generate), &run))
		die("live frames");
	cpu = figure_cpu_ns() - cpu;
	n = wait_for_last(b);
	cpu += softirq_ns(b) - softirq;
	r->mpps[round] = (double)n * 1e3 / (double)cpu;
	r->lost[round] = (FRAMES - (double)n) / FRAMES;
}

static const struct row *find_row(const char *name)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	assert(!"a row of this name");
	return NULL;
}

static void print_row(const struct row *r)
{
	const struct row *other = r->against ? find_row(r->against) : NULL;
	struct figure f = { .name = r->name, .unit = "Mpps", .bar = r->bar, .at_least = 1 };
	double lost = figure_median(r->lost, ROUNDS);
	char note[64];

	figure_of(&f, r->mpps, r->against, other ? other->mpps : NULL, ROUNDS);
	if (lost > 0.001) {
		snprintf(note, sizeof(note), "%.1f %% lost on full queues", 100 * lost);
		f.note = note;
	}
	figure_print(&f);
}

int main(int argc, char **argv)
{
	const struct kind served = { .proto = IPPROTO_TCP };
	struct plane *tables = plane_load();
	struct bench b = { .harness = kind_harness(tables), .veth = veth_bpf__open_and_load() };
	regex_t wanted;

	if (argc != 3 || !b.veth || regcomp(&wanted, argv[2], REG_EXTENDED | REG_NOSUB))
		return 1;
	kind_load(&served, tables);
	attach_all(&b, argv[1]);
	stay_on_one_cpu(&b);
	for (uint32_t round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < N_ROWS; i++)
			measure(&b, &rows[i], round);
	for (size_t i = 0; i < N_ROWS; i++)
		if (!regexec(&wanted, rows[i].name, 0, NULL, 0))
			print_row(&rows[i]);
	regfree(&wanted);
	close(b.softirq_fd);
	veth_bpf__destroy(b.veth);
	harness_bpf__destroy(b.harness);
	plane_free(tables);
	return 0;
}
