/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reverses.h - whose replies are whose, where only the destination is translated. Pure. */
#ifndef WEIR_COMPILE_REVERSES_H
#define WEIR_COMPILE_REVERSES_H

#include "compile/compile.h"

/* Sets t->reverses and t->n_reverses for all services of t: all origins of all pools that their
 * balancers name, also those that serve nobody now, so that packets may be sent to any of them at
 * any time. They live in arena. */
void weir_reverses_collect(struct weir_tables *t, struct weir_arena *arena);

#endif
