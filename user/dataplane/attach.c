/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attach.c - onto the interfaces that were asked for, off all others, and onto those again that
 * went and came back. How one is attached to is xdp.c's. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "base/log.h"
#include "base/mem.h"
#include "dataplane/dns_impl.h"
#include "dataplane/xdp.h"
#include "weir.skel.h"

/* 0, or an error that was said. */
static int detach_one(int ifindex, uint32_t map)
{
	char name[IF_NAMESIZE] = "";
	int n = xdp_take_off(ifindex, map);

	if (!n)
		return 0;
	if_indextoname((unsigned)ifindex, name);
	if (n < 0)
		weir_error("%s: cannot detach: %s", name, strerror(-n));
	else
		weir_info("%s: detached", name);
	return n < 0 ? n : 0;
}

static const struct weir_plane_interface *find(const struct weir_plane_interface *all, uint32_t n,
					       int ifindex)
{
	for (uint32_t i = 0; i < n; i++)
		if (all[i].ifindex == ifindex)
			return &all[i];
	return NULL;
}

static int detach_others(uint32_t map, const struct weir_plane_interface *keep, uint32_t n)
{
	struct if_nameindex *all = if_nameindex();
	int err = all ? 0 : -errno, one;

	for (struct if_nameindex *i = all; i && i->if_index; i++)
		if (!find(keep, n, (int)i->if_index) && (one = detach_one((int)i->if_index, map)))
			err = one;
	if (all)
		if_freenameindex(all);
	return err;
}

int detach_everywhere(int map_fd)
{
	return detach_others(map_id(map_fd), NULL, 0);
}

/* Detaches from those of `from` that are not in `keep`. */
static void detach_missing(uint32_t map, const struct weir_plane_interface *from, uint32_t n_from,
			   const struct weir_plane_interface *keep, uint32_t n)
{
	for (uint32_t i = 0; i < n_from; i++)
		if (!find(keep, n, from[i].ifindex))
			detach_one(from[i].ifindex, map);
}

static void say_attach_error(const char *ifname, int err)
{
	if (err == -EBUSY || err == -EEXIST)
		weir_error("%s: another XDP program is there and does not share; it was left alone",
			   ifname);
	else if (err == -EADDRINUSE)
		weir_error("%s: another XDP program is there, and this kernel refuses ours beside "
			   "it behind libxdp's dispatcher; it was left alone",
			   ifname);
	else if (err == -EPERM)
		weir_error("%s: not permitted to attach; CAP_BPF and CAP_NET_ADMIN are needed",
			   ifname);
	else
		weir_error("%s: cannot attach: %s", ifname, strerror(-err));
}

/* Whether all is as this agent has left it. */
static bool untouched(const struct weir_plane_interface *i, enum weir_attach mode)
{
	bool generic = !strcmp(i->mode, xdp_mode_text(true));

	return i->main_id && i->main_id == xdp_main_id(i->ifindex) &&
	       (mode == WEIR_ATTACH_AUTO || generic == (mode == WEIR_ATTACH_GENERIC));
}

static const struct weir_plane_interface *find_name(const struct weir_plane *p, const char *name)
{
	for (uint32_t i = 0; i < p->n_interfaces; i++)
		if (!strcmp(p->interfaces[i].name, name))
			return &p->interfaces[i];
	return NULL;
}

/* Of an interface that is there without the packet program. */
static const char mode_none[] = "none";

static void lose(struct weir_plane_interface *i, const char *how)
{
	if (i->main_id || i->mode == mode_none)
		weir_error("%s: %s; attaching again when that can be done", i->name, how);
	i->ifindex = 0;
	i->mode = "detached";
	i->shared = false;
	i->main_id = 0;
}

static int attach_named(struct weir_plane *p, const char *ifname, enum weir_attach mode,
			struct weir_plane_interface *out, bool *added)
{
	int ifindex = (int)if_nametoindex(ifname), err;
	const struct weir_plane_interface *old = find(p->interfaces, p->n_interfaces, ifindex);
	struct xdp_ours ours;

	if (!ifindex && (old = find_name(p, ifname))) {
		*out = *old;
		lose(out, "is gone");
		return 0;
	}
	if (!ifindex) {
		weir_error("%s: no such interface", ifname);
		return -ENODEV;
	}
	if (mode == WEIR_ATTACH_NONE) {
		if (!old || old->mode != mode_none)
			weir_info("%s: without the packet program, which would have nothing to do",
				  ifname);
		*out = (struct weir_plane_interface){ .ifindex = ifindex, .mode = mode_none };
		snprintf(out->name, sizeof(out->name), "%s", ifname);
		return 0;
	}
	if (old && untouched(old, mode)) {
		*out = *old;
		snprintf(out->name, sizeof(out->name), "%s", ifname);
		return 0;
	}
	err = xdp_attach(p, ifname, ifindex, mode, added);
	if (err) {
		say_attach_error(ifname, err);
		return err;
	}
	ours = xdp_look(p, ifindex);
	if (!ours.there) {
		weir_error("%s: attached, but somebody took it off at once", ifname);
		return -EIO;
	}
	*out = (struct weir_plane_interface){
		.ifindex = ifindex,
		.mode = xdp_mode_text(ours.generic),
		.shared = !ours.alone,
		.main_id = xdp_main_id(ifindex),
	};
	snprintf(out->name, sizeof(out->name), "%s", ifname);
	nat_use_link(p, out);
	weir_info("%s: attached, %s mode, %s", ifname, out->mode,
		  ours.alone ? "alone (this kernel does not run it behind libxdp's dispatcher)"
			     : "shared by libxdp's dispatcher");
	return 0;
}

int weir_plane_attach(struct weir_plane *p, const char *const *ifnames, uint32_t n,
		      enum weir_attach mode)
{
	struct weir_plane_interface *all = weir_new_array(n, struct weir_plane_interface);
	bool *added = weir_new_array(n, bool);
	uint32_t map = map_id(bpf_map__fd(p->skel->maps.weir_rows)), done = 0;
	uint32_t keep = mode == WEIR_ATTACH_NONE ? 0 : n;
	int err = 0;

	while (done < n && !(err = attach_named(p, ifnames[done], mode, &all[done], &added[done])))
		done++;
	/* What was there before stays: the first time that is an earlier agent's, with traffic. */
	for (uint32_t i = 0; err && i < done; i++)
		if (added[i] && !find(p->interfaces, p->n_interfaces, all[i].ifindex))
			detach_one(all[i].ifindex, map);
	free(added);
	if (err) {
		free(all);
		return err;
	}
	if (p->attached)
		detach_missing(map, p->interfaces, p->n_interfaces, all, keep);
	else
		detach_others(map, all, keep);
	free(p->interfaces);
	p->interfaces = all;
	p->n_interfaces = n;
	p->mode = mode;
	p->attached = true;
	tc_sync(p); /* without it queries are for the agent, which was said */
	return 0;
}

int interfaces_exchange(struct weir_plane *p)
{
	int first = 0;

	for (uint32_t n = 0; n < p->n_interfaces; n++) {
		struct weir_plane_interface *i = &p->interfaces[n];
		int err;

		if (!i->main_id)
			continue;
		err = xdp_exchange(p, i);
		if (err)
			weir_error("%s: cannot exchange the packet program: %s; trying again",
				   i->name, strerror(-err));
		i->main_id = err ? 0 : xdp_main_id(i->ifindex);
		first = first ? first : err;
	}
	return first;
}

/* Whether all that ours has to do there it does: alone, or behind a dispatcher that others have
 * changed. */
static bool still_there(struct weir_plane *p, struct weir_plane_interface *i, int ifindex)
{
	uint32_t id = xdp_main_id(ifindex);

	if (ifindex != i->ifindex || !ifindex)
		return false;
	if (p->mode == WEIR_ATTACH_NONE)
		return true;
	if (!i->main_id || !id)
		return false;
	if (id != i->main_id && !xdp_look(p, ifindex).there)
		return false;
	i->main_id = id;
	return true;
}

/* An interface can go and come back as another of the same name, and somebody can take the program
 * off: traffic must not wait for the next reload. */
void interfaces_watch(struct weir_plane *p, uint64_t now_ms)
{
	for (uint32_t n = 0; n < p->n_interfaces; n++) {
		struct weir_plane_interface *i = &p->interfaces[n];
		int ifindex = (int)if_nametoindex(i->name);
		struct weir_plane_interface again = { 0 };
		bool added;

		if (still_there(p, i, ifindex))
			continue;
		lose(i, !ifindex                ? "is gone"
			: ifindex != i->ifindex ? "is another one now"
						: "the packet program was taken off");
		if (!ifindex || now_ms < i->retry_ms)
			continue;
		if (attach_named(p, i->name, p->mode, &again, &added))
			i->retry_ms = now_ms + ATTACH_RETRY_MS;
		else
			*i = again;
		tc_sync(p);
	}
}

uint32_t weir_plane_interfaces(const struct weir_plane *p, const struct weir_plane_interface **out)
{
	*out = p->interfaces;
	return p->n_interfaces;
}
