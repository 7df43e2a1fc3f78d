/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stats.c - what the packet path has counted. */
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/mem.h"
#include "dataplane/plane_dns.h"
#include "dataplane/plane_impl.h"
#include "weir.skel.h"

bool weir_plane_endpoint(const struct weir_plane *p, const union weir_addr *addr, __be16 port,
			 uint8_t mode, struct weir_plane_endpoint_stats *out)
{
	uint32_t slot = endpoint_find(p, addr, port, mode);
	int cpus = libbpf_num_possible_cpus();
	struct weir_endpoint_stats *per_cpu;

	*out = (struct weir_plane_endpoint_stats){ 0 };
	if (!slot || cpus < 1)
		return false;
	per_cpu = weir_new_array((size_t)cpus, struct weir_endpoint_stats);
	bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.weir_endpoint_counts), &slot, per_cpu);
	for (int i = 0; i < cpus; i++) {
		out->packets += per_cpu[i].packets;
		out->bytes += per_cpu[i].bytes;
		out->connections += per_cpu[i].connections;
	}
	free(per_cpu);
	out->watched = p->live[slot].syns;
	out->unanswered = p->live[slot].again;
	out->moved = p->live[slot].moved;
	out->refused = p->live[slot].refused;
	out->next_hop = p->endpoints[slot].ifindex != 0;
	out->counted = p->slots[slot].counted;
	if (out->counted) {
		out->open = conns_open(p, slot);
		out->max_conn = p->conns[weir_conns_index(slot)].limit;
	}
	return true;
}

static void sum_counts(int fd, uint32_t n, struct weir_count *out)
{
	int cpus = libbpf_num_possible_cpus();
	struct weir_count *per_cpu = weir_new_array((size_t)cpus, struct weir_count);

	memset(out, 0, n * sizeof(*out));
	for (uint32_t key = 0; key < n; key++) {
		if (bpf_map_lookup_elem(fd, &key, per_cpu))
			continue;
		for (int i = 0; i < cpus; i++) {
			out[key].packets += per_cpu[i].packets;
			out[key].bytes += per_cpu[i].bytes;
		}
	}
	free(per_cpu);
}

void weir_plane_reasons(const struct weir_plane *p, struct weir_count out[WEIR_REASON_COUNT])
{
	sum_counts(bpf_map__fd(p->skel->maps.weir_reason_counts), WEIR_REASON_COUNT, out);
}

void weir_plane_dns_reasons(const struct weir_plane *p,
			    struct weir_count out[WEIR_DNS_REASON_COUNT])
{
	sum_counts(bpf_map__fd(p->skel->maps.weir_dns_counts), WEIR_DNS_REASON_COUNT, out);
}

void weir_plane_usage(const struct weir_plane *p, struct weir_plane_usage *out)
{
	*out = (struct weir_plane_usage){
		.rows = (p->n_units - p->free_units) * ROW_UNIT,
		.max_rows = p->max_rows,
	};
	for (uint32_t i = 0; i < p->n_services; i++)
		out->services += p->service[i].table != NULL;
	for (const struct table *x = p->tables; x; x = x->next)
		out->unsettled_rows += x->unsettled;
	for (uint32_t s = 1; s < p->slot_top; s++) {
		out->endpoints += p->ids[s].used && p->slots[s].wanted;
		out->draining_endpoints += p->ids[s].used && !p->slots[s].wanted;
	}
}

bool weir_plane_was_healthy(const struct weir_plane *p, const union weir_addr *addr, __be16 port)
{
	for (uint8_t mode = 0; mode < WEIR_MODE_COUNT; mode++) {
		uint32_t slot = endpoint_find(p, addr, port, mode);

		if (slot && p->ids[slot].healthy)
			return true;
	}
	return false;
}
