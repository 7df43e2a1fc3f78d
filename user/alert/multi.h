/* SPDX-License-Identifier: GPL-2.0-or-later */
/* multi.h - libcurl's multi interface on a libuv loop, on the loop's thread. */
#ifndef WEIR_ALERT_MULTI_H
#define WEIR_ALERT_MULTI_H

#include <curl/curl.h>
#include <uv.h>

struct weir_alert_multi;

/* easy, which was added before, has ended and is the caller's again. May call the functions below,
 * except the one that closes. */
typedef void weir_alert_done_fn(void *arg, CURL *easy, CURLcode result);

/* *out is the caller's: weir_alert_multi_close(). 0 or a negative errno. */
int weir_alert_multi_open(uv_loop_t *loop, weir_alert_done_fn *done, void *arg,
			  struct weir_alert_multi **out);

/* Every easy handle was removed or has ended. Needs uv_run() for handles to close. */
void weir_alert_multi_close(struct weir_alert_multi *m);

/* Starts a transfer; done is called from the loop, never from in here. */
void weir_alert_multi_add(struct weir_alert_multi *m, CURL *easy);

/* Ends a transfer without calling done. */
void weir_alert_multi_remove(struct weir_alert_multi *m, CURL *easy);

#endif
