/* SPDX-License-Identifier: GPL-2.0-or-later */
/* err.h - what is wrong with an operator's input: where, and a sentence that says what is allowed.
 */
#ifndef WEIR_BASE_ERR_H
#define WEIR_BASE_ERR_H

#include <stdbool.h>

struct weir_err {
	char path[256];  /* as in pools[2].origins[0].weight; "" for the whole input */
	char text[512];  /* a sentence without a full stop */
	unsigned line;   /* from 1; 0: not known */
	unsigned column; /* from 1; 0: not known */
};

/* Fills e (any of the two may be longer than fits: it is cut). Returns false, so that a check can
 * end with "return weir_err_set(...)". */
bool weir_err_set(struct weir_err *e, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
