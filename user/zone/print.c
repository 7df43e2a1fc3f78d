/* SPDX-License-Identifier: GPL-2.0-or-later */
/* print.c - records as lines of a zone file. */
#include "zone/print.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "zone/names.h"
#include "zone/walk.h"

/* Of which fields data are: n name, h 16 bits, w 32 bits, b 8 bits, 4 and 6 addresses, t texts to
 * the end, T one text, q the rest in quotes, x the rest in hexadecimal. */
static const struct {
	const char *word, *fields;
	uint16_t type;
} types[] = {
	{ "A", "4", 1 },         { "NS", "n", 2 },          { "CNAME", "n", 5 },
	{ "SOA", "nnwwwww", 6 }, { "PTR", "n", 12 },        { "HINFO", "TT", 13 },
	{ "MX", "hn", 15 },      { "TXT", "t", 16 },        { "AAAA", "6", 28 },
	{ "SRV", "hhhn", 33 },   { "NAPTR", "hhTTTn", 35 }, { "DS", "hbbx", 43 },
	{ "SSHFP", "bbx", 44 },  { "TLSA", "bbbx", 52 },    { "SPF", "t", 99 },
	{ "CAA", "bcq", 257 },   { "URI", "hhq", 256 },     { "ANY", "", 255 },
	{ "LOC", "", 29 },       { "CERT", "", 37 },        { "RRSIG", "", 46 },
	{ "NSEC", "", 47 },      { "DNSKEY", "", 48 },      { "SVCB", "", 64 },
	{ "HTTPS", "", 65 },
};
#define N_TYPES (sizeof(types) / sizeof(*types))

const char *weir_type_text(uint16_t type, char out[WEIR_TYPE_TEXT])
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (types[i].type == type)
			return types[i].word;
	snprintf(out, WEIR_TYPE_TEXT, "TYPE%u", type);
	return out;
}

uint16_t weir_type_parse(const char *text)
{
	char *end;
	unsigned long n;

	for (size_t i = 0; i < N_TYPES; i++)
		if (!strcasecmp(types[i].word, text))
			return types[i].type;
	if (strncasecmp(text, "TYPE", 4) || text[4] < '0' || text[4] > '9')
		return 0;
	n = strtoul(text + 4, &end, 10);
	return *end || n > UINT16_MAX ? 0 : (uint16_t)n;
}

/* --- data --- */

struct cursor {
	FILE *to; /* NULL: it is only looked whether the data are of this form */
	const uint8_t *p;
	size_t left;
};

static void put(const struct cursor *c, const char *text)
{
	if (c->to)
		fputs(text, c->to);
}

static bool print_number(struct cursor *c, size_t bytes)
{
	char text[16];
	uint32_t n = 0;

	if (c->left < bytes)
		return false;
	for (size_t i = 0; i < bytes; i++)
		n = n << 8 | c->p[i];
	c->p += bytes;
	c->left -= bytes;
	snprintf(text, sizeof(text), "%u", n);
	put(c, text);
	return true;
}

static bool print_name(struct cursor *c)
{
	char text[WEIR_NAME_TEXT];
	struct weir_name name;
	size_t end = weir_name_read(c->p, c->left, 0, &name);

	if (!end)
		return false;
	put(c, weir_name_text(c->p, text));
	c->p += end;
	c->left -= end;
	return true;
}

static void print_quoted(const struct cursor *c, size_t n)
{
	put(c, "\"");
	for (size_t i = 0; c->to && i < n; i++) {
		if (c->p[i] < ' ' || c->p[i] > '~')
			fprintf(c->to, "\\%03u", c->p[i]);
		else
			fprintf(c->to, c->p[i] == '"' || c->p[i] == '\\' ? "\\%c" : "%c", c->p[i]);
	}
	put(c, "\"");
}

static bool print_text(struct cursor *c)
{
	size_t n;

	if (!c->left || c->left < 1u + c->p[0])
		return false;
	n = *c->p++;
	print_quoted(c, n);
	c->p += n;
	c->left -= 1 + n;
	return true;
}

/* The tag of CAA: a text without quotes. */
static bool print_tag(struct cursor *c)
{
	size_t n;

	if (!c->left || c->left < 1u + c->p[0] || !c->p[0])
		return false;
	n = *c->p++;
	for (size_t i = 0; i < n; i++)
		if (!((c->p[i] | 32) >= 'a' && (c->p[i] | 32) <= 'z') &&
		    !(c->p[i] >= '0' && c->p[i] <= '9'))
			return false;
	if (c->to)
		fwrite(c->p, 1, n, c->to);
	c->p += n;
	c->left -= 1 + n;
	return true;
}

static bool print_address(struct cursor *c, int family)
{
	size_t n = family == AF_INET ? 4 : 16;
	char text[INET6_ADDRSTRLEN];

	if (c->left < n || !inet_ntop(family, c->p, text, sizeof(text)))
		return false;
	put(c, text);
	c->p += n;
	c->left -= n;
	return true;
}

static bool print_hex(struct cursor *c)
{
	for (; c->left; c->left--, c->p++)
		if (c->to)
			fprintf(c->to, "%02x", *c->p);
	return true;
}

static bool print_field(struct cursor *c, char field)
{
	switch (field) {
	case 'n':
		return print_name(c);
	case 'b':
		return print_number(c, 1);
	case 'h':
		return print_number(c, 2);
	case 'w':
		return print_number(c, 4);
	case '4':
		return print_address(c, AF_INET);
	case '6':
		return print_address(c, AF_INET6);
	case 'T':
		return print_text(c);
	case 'c':
		return print_tag(c);
	case 'x':
		return c->left && print_hex(c);
	case 'q':
		print_quoted(c, c->left);
		c->left = 0;
		return true;
	}
	while (print_text(c))
		if (c->left)
			put(c, " ");
	return true;
}

static bool print_fields(struct cursor *c, const char *fields)
{
	for (const char *f = fields; *f; f++) {
		if (f != fields)
			put(c, " ");
		if (!print_field(c, *f))
			return false;
	}
	return *fields && !c->left;
}

static const char *fields_of(uint16_t type)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (types[i].type == type)
			return types[i].fields;
	return "";
}

void weir_rdata_print(FILE *to, uint16_t type, const uint8_t *data, size_t len)
{
	struct cursor try = { NULL, data, len }, c = { to, data, len };

	if (print_fields(&try, fields_of(type))) {
		print_fields(&c, fields_of(type));
		return;
	}
	fprintf(to, "\\# %zu ", len);
	print_hex(&c);
}

/* --- zones --- */

static void print_record(FILE *to, const uint8_t *owner, uint16_t type, const struct weir_rr *rr)
{
	const uint8_t *ttl = rr->wire + 4;
	char name[WEIR_NAME_TEXT], word[WEIR_TYPE_TEXT];

	fprintf(to, "%s %u IN %s ", weir_name_text(owner, name),
		(unsigned)ttl[0] << 24 | (unsigned)ttl[1] << 16 | (unsigned)ttl[2] << 8 | ttl[3],
		weir_type_text(type, word));
	weir_rdata_print(to, type, rr->wire + WEIR_RR_FIXED, rr->len - WEIR_RR_FIXED);
	fputc('\n', to);
}

bool weir_zone_print(FILE *to, const struct weir_zones *z, const char *name)
{
	const struct weir_zone *zone;
	struct weir_walked of;
	struct weir_name wire;
	struct weir_walk w;

	zone = z && weir_name_parse(name, &wire) ? weir_zones_zone(z, &wire) : NULL;
	if (!zone)
		return false;
	print_record(to, zone->apex->name, WEIR_TYPE_SOA, &zone->soa);
	weir_walk_begin(&w, z, zone, false);
	while (weir_walk_next(&w, &of))
		print_record(to, of.node->name, of.type, of.rr);
	return true;
}
