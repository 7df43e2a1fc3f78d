/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memo.h - rows that were built, by what they were built of: most of a new view is as it was in
 * the last one, and rows are most of the work. One owner; not thread safe. */
#ifndef WEIR_COMPILE_MEMO_H
#define WEIR_COMPILE_MEMO_H

#include "compile/rendezvous.h"

#define WEIR_ROW_NOBODY UINT32_MAX /* a row of a service that nobody can serve */

struct weir_memo;

struct weir_memo *weir_memo_new(void);
void weir_memo_free(struct weir_memo *m); /* takes NULL */

struct weir_rows {
	const uint32_t *rows; /* size of them: indexes of candidates, or WEIR_ROW_NOBODY */
	uint64_t digest;      /* of size and of the candidates' ids by row */
};

/* The rows of these candidates, built now unless they are known; of nobody when none of them
 * serves. Valid until they are forgotten. */
struct weir_rows weir_memo_rows(struct weir_memo *m, const struct weir_candidate *c, uint32_t n,
				uint32_t size);

/* Forgets all rows that were not asked for since it was called last. */
void weir_memo_forget(struct weir_memo *m);

#endif
