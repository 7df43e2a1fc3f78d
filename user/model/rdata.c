/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rdata.c - the content of DNS records, read as a line of a zone file would be. */
#include "model/rdata.h"

#include <libzscanner/scanner.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define TXT_PART 255 /* bytes of one text of a TXT */

struct weir_rdata {
	zs_scanner_t scanner;
	char *line;
	size_t room;
};

static const struct {
	char word[12];
	uint16_t number;
} types[] = {
	{ "NS", 2 },     { "PTR", 12 },  { "HINFO", 13 },  { "MX", 15 },         { "TXT", 16 },
	{ "LOC", 29 },   { "SRV", 33 },  { "NAPTR", 35 },  { "CERT", 37 },       { "DS", 43 },
	{ "SSHFP", 44 }, { "TLSA", 52 }, { "SMIMEA", 53 }, { "OPENPGPKEY", 61 }, { "SVCB", 64 },
	{ "HTTPS", 65 }, { "SPF", 99 },  { "URI", 256 },   { "CAA", 257 },
};

struct weir_rdata *weir_rdata_new(void)
{
	return weir_new(struct weir_rdata);
}

void weir_rdata_free(struct weir_rdata *r)
{
	if (r)
		free(r->line);
	free(r);
}

bool weir_rdata_known(const char *type, uint16_t *number)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (strcmp(types[i].word, type) == 0) {
			*number = types[i].number;
			return true;
		}
	}
	return false;
}

static char *put(char *p, const char *text)
{
	size_t n = strlen(text);

	memcpy(p, text, n);
	return p + n;
}

/* Texts of at most 255 bytes in quotes. */
static char *quote(char *p, const char *text)
{
	size_t n = 0;

	*p++ = '"';
	for (; *text; text++, n++) {
		if (n && n % TXT_PART == 0)
			p = put(p, "\" \"");
		if (*text == '"' || *text == '\\')
			*p++ = '\\';
		*p++ = *text;
	}
	*p++ = '"';
	return p;
}

/* A line of a zone file: "x. 1 IN TYPE CONTENT". */
static size_t write_line(struct weir_rdata *r, const char *type, const char *content)
{
	size_t need = 6 * strlen(content) + 64;
	bool text = strcmp(type, "TXT") == 0 || strcmp(type, "SPF") == 0;
	char *p;

	if (need > r->room) {
		r->line = weir_grow(r->line, need, 1);
		r->room = need;
	}
	p = put(r->line, "x. 1 IN ");
	p = put(p, type);
	*p++ = ' ';
	p = text && !strchr(content, '"') ? quote(p, content) : put(p, content);
	*p++ = '\n';
	return (size_t)(p - r->line);
}

/* Every byte stays within the line. */
static const char *content_fault(const char *content)
{
	for (const char *c = content; *c; c++)
		if ((unsigned char)*c < ' ' && *c != '\t')
			return "has a control character";
	return content[strspn(content, " \t")] ? NULL : "is empty";
}

const uint8_t *weir_rdata_read(struct weir_rdata *r, const char *type, const char *content,
			       size_t *len, const char **why)
{
	zs_scanner_t *s = &r->scanner;
	const uint8_t *out = NULL;
	size_t line;

	*why = content_fault(content);
	if (*why)
		return NULL;
	line = write_line(r, type, content);
	if (zs_init(s, ".", 1, 1) || zs_set_input_string(s, r->line, line) || zs_parse_record(s)) {
		*why = zs_strerror(s->error.code);
	} else if (s->state != ZS_STATE_DATA) {
		*why = s->state == ZS_STATE_ERROR ? zs_strerror(s->error.code) : "is empty";
	} else if (zs_parse_record(s) || s->state != ZS_STATE_EOF) {
		*why = "does not end";
	} else {
		*len = s->r_data_length;
		out = s->r_data;
	}
	zs_deinit(s);
	return out;
}
