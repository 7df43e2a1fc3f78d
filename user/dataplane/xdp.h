/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xdp.h - the packet program on one interface. Nobody outside of this folder includes it. */
#ifndef WEIR_DATAPLANE_XDP_H
#define WEIR_DATAPLANE_XDP_H

#include "dataplane/plane_impl.h"

/* How a program of ours is there. */
struct xdp_ours {
	bool there;
	bool alone;   /* without libxdp's dispatcher */
	bool generic; /* else in native mode */
};

static inline const char *xdp_mode_text(bool generic)
{
	return generic ? "generic" : "native";
}

struct xdp_ours xdp_look(const struct weir_plane *p, int ifindex);

/* What the interface itself runs: a dispatcher, or one program alone. 0: nothing. */
uint32_t xdp_main_id(int ifindex);

/* Puts p->running there, in place of ours that is there. *added: nothing of ours was. -EBUSY,
 * -EADDRINUSE: somebody else's program is there, which was left alone; it does not share, or this
 * kernel does not let it share with ours. */
int xdp_attach(struct weir_plane *p, const char *ifname, int ifindex, enum weir_attach mode,
	       bool *added);
/* The same where this agent has attached, without a gap. */
int xdp_exchange(struct weir_plane *p, const struct weir_plane_interface *i);

/* Takes programs that use this map off. How many, or an error. */
int xdp_take_off(int ifindex, uint32_t map);

#endif
