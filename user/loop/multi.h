/* SPDX-License-Identifier: GPL-2.0-or-later */
/* multi.h - libcurl's multi interface on a libuv loop, on the loop's thread. */
#ifndef WEIR_LOOP_MULTI_H
#define WEIR_LOOP_MULTI_H

#include <curl/curl.h>
#include <uv.h>

#include "loop/watch.h"

struct weir_multi;

/* easy, which was added before, has ended and is the caller's again. May call the functions below,
 * except weir_multi_close(). */
typedef void weir_multi_done_fn(void *arg, CURL *easy, CURLcode result);

/* watches must outlive it. kept: how many connections stay open for later transfers; 0: libcurl's
 * own measure. *out is the caller's: weir_multi_close(). 0 or a negative errno. */
int weir_multi_open(uv_loop_t *loop, struct weir_watches *watches, long kept,
		    weir_multi_done_fn *done, void *arg, struct weir_multi **out);

/* Every easy handle was removed or has ended. Needs uv_run() for handles to close. */
void weir_multi_close(struct weir_multi *m);

/* Starts a transfer; done is called from the loop, never from in here. */
void weir_multi_add(struct weir_multi *m, CURL *easy);

/* Ends a transfer without calling done. */
void weir_multi_remove(struct weir_multi *m, CURL *easy);

#endif
