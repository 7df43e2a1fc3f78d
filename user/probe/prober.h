/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prober.h - probes endpoints as monitors say and reports verdicts. On the loop's thread only. */
#ifndef WEIR_PROBE_PROBER_H
#define WEIR_PROBE_PROBER_H

#include <uv.h>

#include "model/health.h"
#include "model/model.h"

struct weir_prober;

/* One verdict of one probe, after its retries; member: of the pool's monitors. May be called from
 * any of the loop's callbacks, never from inside a function of this header. May call
 * weir_prober_set(). */
typedef void weir_verdict_fn(void *arg, uint32_t origin_index, uint32_t member,
			     const struct weir_verdict *v);

/* *out is the caller's: weir_prober_close(). 0 or a negative errno. */
int weir_prober_open(uv_loop_t *loop, weir_verdict_fn *report, void *arg, struct weir_prober **out);

/* Probes every enabled origin of every enabled pool that has a monitor, or with all that are
 * enabled of its group; the rest stops. An origin that is probed the same way before and after
 * (same pool id, origin name, address, port, Host and monitor settings) goes on undisturbed under
 * its new index; the others start as model/schedule.h says. Verdicts are dated by the model they
 * were asked with: none arrives for an origin that is gone. model must outlive the next
 * weir_prober_set() or weir_prober_close(). */
void weir_prober_set(struct weir_prober *p, const struct weir_model *model);

/* The next probe of an origin of the model is due now, if it has a monitor. */
void weir_prober_hurry(struct weir_prober *p, uint32_t origin_index);

/* Stops and frees everything; needs uv_run() afterwards for handles to close. Takes NULL. */
void weir_prober_close(struct weir_prober *p);

#endif
