/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_packet.c - what a packet costs in the packet program, net of the harness.
 *
 * Every row is measured once a round, all rows after each other, in thread CPU time over REPEAT
 * runs of the harness and its target in the kernel. Net = the row - the harness with the same
 * packets and flows and a target that only says XDP_TX, measured right before it, since these
 * machines drift within a round -
 * what it costs the harness to take the outer header off again (measured in the same round).
 * Printed is the median over the rounds. One JSON object a line; an argument is a regular
 * expression of the rows wanted. */
#include <assert.h>
#include <netinet/in.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../lib/plane.h"
#include "tests/bench/harness.skel.h"

#define ROUNDS    15
#define REPEAT    1000000
#define VIPS      8
#define ENDPOINTS 100
#define ROWS      16384

enum target {
	ONLY_TX,
	LEAST_V4,
	LEAST_V6,
	WEIR
};

struct row {
	const char *name;
	enum target target;
	struct pkt (*packet)(void);
	uint32_t flows, growth, shake;
	int floor;                        /* index of the row its ratio is against; -1: none */
	double bar;                       /* 0: none */
	int bar_of_net;                   /* the bar is in ns, not a ratio */
	double ns[ROUNDS], tx_ns[ROUNDS]; /* tx_ns: only XDP_TX, right before */
};

static struct pkt tcp4(uint8_t flags, const char *dst)
{
	struct flow f = flow_of(IPPROTO_TCP, "10.0.0.1", 1024, dst, 443);

	return pkt_payload(pkt_new(&f, flags), 8);
}

static struct pkt data4(void)
{
	return tcp4(PKT_ACK, "192.0.2.1");
}

static struct pkt syn4(void)
{
	return tcp4(PKT_SYN, "192.0.2.1");
}

static struct pkt foreign4(void)
{
	return tcp4(PKT_ACK, "198.51.100.1");
}

static struct pkt data6(void)
{
	struct flow f = flow_of(IPPROTO_TCP, "2001:db8:1::1", 1024, "2001:db8::1", 443);

	return pkt_payload(pkt_new(&f, PKT_ACK), 8);
}

static struct pkt udp4(void)
{
	struct flow f = flow_of(IPPROTO_UDP, "10.0.0.1", 1024, "192.0.2.1", 443);

	return pkt_payload(pkt_new(&f, 0), 8);
}

enum {
	TX,
	UNDO,
	LEAST4,
	LEAST6
};

static struct row rows[] = {
	[TX] = { "packet/xdp-tx", ONLY_TX, data4, 1, 0, 0, -1, 0, 0, { 0 }, { 0 } },
	[UNDO] = { "packet/harness-undo", ONLY_TX, data4, 1, 0, 1, -1, 0, 0, { 0 }, { 0 } },
	[LEAST4] = { "packet/least-ipip4", LEAST_V4, data4, 1, 20, 0, -1, 0, 0, { 0 }, { 0 } },
	[LEAST6] = { "packet/least-ipip6", LEAST_V6, data6, 1, 40, 0, -1, 0, 0, { 0 }, { 0 } },
	{ "packet/tcp4-data-1", WEIR, data4, 1, 20, 0, LEAST4, 3, 0, { 0 }, { 0 } },
	{ "packet/tcp4-data-131072", WEIR, data4, 131072, 20, 0, LEAST4, 3, 0, { 0 }, { 0 } },
	{ "packet/tcp4-syn-1", WEIR, syn4, 1, 20, 0, LEAST4, 0, 0, { 0 }, { 0 } },
	{ "packet/tcp4-syn-131072", WEIR, syn4, 131072, 20, 0, LEAST4, 0, 0, { 0 }, { 0 } },
	{ "packet/udp4-1", WEIR, udp4, 1, 20, 0, LEAST4, 0, 0, { 0 }, { 0 } },
	{ "packet/udp4-131072", WEIR, udp4, 131072, 20, 0, LEAST4, 0, 0, { 0 }, { 0 } },
	{ "packet/tcp6-data-1", WEIR, data6, 1, 40, 0, LEAST6, 3, 0, { 0 }, { 0 } },
	{ "packet/tcp6-data-131072", WEIR, data6, 131072, 40, 0, LEAST6, 3, 0, { 0 }, { 0 } },
	{ "packet/not-for-us-1", WEIR, foreign4, 1, 0, 0, TX, 8, 1, { 0 }, { 0 } },
	{ "packet/not-for-us-131072", WEIR, foreign4, 131072, 0, 0, TX, 8, 1, { 0 }, { 0 } },
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

/* VIPS services of either family and protocol over ENDPOINTS endpoints each, as their own. */
static struct plane *load_plane(void)
{
	struct plane *p = plane_load();
	char vip[48], addr[48];

	for (uint32_t v = 1; v <= VIPS; v++) {
		for (int kind = 0; kind < 3; kind++) {
			struct plane_service s;
			uint32_t first = 0;

			snprintf(vip, sizeof(vip), kind == 2 ? "2001:db8::%u" : "192.0.2.%u", v);
			s = plane_add_service(p, vip, kind == 1 ? IPPROTO_UDP : IPPROTO_TCP, 443,
					      ROWS);
			for (uint32_t e = 0; e < ENDPOINTS; e++) {
				uint32_t slot;

				snprintf(addr, sizeof(addr),
					 kind == 2 ? "2001:db8:%x::%x" : "10.%u.1.%u", v, e + 1);
				slot = plane_add_endpoint(
					p, WEIR_MODE_IPIP,
					kind == 2 ? "2001:db8:ff::1" : "10.255.0.1", addr, 1);
				first = first ? first : slot;
			}
			for (uint32_t r = 0; r < s.size; r++)
				plane_set_row(p, s.base + r, first + r % ENDPOINTS, WEIR_ROW_REST);
		}
	}
	return p;
}

static int target_fd(const struct plane *p, const struct harness_bpf *h, enum target t)
{
	switch (t) {
	case ONLY_TX:
		return bpf_program__fd(h->progs.only_tx);
	case LEAST_V4:
		return bpf_program__fd(h->progs.least_v4);
	case LEAST_V6:
		return bpf_program__fd(h->progs.least_v6);
	case WEIR:
		break;
	}
	return plane_fd(p);
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* floor: the same packets and flows, but only XDP_TX. */
static double measure(const struct plane *p, struct harness_bpf *h, const struct row *r, int floor)
{
	enum target target = floor ? ONLY_TX : r->target;
	struct pkt in = r->packet();
	uint8_t out[PKT_MAX];
	uint32_t base, key = 0, fd = (uint32_t)target_fd(p, h, target);
	uint32_t growth = target == ONLY_TX ? 0 : r->growth;
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in.data, .data_size_in = in.len,
		    .data_out = out, .data_size_out = sizeof(out), .repeat = REPEAT);
	uint64_t begin;
	int err;

	h->bss->frame_len = in.len;
	h->bss->growth = growth;
	h->bss->shake = floor ? 0 : r->shake;
	h->bss->flow_mask = r->flows - 1;
	memcpy(&base, in.data + 30, sizeof(base));
	h->bss->vip_base = ntohl(base) & ~255u;
	h->bss->vip_count = r->packet == foreign4 ? 1 : VIPS;
	memcpy(h->bss->eth, in.data, sizeof(h->bss->eth));
	err = bpf_map_update_elem(bpf_map__fd(h->maps.target), &key, &fd, BPF_ANY);
	assert(!err);
	begin = cpu_ns();
	err = bpf_prog_test_run_opts(bpf_program__fd(h->progs.harness), &run);
	if (err || run.retval != (target == WEIR && r->packet == foreign4 ? 2u : 3u)) {
		fprintf(stderr, "%s: error %d, action %u\n", r->name, err, run.retval);
		exit(1);
	}
	assert(run.data_size_out == in.len + growth);
	return (double)(cpu_ns() - begin) / REPEAT;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median over rounds of what a row costs beyond the harness. */
static double net(const struct row *r)
{
	double v[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		double undo = (rows[UNDO].ns[i] - rows[UNDO].tx_ns[i]) / 2;

		v[i] = r->ns[i] - r->tx_ns[i] - (r->growth ? undo : 0);
	}
	qsort(v, ROUNDS, sizeof(v[0]), by_value);
	return v[ROUNDS / 2];
}

static double total(const struct row *r)
{
	double v[ROUNDS];

	memcpy(v, r->ns, sizeof(v));
	qsort(v, ROUNDS, sizeof(v[0]), by_value);
	return v[ROUNDS / 2];
}

static void print_row(const struct row *r)
{
	double value = r == &rows[TX] || r == &rows[UNDO] ? total(r) : net(r);
	const struct row *f = r->floor >= 0 ? &rows[r->floor] : NULL;
	double floor_ns = f ? (f == &rows[TX] ? total(f) : net(f)) : 0;
	int holds = !r->bar || (r->bar_of_net ? value : value / floor_ns) <= r->bar;

	printf("{\"name\":\"%s\",\"value\":%.1f,\"unit\":\"%s\",", r->name, value,
	       r == &rows[TX] || r == &rows[UNDO] ? "ns" : "ns net");
	if (f)
		printf("\"floor\":%.1f,", floor_ns);
	else
		printf("\"floor\":null,");
	if (f && !r->bar_of_net)
		printf("\"ratio\":%.2f,", value / floor_ns);
	else
		printf("\"ratio\":null,");
	if (r->bar)
		printf("\"bar\":%g,", r->bar);
	else
		printf("\"bar\":null,");
	printf("\"holds\":%s}\n", holds ? "true" : "false");
}

int main(int argc, char **argv)
{
	struct plane *p;
	struct harness_bpf *h = harness_bpf__open_and_load();
	regex_t wanted;

	if (!h || regcomp(&wanted, argc > 1 ? argv[1] : "", REG_EXTENDED | REG_NOSUB))
		return 1;
	p = load_plane();
	for (int round = -1; round < ROUNDS; round++) { /* the first one warms up */
		int at = round < 0 ? 0 : round;

		for (size_t i = 0; i < N_ROWS; i++) {
			if (rows[i].target == WEIR && regexec(&wanted, rows[i].name, 0, NULL, 0))
				continue;
			rows[i].tx_ns[at] = measure(p, h, &rows[i], 1);
			rows[i].ns[at] = measure(p, h, &rows[i], 0);
		}
	}
	for (size_t i = 0; i < N_ROWS; i++)
		if (!regexec(&wanted, rows[i].name, 0, NULL, 0))
			print_row(&rows[i]);
	regfree(&wanted);
	plane_free(p);
	harness_bpf__destroy(h);
	return 0;
}
