/* SPDX-License-Identifier: GPL-2.0-or-later */
/* zonefile.h - a snapshot of one zone that is a zone file, and questions to it in one line each. */
#ifndef TESTS_UNIT_ZONE_ZONEFILE_H
#define TESTS_UNIT_ZONE_ZONEFILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "asked.h"
#include "base/mem.h"
#include "wire.h"
#include "zone/file.h"

#define SOA_LINE "@ 3600 SOA ns1 hostmaster 7 3600 600 86400 60\n"
#define APEX     SOA_LINE "@ 3600 NS ns1\nns1 300 A 192.0.2.53\n"

struct zonefile {
	struct weir_model model;
	struct weir_zone_conf zone;
	struct weir_zone_file *file;
	const struct weir_zone_file *files[1];
	struct weir_zones *zones;
};

static inline void zonefile_close(struct zonefile *z)
{
	weir_zones_free(z->zones);
	weir_zone_file_free(z->file);
}

static inline void zonefile_open(struct zonefile *z, const char *text)
{
	static const struct weir_self self = { .nsid = "", .version = "" };
	struct weir_err err = { .text = "" };
	struct weir_view view = { .model = &z->model };

	memset(z, 0, sizeof(*z));
	z->zone.name = "example.com";
	z->model.zones = &z->zone;
	z->model.n_zones = 1;
	z->file = weir_zone_file_parse("example.com", text, strlen(text), &err);
	assert_string_equal(err.text, "");
	assert_non_null(z->file);
	z->files[0] = z->file;
	z->zones = weir_zones_build(&view, z->files, &self, NULL, NULL);
}

/* Asks over UDP with EDNS: "RCODE aa | answers | authority | additional", each record as owner,
 * type and data. */
static inline void says(const struct zonefile *z, const char *name, unsigned type, const char *want)
{
	static uint8_t out[WEIR_DNS_UDP_SIZE];
	struct msg m = ask(name, type);
	char got[4096];
	struct reply r;
	unsigned line = 0;
	size_t n;

	add_opt(&m, 1232, 0, 0, 0);
	assert_true(read_reply(&r, out,
			       world_answer(z->zones, m.b, m.len, false, 0, out, sizeof(out)), &m));
	n = (size_t)sprintf(got, "%u%s%s", r.rcode, r.aa ? " aa" : "", r.tc ? " tc" : "");
	for (unsigned section = 1; section <= 3; section++) {
		n += (size_t)sprintf(got + n, " |");
		for (unsigned i = 0; i < r.n[section] - (section == 3); i++, line++) {
			char owner[1100], kind[16], data[2400];
			unsigned ttl;

			assert_int_equal(sscanf(r.lines[line], "%1099s %u %15s %2399[^\n]", owner,
						&ttl, kind, data),
					 4);
			n += (size_t)sprintf(got + n, " %s %s %s;", owner, kind, data);
		}
	}
	assert_string_equal(got, want);
	reply_free(&r);
}

#endif
