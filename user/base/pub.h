/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pub.h - one pointer that one thread sets and many threads read, without locks and without anyone
 * waiting for anyone.
 *
 * A reader enters, takes what the pointer says then, and leaves; until it leaves nothing that it
 * may have found is dropped. The writer sets the pointer, hands over what cannot be found any more,
 * and looks now and then what nobody reads any longer. */
#ifndef WEIR_BASE_PUB_H
#define WEIR_BASE_PUB_H

#include <stdbool.h>
#include <stdint.h>

struct weir_pub;

/* With readers 0 .. n_readers - 1 and NULL in it. The writer's: weir_pub_free(). */
struct weir_pub *weir_pub_new(uint32_t n_readers);

/* No reader reads, or will. Drops what waits for that; what the pointer says stays the caller's.
 * Takes NULL. */
void weir_pub_free(struct weir_pub *p);

/* --- a reader; each is used by one thread --- */

/* What the pointer says now. It, and whatever can be reached from it, stays until this reader
 * leaves. Entering again means having left. */
void *weir_pub_enter(struct weir_pub *p, uint32_t reader);
void weir_pub_leave(struct weir_pub *p, uint32_t reader);

/* What it says by now, for a reader that has entered: that stays as well. */
void *weir_pub_again(const struct weir_pub *p);

/* --- the writer's thread, which may read the pointer without being a reader --- */

void *weir_pub_get(const struct weir_pub *p);
void weir_pub_set(struct weir_pub *p, void *object);

/* Takes over what nobody can find any more who enters from now on: drop(object) on this thread,
 * when those who entered before have left. In the order in which they were handed over. */
void weir_pub_retire(struct weir_pub *p, void *object, void (*drop)(void *object));

/* Drops what can be dropped. True: something is left, so ask again. */
bool weir_pub_collect(struct weir_pub *p);

#endif
