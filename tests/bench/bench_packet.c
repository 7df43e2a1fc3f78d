/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_packet.c - what a packet costs in the packet program, net of the harness.
 *
 * A row is a kind of packet (kinds.c) in so many flows. Every row is measured once a round, all
 * rows after each other, in thread CPU time over REPEAT runs of the harness and its target in the
 * kernel. Right before it comes its floor, since these machines drift within a round: the harness
 * with the same packets and flows, taking as much off again, and a target that only says XDP_TX.
 * Net is the difference. Printed are medians over the rounds, and the ratio to the least possible
 * encapsulation in as many flows, in lines of JSON. An argument is a regular expression of the
 * rows wanted. */
#include <assert.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "figures.h"
#include "kinds.h"
#include "tests/bench/harness.skel.h"
#include "weir.skel.h"

#define ROUNDS 11
#define REPEAT (1u << 19)
#define NEW    (1u << 17) /* the least number of runs where every flow comes once */

static const uint32_t flow_counts[] = { 1, 1 << 14, 1 << 17, 1 << 20 };
#define N_FLOWS (sizeof(flow_counts) / sizeof(flow_counts[0]))

struct row {
	const struct kind *kind;
	uint32_t flows;
	char name[64];
	int wanted, needed; /* needed: wanted, or what a wanted one is held against */
	double net[ROUNDS], floor[ROUNDS], share[ROUNDS];
};

struct bench {
	struct plane *planes[2]; /* by kind.nat */
	struct harness_bpf *harness;
	struct row *rows;
	uint32_t n_rows;
};

static struct row *find_row(struct bench *b, const char *kind, uint32_t flows)
{
	for (uint32_t i = 0; i < b->n_rows; i++)
		if (!strcmp(b->rows[i].kind->name, kind) && b->rows[i].flows == flows)
			return &b->rows[i];
	assert(!"a row of this kind");
	return NULL;
}

static int bar_is_of(const struct bar *bar, const struct row *r)
{
	return !strcmp(bar->kind, r->kind->name) && (!bar->flows || bar->flows == r->flows);
}

/* NULL: its bar is in ns. */
static struct row *bar_against(struct bench *b, const struct bar *bar, const struct row *r)
{
	if (!bar->against)
		return NULL;
	return find_row(b, bar->against, bar->against_flows ? bar->against_flows : r->flows);
}

static void need(struct bench *b, const struct row *r)
{
	struct row *other;

	if (r->kind->least)
		find_row(b, r->kind->least, r->flows)->needed = 1;
	for (uint32_t i = 0; i < n_bars; i++) {
		other = bar_is_of(&bars[i], r) ? bar_against(b, &bars[i], r) : NULL;
		if (other)
			other->needed = 1;
	}
}

static void make_rows(struct bench *b, const char *wanted)
{
	regex_t re;

	if (regcomp(&re, wanted, REG_EXTENDED | REG_NOSUB)) {
		fprintf(stderr, "bench_packet: no regular expression: %s\n", wanted);
		exit(1);
	}
	b->rows = calloc(n_kinds * N_FLOWS, sizeof(*b->rows));
	assert(b->rows);
	for (uint32_t k = 0; k < n_kinds; k++) {
		for (uint32_t f = 0; f < N_FLOWS; f++) {
			struct row *r = &b->rows[b->n_rows++];

			r->kind = &kinds[k];
			r->flows = flow_counts[f];
			snprintf(r->name, sizeof(r->name), "packet/%s-%u", kinds[k].name, r->flows);
			r->wanted = r->needed = !regexec(&re, r->name, 0, NULL, 0);
		}
	}
	regfree(&re);
	for (uint32_t i = 0; i < b->n_rows; i++)
		if (b->rows[i].wanted)
			need(b, &b->rows[i]);
}

static struct plane *plane_of(const struct bench *b, const struct row *r)
{
	return b->planes[r->kind->nat];
}

static int target_fd(const struct bench *b, const struct row *r, enum target t)
{
	switch (t) {
	case ONLY_TX:
		return bpf_program__fd(b->harness->progs.only_tx);
	case LEAST_V4:
		return bpf_program__fd(b->harness->progs.least_v4);
	case LEAST_V6:
		return bpf_program__fd(b->harness->progs.least_v6);
	case LEAST_BALANCER:
		return bpf_program__fd(b->harness->progs.least_balancer);
	case WEIR:
		break;
	}
	return plane_fd(plane_of(b, r));
}

static void set_harness(const struct bench *b, const struct row *r, const struct pkt *in,
			enum target target)
{
	uint32_t key = 0, fd = (uint32_t)target_fd(b, r, target);
	struct harness_bpf *h = b->harness;
	int err;

	h->bss->frame_len = in->len;
	h->bss->growth = r->kind->growth;
	h->bss->undo = target == ONLY_TX;
	h->bss->flow_mask = r->flows - 1;
	memcpy(&h->bss->vip_base, in->data + 30, sizeof(h->bss->vip_base));
	h->bss->vip_base = __builtin_bswap32(h->bss->vip_base) & ~255u;
	h->bss->vip_mask = r->kind->why == WEIR_PASS_NOT_OURS ? 0 : BENCH_VIPS - 1;
	h->bss->vary = r->kind->vary;
	memcpy(h->bss->eth, in->data, sizeof(h->bss->eth));
	memcpy(&h->bss->hops, in->data + (in->data[12] == 8 ? 22 : 20), sizeof(h->bss->hops));
	err = bpf_map_update_elem(bpf_map__fd(h->maps.target), &key, &fd, BPF_ANY);
	assert(!err);
}

static uint32_t action_of(const struct kind *k)
{
	if (k->why == WEIR_PASS_NOT_OURS)
		return XDP_PASS;
	return k->why == WEIR_FORWARD_NAT_REPLY ? XDP_REDIRECT : XDP_TX;
}

/* CPU time of so many runs. */
static uint64_t run(const struct bench *b, const struct row *r, enum target target, uint32_t repeat)
{
	struct pkt in = r->kind->packet();
	uint8_t out[PKT_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in.data, .data_size_in = in.len,
		    .data_out = out, .data_size_out = sizeof(out), .repeat = (int)repeat);
	uint32_t action = target == WEIR ? action_of(r->kind) : XDP_TX;
	uint64_t begin, ns;
	int err;

	set_harness(b, r, &in, target);
	begin = figure_cpu_ns();
	err = bpf_prog_test_run_opts(bpf_program__fd(b->harness->progs.harness), &opts);
	ns = figure_cpu_ns() - begin;
	if (err || opts.retval != action ||
	    (target != ONLY_TX && opts.data_size_out != in.len + r->kind->growth)) {
		fprintf(stderr, "%s: error %d, action %u, %u bytes\n", r->name, err, opts.retval,
			opts.data_size_out);
		exit(1);
	}
	return ns;
}

static void forget_flows(struct plane *p)
{
	memset(p->flows, 0, WEIR_FLOW_BUCKETS * sizeof(*p->flows));
}

/* No SYN came before: the same ones come in every run, as if nobody had answered them. */
static void forget_syns(struct plane *p)
{
	memset(p->syns, 0, WEIR_SYN_BUCKETS * sizeof(*p->syns));
}

/* Runs the program that is measured, and adds up how many packets ended as they should, of how
 * many. */
static uint64_t run_counted(const struct bench *b, const struct row *r, uint32_t repeat,
			    uint64_t counts[2])
{
	struct weir_count before[WEIR_REASON_COUNT], after[WEIR_REASON_COUNT];
	enum weir_reason why = r->kind->why;
	struct plane *p = plane_of(b, r);
	uint64_t ns;

	forget_syns(p);
	if (r->kind->flows != AT_REST)
		forget_flows(p);
	if (r->kind->flows == RECORDED) {
		b->harness->bss->twice = 1; /* so that others do not take their place */
		run(b, r, WEIR, 2 * r->flows);
		b->harness->bss->twice = 0;
	}
	plane_counts(p, before);
	ns = run(b, r, WEIR, repeat);
	plane_counts(p, after);
	counts[0] += after[why].packets - before[why].packets;
	if (r->kind->counted && why == WEIR_FORWARD) /* of a single flow the SYN comes again */
		counts[0] += after[WEIR_FORWARD_FLOW].packets - before[WEIR_FORWARD_FLOW].packets;
	counts[1] += repeat;
	return ns;
}

/* What is less than all is only right where flows are recorded and there are more than there is
 * room for. */
static void check_share(const struct row *r, double share)
{
	if (share > 0.999 || (r->kind->flows != AT_REST && r->flows > WEIR_FLOW_BUCKETS))
		return;
	fprintf(stderr, "%s: %.2f %% of the packets end as they should\n", r->name, 100 * share);
	exit(1);
}

static void measure_row(struct bench *b, struct row *r, uint32_t round)
{
	int each_new = r->kind->flows == EACH_NEW && r->flows > 1;
	uint32_t repeat = each_new || r->flows > REPEAT ? r->flows : REPEAT;
	uint32_t calls = repeat < NEW ? NEW / repeat : 1;
	uint64_t counts[2] = { 0 }, floor = 0, ns = 0;

	for (uint32_t i = 0; i < calls; i++)
		floor += run(b, r, ONLY_TX, repeat);
	for (uint32_t i = 0; i < calls; i++)
		ns += r->kind->target == WEIR ? run_counted(b, r, repeat, counts)
					      : run(b, r, r->kind->target, repeat);
	r->floor[round] = (double)floor / ((double)calls * repeat);
	r->net[round] = (double)ns / ((double)calls * repeat) - r->floor[round];
	r->share[round] = counts[1] ? (double)counts[0] / (double)counts[1] : 1;
	check_share(r, r->share[round]);
}

static void measure_round(struct bench *b, uint32_t round)
{
	const struct kind *loaded = NULL;

	for (uint32_t i = 0; i < b->n_rows; i++) {
		struct row *r = &b->rows[i];

		if (!r->needed)
			continue;
		if (r->kind != loaded && r->kind->target >= LEAST_BALANCER)
			kind_load(r->kind, plane_of(b, r));
		loaded = r->kind;
		measure_row(b, r, round);
	}
}

/* Prints a row and what it is held against (may be NULL). bar (may be NULL) is about that, or
 * about the row alone. */
static void print_line(const struct row *r, const struct row *other, const struct bar *bar)
{
	double share = figure_median(r->share, ROUNDS);
	struct figure f = { .name = r->name, .unit = "ns net" };
	char note[64];

	figure_of(&f, r->net, other ? other->name : NULL, other ? other->net : NULL, ROUNDS);
	if (bar) {
		f.bar = bar->most;
		f.bar_of_value = !bar->against;
	}
	if (share < 0.999) {
		snprintf(note, sizeof(note), "room for %.0f %% of the flows", 100 * share);
		f.note = note;
	}
	figure_print(&f);
}

/* A line to hold it against the least encapsulation, and one for each other it has a bar with. */
static void print_row(struct bench *b, const struct row *r)
{
	const struct row *least = r->kind->least ? find_row(b, r->kind->least, r->flows) : NULL;
	const struct bar *of_first = NULL;

	for (uint32_t i = 0; i < n_bars; i++) {
		const struct row *other = bar_against(b, &bars[i], r);

		if (bar_is_of(&bars[i], r) && (!other || other == least))
			of_first = &bars[i];
	}
	print_line(r, least, of_first);
	for (uint32_t i = 0; i < n_bars; i++)
		if (bar_is_of(&bars[i], r) && bars[i].against && &bars[i] != of_first)
			print_line(r, bar_against(b, &bars[i], r), &bars[i]);
}

/* What net is net of, where there is one flow. */
static void print_floors(struct bench *b)
{
	static const char *of[] = { "not-for-us", "tcp4-data" };
	static const char *names[] = { "packet/floor-xdp-tx", "packet/floor-undo" };

	for (int i = 0; i < 2; i++) {
		const struct row *r = find_row(b, of[i], 1);
		struct figure f = { .name = names[i], .unit = "ns" };

		if (!r->needed)
			continue;
		f.value = figure_median(r->floor, ROUNDS);
		figure_print(&f);
	}
}

/* While the harness is attached somewhere (to lo, where no packet is), the kernel need not make
 * its XDP dispatcher anew for each run, which takes 50 ms. */
static void stay_known(const struct bench *b)
{
	if (bpf_program__attach_xdp(b->harness->progs.harness, 1))
		return;
	perror("bench_packet: lo");
	exit(1);
}

int main(int argc, char **argv)
{
	struct bench b = { 0 };

	make_rows(&b, argc > 1 ? argv[1] : "");
	kind_planes(b.planes);
	b.harness = kind_harness(b.planes[0]);
	stay_known(&b);
	for (uint32_t round = 0; round < ROUNDS; round++)
		measure_round(&b, round);
	print_floors(&b);
	for (uint32_t i = 0; i < b.n_rows; i++)
		if (b.rows[i].wanted)
			print_row(&b, &b.rows[i]);
	free(b.rows);
	plane_free(b.planes[0]);
	plane_free(b.planes[1]);
	harness_bpf__destroy(b.harness);
	return 0;
}
