/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bed.h - what the agent's side of the packet path is tested with: a network namespace and a BPF
 * file system of the test's own, tables made by hand, and the pinned maps as anybody can read
 * them. */
#ifndef WEIR_TESTS_DATAPLANE_BED_H
#define WEIR_TESTS_DATAPLANE_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dataplane/plane.h"
#include "../lib/pkt.h"

#define ENDPOINTS 16
#define SERVICES  4
#define NOBODY    0xff
#define DRAIN_MS  60000

/* How a service tells its clients apart: its tables have the rows of these services, which may be
 * off. */
struct wish_steer {
	uint8_t n_tables, rows_of[SERVICES];
	bool sliced;
	const uint16_t *class_of; /* by location; NULL: one class */
	uint32_t n_classes;
	struct weir_tables_way way[4 * WEIR_STEER_SLICES]; /* tables counted from the first */
};

/* What the tables shall say. Endpoint e is 10.1.0.<e + 1>, reached on w0 (06:00:00:00:01:00) by
 * MAC 06:00:00:00:00:<e>; service s is 192.0.2.<s + 1>, TCP port 443; service 3 is UDP. */
struct wish {
	struct {
		bool there, alive, disabled;
		uint32_t drain_ms; /* 0: DRAIN_MS */
		uint8_t nat;       /* a mode that translates; 0: one that does not */
		uint16_t port;     /* with nat */
		uint32_t max_conn;
	} endpoint[ENDPOINTS];
	struct wish_service {
		bool on;
		uint8_t with; /* 1 + the service whose balancer it belongs to; 0: its own */
		uint16_t flags;
		uint32_t drain_ms; /* 0: DRAIN_MS; this and what follows are the balancer's */
		uint32_t affinity_ms;
		const struct weir_tables_source *sources;
		uint32_t n_sources;
		uint32_t rate, burst; /* of /24 and /56 */
		uint32_t reverses;    /* a bit for each endpoint whose replies are its */
		bool quic;
		uint8_t rotation,
			id_bytes; /* of ids; what follows: an endpoint's, 0: it has none */
		uint64_t server_id[ENDPOINTS];
		const struct wish_steer *steer; /* NULL: it does not */
		uint32_t size;
		uint8_t rows[WEIR_TABLE_MAX]; /* an endpoint that is there, or NOBODY */
	} service[SERVICES];
	struct weir_nat_sources nat;
	const struct weir_place *places;
	uint32_t n_places, n_locations;
};

struct bed {
	char root[64]; /* the BPF file system */
	char pins[80];
	struct weir_plane_options options; /* of the next bed_return() */
	struct weir_plane *plane;
	struct wish wish;
	uint64_t now_ms;

	/* The pinned maps. */
	struct weir_service *services;
	struct weir_row *rows;
	struct weir_rest *rest;
	struct weir_flow_bucket *flows;
	struct weir_endpoint *endpoints;
	struct weir_endpoint_id *ids;
	struct weir_special *specials;
	struct weir_nat_conf *nat_conf;
	struct weir_conns *conns;
};

/* Group fixture: the namespaces (which end with the process), w0 and its neighbours. */
int bed_make(void **state);
int bed_remove(void **state);

/* Test fixture: a plane with nothing in it; removed again, pins and all. */
int bed_open(void **state);
int bed_close(void **state);

/* The agent goes and another one comes. */
void bed_leave(struct bed *b);
void bed_return(struct bed *b);

/* Endpoints first .. first + n - 1 are there and alive, and take the rows of a service in turn. */
void bed_serve(struct bed *b, uint32_t service, uint32_t size, uint32_t first, uint32_t n);

/* Service shares the rows of with's balancer, whether with is on or not. */
void bed_share(struct bed *b, uint32_t service, uint32_t with);
/* Whose rows a service has: its own, or those of the one it is with. */
const struct wish_service *bed_rows_of(const struct bed *b, uint32_t service);

/* A service's address and protocol, and the one whose balancer it belongs to; the wish as tables.
 */
union weir_addr bed_service_addr(uint32_t service);
uint8_t bed_service_proto(uint32_t service);
uint32_t bed_balancer_of(const struct wish *w, uint32_t service);
const struct weir_tables *bed_tables(const struct wish *w, struct weir_arena *arena);

/* Makes the maps say what the wish says. bed_sync: and that works. */
int bed_try(struct bed *b);
void bed_sync(struct bed *b);
/* So much later, a tick. */
void bed_pass(struct bed *b, uint64_t ms);

/* What is in the maps: an endpoint's slot (0: none), a service (NULL: none), its row. */
uint32_t bed_slot(const struct bed *b, uint32_t endpoint);
struct weir_service *bed_service(const struct bed *b, uint32_t service);
struct weir_row bed_row(const struct bed *b, uint32_t service, uint32_t row);
uint32_t bed_records(const struct bed *b);
/* All flows were silent for longer than anyone remembers; for so many seconds more. */
void bed_silence(struct bed *b);
void bed_silence_s(struct bed *b, uint32_t seconds);

/* Where an endpoint is. */
union weir_addr bed_addr(uint32_t endpoint);

/* A flow of a service; the packet's endpoint, or NOBODY when it did not leave by w0. */
struct flow bed_flow(uint32_t service, uint32_t n);
uint32_t bed_send(const struct bed *b, const struct flow *f, uint8_t tcp_flags);

/* The same of a packet as it is. */
uint32_t bed_send_packet(const struct bed *b, struct pkt in);

/* Flows first, first + 1 and so on of a service, opened now, and the endpoint of each. */
#define BED_FLOWS 32
struct bed_flows {
	struct flow f[BED_FLOWS];
	uint32_t at[BED_FLOWS];
};
struct bed_flows bed_flows(const struct bed *b, uint32_t service, uint32_t first);
/* They are where they were. */
void bed_stay(const struct bed *b, const struct bed_flows *s);

/* New ones go to endpoints first .. first + n - 1. */
void bed_new_flows(const struct bed *b, uint32_t service, uint32_t first, uint32_t n);

struct weir_plane_usage bed_usage(const struct bed *b);
/* Whether two services have a table in common. */
bool bed_one_table(const struct bed *b, uint32_t s, uint32_t o);

#define BED_TESTS(tests) cmocka_run_group_tests(tests, bed_make, bed_remove)
#define BED_TEST(name)   cmocka_unit_test_setup_teardown(name, bed_open, bed_close)

#endif
