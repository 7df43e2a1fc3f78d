/* SPDX-License-Identifier: GPL-2.0-or-later */
/* expr.h - conditions of rules: a text into a tree, and what it says of a query. Pure; any thread.
 *
 *   ip.src in {192.0.2.0/24 2001:db8::/32} and not cf.load_balancer.region eq "WEU"
 *
 * Operators: or, and, not (also ||, &&, !), parentheses; eq, ne (==, !=), in {...} of everything;
 * lt, le, gt, ge (<, <=, >, >=) of numbers; contains of texts. A field of truth stands for itself.
 * Texts are compared without regard to case, since names are. What is not known of a query equals
 * nothing, is in nothing and is not true. */
#ifndef WEIR_MODEL_EXPR_H
#define WEIR_MODEL_EXPR_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/mem.h"

enum weir_expr_field {
	WEIR_EXPR_SRC,       /* ip.src */
	WEIR_EXPR_LB_NAME,   /* cf.load_balancer.name */
	WEIR_EXPR_LB_REGION, /* cf.load_balancer.region */
	WEIR_EXPR_QNAME,     /* dns.qry.name */
	WEIR_EXPR_QNAME_LEN, /* dns.qry.name.len */
	WEIR_EXPR_QU,        /* dns.qry.qu */
	WEIR_EXPR_QTYPE,     /* dns.qry.type, a number */
	WEIR_EXPR_ECS,       /* dns.rr.opt.client */
	WEIR_EXPR_ECS_ADDR,  /* dns.rr.opt.client.addr */
};

enum weir_expr_op {
	WEIR_EXPR_AND, /* of a and b */
	WEIR_EXPR_OR,
	WEIR_EXPR_NOT,      /* of a */
	WEIR_EXPR_IS,       /* the field is true */
	WEIR_EXPR_IN,       /* the field is one of n prefixes, texts or ranges */
	WEIR_EXPR_CONTAINS, /* the field contains texts[0] */
};

struct weir_expr_range {
	uint32_t lo, hi;
};

struct weir_expr {
	enum weir_expr_op op;
	enum weir_expr_field field;
	const struct weir_expr *a, *b;
	const struct weir_prefix *prefixes; /* by the field's kind: one of these */
	const char **texts;
	const struct weir_expr_range *ranges;
	uint32_t n;
};

/* What is known of a packet's or a question's way to a load balancer. */
struct weir_expr_query {
	const union weir_addr *src;      /* of the client, or its resolver; NULL: not known */
	const char *lb_name, *lb_region; /* NULL: not known */
	const char *qname;               /* lower case, no final dot; NULL: not a question */
	uint16_t qtype;
	bool qu;                       /* a unicast answer is preferred (mDNS) */
	const union weir_addr *client; /* of the client-subnet option; NULL: there is none */
};

#define WEIR_EXPR_BYTES 4096 /* the longest text */

/* proxied: of packets, which have no question. False: why has a sentence that says where and what
 * is wrong. *out, which lives in arena, is NULL for a text of nothing: that holds always. */
bool weir_expr_parse(const char *text, bool proxied, struct weir_arena *arena,
		     const struct weir_expr **out, char *why, size_t size);

/* Takes NULL. */
bool weir_expr_eval(const struct weir_expr *e, const struct weir_expr_query *q);

#endif
