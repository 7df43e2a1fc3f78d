/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tunnel.h - what probes through a tunnel to a VIP have in common. On the loop's thread only. */
#ifndef WEIR_PROBE_TUNNEL_H
#define WEIR_PROBE_TUNNEL_H

#include <uv.h>

struct weir_tunnel;

/* Opens no socket before the first probe. */
struct weir_tunnel *weir_tunnel_open(uv_loop_t *loop);

/* No attempt may be running. Needs uv_run() for handles to close. */
void weir_tunnel_close(struct weir_tunnel *u);

#endif
