/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mmdb.c - databases in MaxMind's format: the tree of networks, walked once. */
#include <maxminddb.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "geo/geo.h"

#define MAX_NETWORKS 8000000u

struct walk {
	MMDB_s db;
	struct weir_places_builder *to;
	const char *path;
	struct weir_err *err;
	uint32_t n;
	bool v4; /* a tree of IPv4 addresses alone */
};

static bool broken(struct walk *w, const char *why)
{
	weir_err_set(w->err, "agent.geo_database", "%s: %s", w->path, why);
	return false;
}

/* The text at a path of keys, cut to size; "": there is none. */
static void get_text(MMDB_entry_s *e, const char *const *path, char *out, size_t size)
{
	MMDB_entry_data_s d;

	out[0] = 0;
	if (MMDB_aget_value(e, &d, path) != MMDB_SUCCESS || !d.has_data ||
	    d.type != MMDB_DATA_TYPE_UTF8_STRING || d.data_size >= size)
		return;
	memcpy(out, d.utf8_string, d.data_size);
	out[d.data_size] = 0;
}

static bool get_degrees(MMDB_entry_s *e, const char *const *path, double most, int32_t *out)
{
	MMDB_entry_data_s d;

	if (MMDB_aget_value(e, &d, path) != MMDB_SUCCESS || !d.has_data ||
	    d.type != MMDB_DATA_TYPE_DOUBLE || !(d.double_value >= -most && d.double_value <= most))
		return false;
	*out = (int32_t)lround(d.double_value * 1000);
	return true;
}

static struct weir_location location_of(MMDB_entry_s *e)
{
	static const char *const country[] = { "country", "iso_code", NULL };
	static const char *const subdivision[] = { "subdivisions", "0", "iso_code", NULL };
	static const char *const latitude[] = { "location", "latitude", NULL };
	static const char *const longitude[] = { "location", "longitude", NULL };
	struct weir_location is = { 0 };
	char sub[8];

	get_text(e, country, is.country, sizeof(is.country));
	get_text(e, subdivision, sub, sizeof(sub));
	if (strlen(is.country) == 2)
		is.region = weir_region_of(is.country, sub);
	else
		is.country[0] = 0;
	is.at.known = get_degrees(e, latitude, 90, &is.at.latitude) &&
		      get_degrees(e, longitude, 180, &is.at.longitude);
	return is;
}

static bool add(struct walk *w, MMDB_entry_s *e, const uint8_t bits[16], unsigned depth)
{
	struct weir_location is = location_of(e);
	struct weir_prefix of = { .bits = (uint8_t)depth };

	if (w->n++ == MAX_NETWORKS)
		return broken(w, "it has too many networks");
	memcpy(of.addr.b, bits, sizeof(of.addr.b));
	/* Where these databases keep IPv4: at ::/96 of a tree of IPv6. */
	if (w->v4 || (depth >= 96 && !of.addr.q[0] && !of.addr.w[2])) {
		of.bits = (uint8_t)(w->v4 ? depth + 96 : depth);
		of.addr = weir_addr_v4(w->v4 ? &bits[0] : &bits[12]);
	}
	weir_places_add(w->to, &of, &is);
	return true;
}

/* Where a tree of IPv6 has IPv4: at ::/96, and once more wherever else it is led to from, such as
 * 2002::/16. */
static bool is_v4_again(const struct walk *w, uint64_t node, const uint8_t bits[16], unsigned depth)
{
	static const uint8_t zero[12];

	return !w->v4 && node == w->db.ipv4_start_node.node_value &&
	       (depth != 96 || memcmp(bits, zero, sizeof(zero)) != 0);
}

static bool visit(struct walk *w, uint64_t node, uint8_t bits[16], unsigned depth);

/* One half of a node's network: what the record says that its first depth bits lead to. */
static bool follow(struct walk *w, uint8_t type, uint64_t record, MMDB_entry_s *e, uint8_t bits[16],
		   unsigned depth)
{
	switch (type) {
	case MMDB_RECORD_TYPE_SEARCH_NODE:
		return is_v4_again(w, record, bits, depth) || visit(w, record, bits, depth);
	case MMDB_RECORD_TYPE_DATA:
		return add(w, e, bits, depth);
	case MMDB_RECORD_TYPE_EMPTY:
		return true;
	}
	return broken(w, "its tree is broken");
}

/* Below a node, whose network is the first depth bits. */
static bool visit(struct walk *w, uint64_t node, uint8_t bits[16], unsigned depth)
{
	uint8_t mask = (uint8_t)(0x80 >> (depth & 7));
	MMDB_search_node_s n;

	if (depth >= (w->v4 ? 32 : 128) ||
	    MMDB_read_node(&w->db, (uint32_t)node, &n) != MMDB_SUCCESS)
		return broken(w, "its tree is broken");
	if (!follow(w, n.left_record_type, n.left_record, &n.left_record_entry, bits, depth + 1))
		return false;
	bits[depth / 8] |= mask;
	if (!follow(w, n.right_record_type, n.right_record, &n.right_record_entry, bits, depth + 1))
		return false;
	bits[depth / 8] &= (uint8_t)~mask;
	return true;
}

bool weir_mmdb_read(const char *path, struct weir_places_builder *to, struct weir_err *err)
{
	struct walk w = { .to = to, .path = path, .err = err };
	uint8_t bits[16] = { 0 };
	int rc = MMDB_open(path, MMDB_MODE_MMAP, &w.db);
	bool ok;

	if (rc != MMDB_SUCCESS)
		return broken(&w, MMDB_strerror(rc));
	w.v4 = w.db.metadata.ip_version == 4;
	ok = visit(&w, 0, bits, 0);
	MMDB_close(&w.db);
	return ok;
}
