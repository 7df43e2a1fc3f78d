/* SPDX-License-Identifier: GPL-2.0-or-later */
/* corpus.h - reads the questions and answers of tests/dns/corpus (its README says how they are
 * written). Knows nothing of user/zone, so that it can judge it. Faults of a file end the program.
 */
#ifndef TESTS_UNIT_ZONE_CORPUS_H
#define TESTS_UNIT_ZONE_CORPUS_H

#include <ctype.h>
#include <stdarg.h>
#include <libzscanner/scanner.h>

#include "wire.h"

#define CORPUS_LINE    16384
#define CORPUS_RECORDS 128
#define CORPUS_OPTIONS 8

/* A record: owner, type, class, TTL and data, nothing of it compressed. */
struct corpus_record {
	uint8_t *wire;
	size_t len;
};

struct corpus_question {
	char where[64];
	char *text;
	bool udp, tcp; /* is put over */
	struct msg query;
	bool has_opt, dnssec_ok;

	/* What is expected. */
	bool silent, no_question, no_opt, cut_udp;
	unsigned flags, rcode; /* AA and so on as in the header */
	struct corpus_record records[3][CORPUS_RECORDS];
	unsigned n[3];
	char *options[CORPUS_OPTIONS]; /* CODE:HEX, with wildcards */
	unsigned n_options;
};

struct corpus_file {
	FILE *f;
	const char *name;
	unsigned line;
	char next[CORPUS_LINE]; /* read ahead */
	zs_scanner_t *scanner;
};

static inline void corpus_fail(const struct corpus_file *c, const char *why)
{
	fprintf(stderr, "%s:%u: %s: %s\n", c->name, c->line, why, c->next);
	abort();
}

/* --- words --- */

static inline unsigned corpus_number(const char *const *names, const unsigned *values,
				     const char *word)
{
	for (unsigned i = 0; names[i]; i++)
		if (!strcmp(names[i], word))
			return values[i];
	return 0;
}

static inline unsigned corpus_flag(const char *word)
{
	static const char *const names[] = { "qr", "aa", "tc", "rd", "ra", "z", "ad", "cd", NULL };
	static const unsigned bits[] = { 0x8000, 0x400, 0x200, 0x100, 0x80, 0x40, 0x20, 0x10 };

	return corpus_number(names, bits, word);
}

/* 0: none of them. */
static inline unsigned corpus_class(const char *word)
{
	static const char *const names[] = { "IN", "CH", "HS", "NONE", "ANY", NULL };
	static const unsigned values[] = { 1, 3, 4, 254, 255 };

	return corpus_number(names, values, word);
}

static inline unsigned corpus_rcode(const struct corpus_file *c, const char *word)
{
	static const char *const names[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
					     "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
					     "NXRRSET", "NOTAUTH", "BADVERS",  NULL };
	static const unsigned values[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16 };
	unsigned n = corpus_number(names, values, word);

	if (!n && strcmp(word, "NOERROR") != 0)
		corpus_fail(c, "no rcode");
	return n;
}

/* --- what zone files have --- */

/* One record with the root as its owner: the scanner's fields hold it. */
static inline void corpus_scan(struct corpus_file *c, const char *text)
{
	if (zs_set_input_string(c->scanner, text, strlen(text)) || zs_parse_record(c->scanner) ||
	    c->scanner->state != ZS_STATE_DATA)
		corpus_fail(c, zs_strerror(c->scanner->error.code));
}

/* A name with escapes; case is kept. */
static inline size_t corpus_name(const char *text, uint8_t *out)
{
	size_t label = 0, at = 1;

	for (; *text && strcmp(text, ".") != 0; text++) {
		if (*text == '.') {
			out[label] = (uint8_t)(at - label - 1);
			label = at++;
		} else if (*text == '\\' && isdigit((unsigned char)text[1])) {
			out[at++] = (uint8_t)((text[1] - '0') * 100 + (text[2] - '0') * 10 +
					      (text[3] - '0'));
			text += 3;
		} else {
			text += *text == '\\';
			out[at++] = (uint8_t)*text;
		}
	}
	out[label] = (uint8_t)(at - label - 1);
	if (out[label])
		out[at++] = 0;
	return at;
}

static inline unsigned corpus_type(struct corpus_file *c, const char *word)
{
	static const char *const names[] = { "ANY", "AXFR", "IXFR", "MAILA", "MAILB", NULL };
	static const unsigned values[] = { 255, 252, 251, 254, 253 };
	unsigned n = corpus_number(names, values, word);
	char line[128];

	if (n)
		return n;
	if (!strncmp(word, "TYPE", 4))
		return (unsigned)atoi(word + 4);
	snprintf(line, sizeof(line), ". 0 NSEC . %s\n", word);
	corpus_scan(c, line); /* a window, its length, and the bits up to that of the type */
	for (unsigned bit = 0; bit < 8; bit++)
		if (c->scanner->r_data[c->scanner->r_data_length - 1] & (0x80 >> bit))
			n = bit;
	return c->scanner->r_data[1] * 256u + (c->scanner->r_data[2] - 1u) * 8 + n;
}

static inline void corpus_hex(struct corpus_file *c, struct msg *m, const char *hex)
{
	for (; isxdigit((unsigned char)hex[0]); hex += 2) {
		unsigned v;

		if (sscanf(hex, "%2x", &v) != 1 || !isxdigit((unsigned char)hex[1]))
			corpus_fail(c, "odd digits");
		add8(m, v);
	}
}

/* --- questions --- */

/* What word is behind "key="; NULL: it is another word. A key alone has an empty value. */
static inline const char *corpus_value(const char *word, const char *key)
{
	size_t n = strlen(key);

	if (strncmp(word, key, n) != 0)
		return NULL;
	return word[n] == '=' ? word + n + 1 : word[n] ? NULL : word + n;
}

struct corpus_words {
	char *word[64];
	unsigned n;
};

static inline const char *corpus_find(const struct corpus_words *w, const char *key,
				      const char *otherwise)
{
	for (unsigned i = 2; i < w->n; i++)
		if (corpus_value(w->word[i], key))
			return corpus_value(w->word[i], key);
	return otherwise;
}

static inline void corpus_opt(struct corpus_file *c, const struct corpus_words *w, struct msg *m)
{
	const char *v;
	size_t at;

	add8(m, 0);
	add16(m, 41);
	add16(m, (unsigned)atoi(corpus_find(w, "size", "1232")));
	add8(m, (unsigned)atoi(corpus_find(w, "ercode", "0")));
	add8(m, (unsigned)atoi(corpus_find(w, "edns", "0")));
	add16(m, (unsigned)strtoul(corpus_find(w, "ez", "0"), NULL, 16) |
			 (corpus_find(w, "do", NULL) ? 0x8000u : 0));
	at = m->len;
	add16(m, 0);
	for (unsigned i = 2; i < w->n; i++) {
		v = corpus_value(w->word[i], "opt");
		if (!v)
			continue;
		add16(m, (unsigned)atoi(v));
		v = strchr(v, ':') + 1;
		add16(m, (unsigned)strlen(v) / 2);
		corpus_hex(c, m, v);
	}
	corpus_hex(c, m, corpus_find(w, "rawopt", ""));
	m->b[at] = (uint8_t)((m->len - at - 2) >> 8);
	m->b[at + 1] = (uint8_t)(m->len - at - 2);
}

static inline void corpus_header(struct corpus_question *q, const struct corpus_words *w)
{
	unsigned flags = (unsigned)atoi(corpus_find(w, "opcode", "0")) << 11 |
			 (unsigned)atoi(corpus_find(w, "rcode", "0"));
	unsigned n[4] = { 1, 0, 0, q->has_opt };
	const char *counts = corpus_find(w, "count", NULL);

	for (unsigned i = 2; i < w->n; i++)
		flags |= corpus_flag(w->word[i]);
	if (counts)
		sscanf(counts, "%u/%u/%u/%u", &n[0], &n[1], &n[2], &n[3]);
	add16(&q->query, 0x1234);
	add16(&q->query, flags);
	for (unsigned i = 0; i < 4; i++)
		add16(&q->query, n[i]);
}

static inline void corpus_question_section(struct corpus_file *c, struct msg *m,
					   const struct corpus_words *w)
{
	unsigned class = 1;

	for (unsigned i = 2; i < w->n; i++) {
		if (corpus_class(w->word[i]))
			class = corpus_class(w->word[i]);
		if (!strncmp(w->word[i], "CLASS", 5))
			class = (unsigned)atoi(w->word[i] + 5);
	}
	m->len += corpus_name(w->word[0], m->b + m->len);
	add16(m, corpus_type(c, w->word[1]));
	add16(m, class);
}

static inline void corpus_ask(struct corpus_file *c, struct corpus_question *q, char *text)
{
	static const char *const opt[] = { "edns", "size", "do", "ez", "ercode", "opt", "rawopt" };
	struct corpus_words w = { .n = 0 };
	const char *body;

	q->text = strdup(text);
	for (char *p = strtok(text, " "); p && w.n < 64; p = strtok(NULL, " "))
		w.word[w.n++] = p;
	for (size_t i = 0; i < sizeof(opt) / sizeof(*opt); i++)
		q->has_opt |= corpus_find(&w, opt[i], NULL) != NULL;
	q->dnssec_ok = corpus_find(&w, "do", NULL);
	q->udp = !corpus_find(&w, "tcp", NULL);
	q->tcp = !corpus_find(&w, "udp", NULL);
	corpus_header(q, &w);
	body = corpus_find(&w, "body", NULL);
	if (body)
		corpus_hex(c, &q->query, body);
	else
		corpus_question_section(c, &q->query, &w);
	corpus_hex(c, &q->query, corpus_find(&w, "before", ""));
	if (q->has_opt)
		corpus_opt(c, &w, &q->query);
	corpus_hex(c, &q->query, corpus_find(&w, "tail", ""));
	q->query.len -= (size_t)atoi(corpus_find(&w, "cut", "0"));
}

/* --- answers --- */

static inline void corpus_expect(const struct corpus_file *c, struct corpus_question *q, char *text)
{
	const char *word = strtok(text, " ");

	q->silent = !strcmp(word, "-");
	q->rcode = q->silent ? 0 : corpus_rcode(c, word);
	while ((word = strtok(NULL, " "))) {
		q->flags |= corpus_flag(word);
		q->no_question |= !strcmp(word, "noquestion");
		q->no_opt |= !strcmp(word, "noopt");
		q->cut_udp |= !strcmp(word, "udp=tc");
	}
}

static inline void corpus_record_line(struct corpus_file *c, struct corpus_question *q,
				      unsigned section, char *text)
{
	struct corpus_record *r = &q->records[section][q->n[section]++];
	const char *name = strtok(text, " "), *ttl = strtok(NULL, " "), *kind = strtok(NULL, " ");
	char *line = malloc(CORPUS_LINE);
	const char *data;
	struct msg *m = calloc(1, sizeof(*m));
	unsigned class = 1;

	if (corpus_class(kind)) {
		class = corpus_class(kind);
		kind = strtok(NULL, " ");
	}
	data = strtok(NULL, "");
	snprintf(line, CORPUS_LINE, ". %s %s %s\n", ttl, kind, data ? data : "");
	corpus_scan(c, line);
	m->len = corpus_name(name, m->b);
	add16(m, c->scanner->r_type);
	add16(m, class);
	add16(m, c->scanner->r_ttl >> 16);
	add16(m, c->scanner->r_ttl);
	r->len = m->len + c->scanner->r_data_length;
	r->wire = malloc(r->len);
	memcpy(r->wire, m->b, m->len);
	memcpy(r->wire + m->len, c->scanner->r_data, c->scanner->r_data_length);
	free(m);
	free(line);
}

static inline void corpus_answer_line(struct corpus_file *c, struct corpus_question *q, char *line)
{
	static const char *const sections[] = { "an ", "au ", "ad " };

	for (unsigned s = 0; s < 3; s++)
		if (!strncmp(line, sections[s], 3) && q->n[s] < CORPUS_RECORDS) {
			corpus_record_line(c, q, s, line + 3);
			return;
		}
	if (!strncmp(line, "= ", 2))
		corpus_expect(c, q, line + 2);
	else if (!strncmp(line, "o ", 2) && q->n_options < CORPUS_OPTIONS)
		q->options[q->n_options++] = strdup(line + 2);
	else
		corpus_fail(c, "no such line");
}

/* --- files --- */

static inline bool corpus_read_line(struct corpus_file *c)
{
	c->line++;
	if (!fgets(c->next, sizeof(c->next), c->f)) {
		*c->next = 0;
		return false;
	}
	c->next[strcspn(c->next, "\n")] = 0;
	return true;
}

static inline void corpus_open(struct corpus_file *c, const char *path)
{
	const char *name = strrchr(path, '/');

	*c = (struct corpus_file){ .f = fopen(path, "re"), .name = name ? name + 1 : path };
	c->scanner = calloc(1, sizeof(*c->scanner));
	if (!c->f || zs_init(c->scanner, ".", 1, 3600))
		corpus_fail(c, "cannot be read");
	corpus_read_line(c);
}

static inline void corpus_close(struct corpus_file *c)
{
	fclose(c->f);
	zs_deinit(c->scanner);
	free(c->scanner);
}

/* The next question, NULL: there is none. corpus_free() it. */
static inline struct corpus_question *corpus_next(struct corpus_file *c)
{
	struct corpus_question *q = calloc(1, sizeof(*q));
	char line[CORPUS_LINE];

	while (*c->next != '?')
		if (!corpus_read_line(c)) {
			free(q);
			return NULL;
		}
	snprintf(q->where, sizeof(q->where), "%s:%u", c->name, c->line);
	strcpy(line, c->next + 2);
	corpus_ask(c, q, line);
	while (corpus_read_line(c) && *c->next != '?') {
		strcpy(line, c->next);
		if (*line && *line != '#')
			corpus_answer_line(c, q, line);
	}
	return q;
}

static inline void corpus_free(struct corpus_question *q)
{
	for (unsigned s = 0; s < 3; s++)
		for (unsigned i = 0; i < q->n[s]; i++)
			free(q->records[s][i].wire);
	for (unsigned i = 0; i < q->n_options; i++)
		free(q->options[i]);
	free(q->text);
	free(q);
}

#endif
