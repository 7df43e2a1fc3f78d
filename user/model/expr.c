/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/expr.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH  32   /* of parentheses and nots: recursion ends there */
#define MAX_NODES  1024 /* of a tree */
#define MAX_VALUES 4096 /* of all sets together */

enum kind {
	KIND_ADDR,
	KIND_TEXT,
	KIND_NUMBER,
	KIND_TRUTH,
};

/* By enum weir_expr_field. */
static const struct {
	const char *name;
	enum kind kind;
} fields[] = {
	{ "ip.src", KIND_ADDR },
	{ "cf.load_balancer.name", KIND_TEXT },
	{ "cf.load_balancer.region", KIND_TEXT },
	{ "dns.qry.name", KIND_TEXT },
	{ "dns.qry.name.len", KIND_NUMBER },
	{ "dns.qry.qu", KIND_TRUTH },
	{ "dns.qry.type", KIND_NUMBER },
	{ "dns.rr.opt.client", KIND_TRUTH },
	{ "dns.rr.opt.client.addr", KIND_ADDR },
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

struct parse {
	struct weir_arena *arena;
	const char *text, *at;
	bool proxied;
	unsigned depth;
	uint32_t nodes, values;
	char *why;
	size_t size;
};

static struct weir_expr *parse_or(struct parse *p);
static struct weir_expr *parse_term(struct parse *p);

/* Returns NULL, for a caller to return. */
static __attribute__((format(printf, 2, 3))) void *fail(struct parse *p, const char *fmt, ...)
{
	int n = snprintf(p->why, p->size, "at character %zu: ", (size_t)(p->at - p->text) + 1);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->why + n, p->size - (size_t)n, fmt, ap);
	va_end(ap);
	return NULL;
}

static void skip_spaces(struct parse *p)
{
	p->at += strspn(p->at, " \t\r\n");
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_';
}

static size_t word_len(const struct parse *p)
{
	size_t n = 0;

	while (is_word(p->at[n]))
		n++;
	return n;
}

/* Takes one of two spellings of an operator: a word, which ends there, or signs. */
static bool take(struct parse *p, const char *word, const char *signs)
{
	skip_spaces(p);
	if (word && word_len(p) == strlen(word) && !strncmp(p->at, word, strlen(word))) {
		p->at += strlen(word);
		return true;
	}
	if (!signs || strncmp(p->at, signs, strlen(signs)) != 0)
		return false;
	p->at += strlen(signs);
	return true;
}

static struct weir_expr *node(struct parse *p, enum weir_expr_op op, const struct weir_expr *a,
			      const struct weir_expr *b)
{
	struct weir_expr *e;

	if (++p->nodes > MAX_NODES)
		return fail(p, "more than %d terms", MAX_NODES);
	e = weir_arena_new_array(p->arena, 1, struct weir_expr);
	*e = (struct weir_expr){ .op = op, .a = a, .b = b };
	return e;
}

/* --- values --- */

static bool take_prefix(struct parse *p, struct weir_prefix *out)
{
	size_t n = strspn(p->at, "0123456789abcdefABCDEF.:/");
	char text[64];

	if (n < sizeof(text)) {
		memcpy(text, p->at, n);
		text[n] = 0;
		if (weir_prefix_parse(text, out)) {
			p->at += n;
			return true;
		}
	}
	return fail(p, "an address or a prefix is expected, as 192.0.2.0/24 (bits behind the "
		       "length must be 0)");
}

/* In double quotes; \" and \\ stand for themselves. */
static bool take_text(struct parse *p, const char **out)
{
	const char *c = p->at;
	char *to;

	if (*c != '"')
		return fail(p, "a text in double quotes is expected");
	*out = to = weir_arena_alloc(p->arena, strlen(c), 1);
	for (c++; *c && *c != '"'; c++) {
		if (*c == '\\' && c[1] != '"' && c[1] != '\\')
			return fail(p, "\\ stands before \" and \\ only");
		c += *c == '\\';
		*to++ = *c;
	}
	if (!*c)
		return fail(p, "a text does not end");
	p->at = c + 1;
	return true;
}

static bool take_number(struct parse *p, uint32_t *out)
{
	size_t n = strspn(p->at, "0123456789");

	if (!n || n > 9)
		return fail(p, "a whole number is expected, of 9 digits at most");
	*out = (uint32_t)strtoul(p->at, NULL, 10);
	p->at += n;
	return true;
}

/* "5", or in a set also "1..5". */
static bool take_range(struct parse *p, bool set, struct weir_expr_range *out)
{
	if (!take_number(p, &out->lo))
		return false;
	out->hi = out->lo;
	if (!set || strncmp(p->at, "..", 2) != 0)
		return true;
	p->at += 2;
	return take_number(p, &out->hi) &&
	       (out->hi >= out->lo || fail(p, "a range ends before it begins"));
}

/* The next value of e, whose arrays have room for it. */
static bool take_value(struct parse *p, struct weir_expr *e, bool set)
{
	uint32_t i = e->n++;

	if (++p->values > MAX_VALUES)
		return fail(p, "more than %d values", MAX_VALUES);
	switch (fields[e->field].kind) {
	case KIND_ADDR:
		return take_prefix(p, (struct weir_prefix *)&e->prefixes[i]);
	case KIND_TEXT:
		return take_text(p, &e->texts[i]);
	default:
		return take_range(p, set, (struct weir_expr_range *)&e->ranges[i]);
	}
}

static void make_room(struct parse *p, struct weir_expr *e, size_t n)
{
	if (fields[e->field].kind == KIND_ADDR)
		e->prefixes = weir_arena_new_array(p->arena, n, struct weir_prefix);
	else if (fields[e->field].kind == KIND_TEXT)
		e->texts = weir_arena_new_array(p->arena, n, const char *);
	else
		e->ranges = weir_arena_new_array(p->arena, n, struct weir_expr_range);
}

/* How many values a set can have at the most: behind each of them there is a space or a quote. */
static size_t set_room(const char *s)
{
	bool text = false;
	size_t n = 1;

	for (; *s && (text || *s != '}'); s++) {
		n += strchr(" \t\r\n\"", *s) != NULL;
		if (text && *s == '\\' && s[1])
			s++;
		else if (*s == '"')
			text = !text;
	}
	return n;
}

static struct weir_expr *parse_set(struct parse *p, struct weir_expr *e)
{
	if (!take(p, NULL, "{"))
		return fail(p, "{ and values are expected behind in");
	make_room(p, e, set_room(p->at));
	for (skip_spaces(p); *p->at && *p->at != '}'; skip_spaces(p))
		if (!take_value(p, e, true))
			return NULL;
	if (!e->n)
		return fail(p, "a set of nothing");
	return take(p, NULL, "}") ? e : fail(p, "a set does not end");
}

/* --- comparisons --- */

static const struct order {
	const char *word, *signs;
	bool up, equal; /* the larger ones, and itself */
} orders[] = {
	{ "le", "<=", false, true },
	{ "ge", ">=", true, true },
	{ "lt", "<", false, false },
	{ "gt", ">", true, false },
};

static struct weir_expr *parse_order(struct parse *p, struct weir_expr *e, const struct order *o)
{
	struct weir_expr_range *r;

	if (fields[e->field].kind != KIND_NUMBER)
		return fail(p, "%s is no number: it can be compared by eq, ne and in only",
			    fields[e->field].name);
	make_room(p, e, 1);
	skip_spaces(p);
	if (!take_value(p, e, false))
		return NULL;
	r = (struct weir_expr_range *)e->ranges;
	if (o->up) {
		r->lo += !o->equal;
		r->hi = UINT32_MAX;
	} else if (o->equal || r->hi) {
		r->hi -= !o->equal;
		r->lo = 0;
	} else {
		e->n = 0; /* nothing is less than 0 */
	}
	return e;
}

static struct weir_expr *parse_one(struct parse *p, struct weir_expr *e)
{
	make_room(p, e, 1);
	skip_spaces(p);
	return take_value(p, e, false) ? e : NULL;
}

static struct weir_expr *parse_comparison(struct parse *p, struct weir_expr *e)
{
	e->op = WEIR_EXPR_IN;
	if (take(p, "in", NULL))
		return parse_set(p, e);
	if (take(p, "eq", "=="))
		return parse_one(p, e);
	if (take(p, "ne", "!="))
		return parse_one(p, e) ? node(p, WEIR_EXPR_NOT, e, NULL) : NULL;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		if (take(p, orders[i].word, orders[i].signs))
			return parse_order(p, e, &orders[i]);
	if (take(p, "contains", NULL)) {
		if (fields[e->field].kind != KIND_TEXT)
			return fail(p, "%s is no text: it contains nothing", fields[e->field].name);
		e->op = WEIR_EXPR_CONTAINS;
		return parse_one(p, e);
	}
	if (take(p, "matches", "~"))
		return fail(p, "regular expressions (matches) are not supported; contains is");
	return fail(p, "an operator is expected behind %s: eq, ne, in, lt, le, gt, ge or contains",
		    fields[e->field].name);
}

static bool take_field(struct parse *p, enum weir_expr_field *out)
{
	size_t n = word_len(p);

	for (size_t i = 0; i < N_FIELDS; i++) {
		if (strlen(fields[i].name) != n || strncmp(p->at, fields[i].name, n) != 0)
			continue;
		if (p->proxied && !strncmp(p->at, "dns.", 4))
			return fail(p,
				    "%s is of DNS questions, and the packets of a proxied load "
				    "balancer hold none",
				    fields[i].name);
		p->at += n;
		*out = (enum weir_expr_field)i;
		return true;
	}
	if (!strncmp(p->at, "http.", 5))
		return fail(p,
			    "packets do not show what is in HTTP: a rule over %.*s could never "
			    "be evaluated",
			    (int)(n > 60 ? 60 : n), p->at);
	return fail(p, "a field is expected: ip.src, cf.load_balancer.name, "
		       "cf.load_balancer.region, dns.qry.name, dns.qry.name.len, dns.qry.qu, "
		       "dns.qry.type, dns.rr.opt.client or dns.rr.opt.client.addr");
}

static struct weir_expr *parse_field(struct parse *p)
{
	enum weir_expr_field field = WEIR_EXPR_SRC;
	struct weir_expr *e;

	if (!take_field(p, &field))
		return NULL;
	e = node(p, WEIR_EXPR_IS, NULL, NULL);
	if (!e)
		return NULL;
	e->field = field;
	return fields[field].kind == KIND_TRUTH ? e : parse_comparison(p, e);
}

/* --- what joins them --- */

static struct weir_expr *parse_within(struct parse *p)
{
	struct weir_expr *e;

	if (take(p, "not", "!")) {
		e = parse_term(p);
		return e ? node(p, WEIR_EXPR_NOT, e, NULL) : NULL;
	}
	if (!take(p, NULL, "("))
		return parse_field(p);
	e = parse_or(p);
	if (!e || take(p, NULL, ")"))
		return e;
	return fail(p, "and, or or ) is expected");
}

static struct weir_expr *parse_term(struct parse *p)
{
	struct weir_expr *e;

	if (++p->depth > MAX_DEPTH)
		return fail(p, "nested more than %d deep", MAX_DEPTH);
	e = parse_within(p);
	p->depth--;
	return e;
}

static struct weir_expr *parse_and(struct parse *p)
{
	struct weir_expr *a = parse_term(p), *b;

	while (a && take(p, "and", "&&")) {
		b = parse_term(p);
		a = b ? node(p, WEIR_EXPR_AND, a, b) : NULL;
	}
	return a;
}

static struct weir_expr *parse_or(struct parse *p)
{
	struct weir_expr *a = parse_and(p), *b;

	while (a && take(p, "or", "||")) {
		b = parse_and(p);
		a = b ? node(p, WEIR_EXPR_OR, a, b) : NULL;
	}
	return a;
}

bool weir_expr_parse(const char *text, bool proxied, struct weir_arena *arena,
		     const struct weir_expr **out, char *why, size_t size)
{
	struct parse p = { .arena = arena,
			   .text = text,
			   .at = text,
			   .proxied = proxied,
			   .why = why,
			   .size = size };

	*out = NULL;
	skip_spaces(&p);
	if (!*p.at)
		return true;
	if (strlen(text) > WEIR_EXPR_BYTES)
		return fail(&p, "longer than %d bytes", WEIR_EXPR_BYTES);
	*out = parse_or(&p);
	if (!*out)
		return false;
	skip_spaces(&p);
	return !*p.at || fail(&p, "and, or or the end is expected");
}

/* --- what it says --- */

static const union weir_addr *addr_of(const struct weir_expr_query *q, enum weir_expr_field f)
{
	return f == WEIR_EXPR_SRC ? q->src : q->client;
}

static const char *text_of(const struct weir_expr_query *q, enum weir_expr_field f)
{
	return f == WEIR_EXPR_LB_NAME     ? q->lb_name
	       : f == WEIR_EXPR_LB_REGION ? q->lb_region
					  : q->qname;
}

static bool is_one_of(const struct weir_expr *e, const struct weir_expr_query *q, uint32_t i)
{
	const union weir_addr *addr;
	const char *text;
	uint32_t number;

	switch (fields[e->field].kind) {
	case KIND_ADDR:
		addr = addr_of(q, e->field);
		return addr && weir_prefix_holds(&e->prefixes[i], addr);
	case KIND_TEXT:
		text = text_of(q, e->field);
		return text && !strcasecmp(text, e->texts[i]);
	default:
		if (!q->qname)
			return false;
		number = e->field == WEIR_EXPR_QTYPE ? q->qtype : (uint32_t)strlen(q->qname);
		return number >= e->ranges[i].lo && number <= e->ranges[i].hi;
	}
}

static bool is_in(const struct weir_expr *e, const struct weir_expr_query *q)
{
	for (uint32_t i = 0; i < e->n; i++)
		if (is_one_of(e, q, i))
			return true;
	return false;
}

bool weir_expr_eval(const struct weir_expr *e, const struct weir_expr_query *q)
{
	const char *text;

	if (!e)
		return true;
	switch (e->op) {
	case WEIR_EXPR_AND:
		return weir_expr_eval(e->a, q) && weir_expr_eval(e->b, q);
	case WEIR_EXPR_OR:
		return weir_expr_eval(e->a, q) || weir_expr_eval(e->b, q);
	case WEIR_EXPR_NOT:
		return !weir_expr_eval(e->a, q);
	case WEIR_EXPR_IS:
		return q->qname && (e->field == WEIR_EXPR_QU ? q->qu : q->client != NULL);
	case WEIR_EXPR_IN:
		return is_in(e, q);
	case WEIR_EXPR_CONTAINS:
		text = text_of(q, e->field);
		return text && strcasestr(text, e->texts[0]);
	}
	return false;
}
