/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_zone.c - a zone of a million names: how long its file takes to read and how much memory it
 * is, how long a change of one name is on its way into a snapshot, and what an answer costs. */
#include <malloc.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "figures.h"
#include "zone/file.h"
#include "zone/zone.h"

#define NAMES   1000000
#define ROUNDS  5
#define ANSWERS 1000000
#define MIB     (1024.0 * 1024.0)

static const struct weir_self self = { "", "", NULL };
static const char *apex = "big.example";

/* "hostN.big.example A" as one line each. */
static char *make_text(size_t *len)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, len);

	if (!f)
		abort();
	fputs("$TTL 300\n@ SOA ns1 h 1 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.1\n", f);
	for (unsigned i = 0; i < NAMES; i++)
		fprintf(f, "host%u A 10.%u.%u.%u\n", i, i >> 16, i >> 8 & 255, i & 255);
	fclose(f);
	return text;
}

/* Bytes that malloc has given out. */
static double in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return (double)(m.uordblks + m.hblkhd);
}

static struct weir_zone_file *load(const char *text, size_t len, double *ms, double *mib)
{
	double before = in_use();
	uint64_t began = figure_cpu_ns();
	struct weir_err err;
	struct weir_zone_file *f = weir_zone_file_parse(apex, text, len, &err);

	if (!f) {
		fprintf(stderr, "bench_zone: %s\n", err.text);
		exit(1);
	}
	*ms = (double)(figure_cpu_ns() - began) / 1e6;
	*mib = (in_use() - before) / MIB;
	return f;
}

/* A document with one record of its own above the file. */
struct world {
	struct weir_zone_conf zone;
	struct weir_record record;
	struct weir_model model;
	struct weir_view view;
};

static void make_world(struct world *w)
{
	*w = (struct world){
		.zone = { .name = apex },
		.record = { .name = "edit.big.example", .type = WEIR_RECORD_A, .ttl = 60 }
	};
	weir_addr_parse("192.0.2.7", &w->record.addr);
	w->model.zones = &w->zone;
	w->model.records = &w->record;
	w->model.n_zones = w->model.n_records = 1;
	w->view.model = &w->model;
}

static double change_us(const struct world *w, const struct weir_zone_file *const *files)
{
	uint64_t began = figure_cpu_ns();
	struct weir_zones *z = weir_zones_build(&w->view, files, &self, NULL, NULL);
	uint64_t ended = figure_cpu_ns();

	weir_zones_free(z);
	return (double)(ended - began) / 1e3;
}

static size_t ask(uint8_t *out, unsigned host)
{
	static const uint8_t header[] = { 1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
	char label[16];
	size_t n = sizeof(header), l = (size_t)sprintf(label, "host%u", host);

	memcpy(out, header, n);
	out[n++] = (uint8_t)l;
	memcpy(out + n, label, l);
	n += l;
	memcpy(out + n, "\3big\7example\0\0\1\0\1", 17);
	return n + 17;
}

/* Of names all over the zone. */
static double answer_ns(const struct weir_zones *z)
{
	struct weir_asker who = { .random = 1 };
	uint8_t query[64], out[WEIR_DNS_UDP_SIZE];
	uint64_t began = figure_cpu_ns();
	struct weir_told told;
	unsigned missing = 0;

	for (unsigned i = 0; i < ANSWERS; i++) {
		size_t len = ask(query, (unsigned)(i * 7919ull % NAMES));

		weir_zones_answer(z, query, len, &who, out, sizeof(out), &told);
		missing += told.outcome != WEIR_DNS_ANSWER_TOLD;
	}
	if (missing) {
		fprintf(stderr, "bench_zone: %u of %u questions have no answer\n", missing,
			ANSWERS);
		exit(1);
	}
	return (double)(figure_cpu_ns() - began) / ANSWERS;
}

static void print(const char *name, const char *unit, const double *rounds, double bar)
{
	struct figure f = { .name = name, .unit = unit, .bar = bar, .bar_of_value = 1 };

	figure_of(&f, rounds, NULL, NULL, ROUNDS);
	figure_print(&f);
}

int main(int argc, char **argv)
{
	double ms[ROUNDS], mib[ROUNDS], us[ROUNDS], ns[ROUNDS];
	const struct weir_zone_file *files[1];
	struct weir_zones *z;
	struct world w;
	char *text;
	size_t len;
	regex_t re;

	if (argc > 1 && *argv[1] &&
	    (regcomp(&re, argv[1], REG_EXTENDED | REG_NOSUB) || regexec(&re, "zone/", 0, NULL, 0)))
		return 0;
	text = make_text(&len);
	make_world(&w);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct weir_zone_file *f = load(text, len, &ms[i], &mib[i]);

		files[0] = f;
		us[i] = change_us(&w, files);
		z = weir_zones_build(&w.view, files, &self, NULL, NULL);
		ns[i] = answer_ns(z);
		weir_zones_free(z);
		weir_zone_file_free(f);
	}
	free(text);
	print("zone/1000000-names-read", "ms", ms, 3000);
	print("zone/1000000-names-memory", "MiB", mib, 400);
	print("zone/1000000-names-one-changed", "us", us, 50000);
	print("zone/1000000-names-answer", "ns", ns, 0);
	return 0;
}
