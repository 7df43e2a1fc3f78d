/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kinds.h - what packets are measured, on which tables: the description that bench_packet.c goes
 * by. */
#ifndef WEIR_BENCH_KINDS_H
#define WEIR_BENCH_KINDS_H

#include "../lib/plane.h"
#include "harness.h"

enum target {
	ONLY_TX,
	LEAST_V4,
	LEAST_V6,
	LEAST_BALANCER, /* over the tables of WEIR */
	WEIR
};

/* What the flow table knows of the flows. Without rows that were changed it is never asked. */
enum flow_table {
	AT_REST,
	RECORDED, /* each, as far as there is room */
	EACH_NEW, /* none, and no flow comes twice, but where there is but one */
};

struct kind {
	const char *name;
	enum target target;
	struct pkt (*packet)(void);
	uint32_t growth; /* what the target puts in front */
	const char *least;
	enum vary vary;

	/* The services that are loaded, and what becomes of the packets. */
	int nat; /* the program looks for replies of endpoints that take no tunnel */
	uint8_t proto;
	int v6;
	enum weir_mode mode;
	enum flow_table flows;
	int counted; /* open connections are: flows are recorded in rows at rest */
	int steered; /* by slices of clients; 2: by where they are, too */
	enum weir_reason why;
};
extern const struct kind kinds[];
extern const uint32_t n_kinds;

/* What must hold. flows 0: for each number of flows. */
struct bar {
	const char *kind;
	uint32_t flows;
	const char *against; /* NULL: most is in ns net, else a ratio */
	uint32_t against_flows;
	double most;
};
extern const struct bar bars[];
extern const uint32_t n_bars;

/* Moves this process into a network in which there is a way to clients (replies to them are
 * routed), and loads the program without and with what kind.nat asks for. */
void kind_planes(struct plane *planes[2]);

/* Makes the tables those of this kind: BENCH_VIPS services of BENCH_ENDPOINTS each, which no two
 * share. */
void kind_load(const struct kind *k, struct plane *p);

/* The programs that WEIR is held against; the tables of LEAST_BALANCER are those of the plane.
 * harness_bpf__destroy(). */
struct harness_bpf;
struct harness_bpf *kind_harness(const struct plane *p);

#endif
