/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attach.c - onto interfaces and off them again.
 *
 * libxdp attaches, so that other XDP programs can share the interface through its dispatcher;
 * where the kernel cannot run that, or not with our program behind it, ours is attached alone. A
 * program of ours that an earlier agent left is recognized by the maps it uses, and replaced
 * without a gap: alone by the kernel's atomic exchange, behind the dispatcher by letting the new
 * one in before the old one goes. An agent that dies in between leaves both, and the next one takes
 * all but its own off. */
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <xdp/libxdp.h>

#include "base/log.h"
#include "base/mem.h"
#include "dataplane/dns_impl.h"
#include "weir.skel.h"

#define MOST_PROGRAMS 16 /* behind a dispatcher; libxdp's own limit is 10 */

/* What is on an interface. */
struct found {
	struct xdp_multiprog *mp; /* NULL: nothing */
	struct xdp_program *ours; /* in mp, the last of them; NULL: not there */
	bool alone;               /* mp is one program, without a dispatcher */
};

static bool is_ours(const struct xdp_program *prog, uint32_t map, uint32_t but)
{
	return xdp_program__id(prog) != but && program_uses_map(xdp_program__fd(prog), map);
}

/* map: an id that programs of ours use. The program with the id `but` is not looked at (0: all
 * are). Give back with xdp_multiprog__close(). libxdp 1.3 leaves a descriptor open for every
 * program it finds, out of reach: look only when something has changed. */
static struct found look(int ifindex, uint32_t map, uint32_t but)
{
	struct found f = { .mp = xdp_multiprog__get_from_ifindex(ifindex) };
	struct xdp_program *prog = NULL;

	if (libxdp_get_error(f.mp) || !f.mp)
		return (struct found){ 0 };
	f.alone = xdp_multiprog__is_legacy(f.mp);
	if (f.alone) {
		prog = xdp_multiprog__main_prog(f.mp);
		if (prog && is_ours(prog, map, but))
			f.ours = prog;
		return f;
	}
	while ((prog = xdp_multiprog__next_prog(prog, f.mp)))
		if (is_ours(prog, map, but))
			f.ours = prog;
	return f;
}

static uint32_t mode_flag(enum xdp_attach_mode mode)
{
	return mode == XDP_MODE_SKB ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
}

/* Takes programs of ours off, all but the one with the id `but`. How many, or an error. */
static int take_off(int ifindex, uint32_t map, uint32_t but)
{
	for (int n = 0; n < MOST_PROGRAMS; n++) {
		struct found f = look(ifindex, map, but);
		bool there = f.ours;
		int err = 0;

		if (there && f.alone)
			err = bpf_xdp_detach(ifindex, mode_flag(xdp_multiprog__attach_mode(f.mp)),
					     NULL);
		else if (there)
			err = xdp_program__detach(f.ours, ifindex, xdp_multiprog__attach_mode(f.mp),
						  0);
		if (f.mp)
			xdp_multiprog__close(f.mp);
		if (!there || err)
			return err ? err : n;
	}
	return -ELOOP;
}

static const char *mode_text(enum xdp_attach_mode mode)
{
	return mode == XDP_MODE_SKB ? "generic" : "native";
}

/* Without libxdp, which has no part in it and would leave descriptors open. */
static int replace_alone(struct weir_plane *p, int ifindex, uint32_t mode, uint32_t id)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = bpf_prog_get_fd_by_id(id));
	int err;

	if (opts.old_prog_fd < 0)
		return -errno;
	err = bpf_xdp_attach(ifindex, bpf_program__fd(p->running->progs.weir_xdp),
			     XDP_FLAGS_REPLACE | mode, &opts);
	close(opts.old_prog_fd);
	return err;
}

/* Lets libxdp load and attach a program of its own over our maps. calls: one that may call
 * weir_dns_xdp(). */
static int attach_through(struct weir_plane *p, int ifindex, enum xdp_attach_mode mode, bool calls,
			  uint32_t *id)
{
	struct weir_bpf *skel =
		plane_skel_open(p, (enum weir_seeing)p->running->rodata->weir_seeing);
	struct bpf_program *other;
	struct xdp_program *prog;
	int err;

	if (!skel)
		return -errno;
	bpf_object__for_each_program(other, skel->obj)
		bpf_program__set_autoload(other, other == skel->progs.weir_xdp);
	if (!calls) {
		skel->rodata->weir_tail_calls = 0;
		bpf_map__set_pin_path(skel->maps.weir_dns_program, NULL);
	}
	prog = xdp_program__from_bpf_obj(skel->obj, "xdp");
	err = (int)libxdp_get_error(prog);
	if (!err) {
		plane_probing(true);
		err = xdp_program__attach(prog, ifindex, mode, 0);
		plane_probing(false);
		*id = xdp_program__id(prog);
		xdp_program__close(prog);
	}
	weir_bpf__destroy(skel);
	return err;
}

/* Some kernels (Debian's 6.1) take one program for two kinds when it is behind the dispatcher and
 * when it is not, and an array of programs is of one kind, also for a program that never calls out
 * of it: behind the dispatcher ours has an array of its own, with nothing in it. */
static int attach_new(struct weir_plane *p, int ifindex, enum xdp_attach_mode mode, uint32_t *id)
{
	int err = -EINVAL;

	if (!p->no_calls_behind)
		err = attach_through(p, ifindex, mode, true, id);
	if (err != -EINVAL || !p->running->rodata->weir_tail_calls)
		return err;
	err = attach_through(p, ifindex, mode, false, id);
	p->no_calls_behind |= !err;
	if (!err)
		weir_warn(
			"interface %d: this kernel lets no program behind libxdp's dispatcher call "
			"another: DNS queries there are for the agent, unless agent.dns.kernel is tc",
			ifindex);
	return err;
}

/* Without the dispatcher. Kernels take programs behind it by rules of their own: 5.10 none with
 * global functions, 6.12 and later none that changes packets unless libxdp is newer than 1.5.
 * -EADDRINUSE: somebody is there whom ours could only join behind it. */
static int attach_alone(struct weir_plane *p, int ifindex, enum xdp_attach_mode mode)
{
	uint32_t flags = XDP_FLAGS_UPDATE_IF_NOEXIST | mode_flag(mode);
	int err;

	plane_probing(true);
	err = bpf_xdp_attach(ifindex, bpf_program__fd(p->running->progs.weir_xdp), flags, NULL);
	plane_probing(false);
	return err == -EBUSY || err == -EEXIST ? -EADDRINUSE : err;
}

/* Whether an error is about who is there and who we are: no other way of attaching can help. */
static bool is_final(int err)
{
	return err == -EBUSY || err == -EPERM || err == -EADDRINUSE;
}

static int attach_either(struct weir_plane *p, int ifindex, enum xdp_attach_mode mode)
{
	uint32_t id;
	int err = attach_new(p, ifindex, mode, &id);

	return !err || is_final(err) ? err : attach_alone(p, ifindex, mode);
}

static int attach_modes(struct weir_plane *p, const char *ifname, int ifindex,
			enum weir_attach mode)
{
	int err = -EOPNOTSUPP;

	if (mode != WEIR_ATTACH_GENERIC)
		err = attach_either(p, ifindex, XDP_MODE_NATIVE);
	if (!err || is_final(err) || mode == WEIR_ATTACH_NATIVE)
		return err;
	if (mode == WEIR_ATTACH_AUTO)
		weir_warn(
			"%s: the driver has no native XDP (%s); using generic mode, which is slower",
			ifname, strerror(-err));
	return attach_either(p, ifindex, XDP_MODE_SKB);
}

/* A mode other than the one that is on asks for a fresh start; that is the one gap there is. */
static bool mode_differs(const struct found *f, enum weir_attach mode)
{
	enum xdp_attach_mode is = xdp_multiprog__attach_mode(f->mp);

	return (mode == WEIR_ATTACH_NATIVE && is == XDP_MODE_SKB) ||
	       (mode == WEIR_ATTACH_GENERIC && is != XDP_MODE_SKB);
}

static int replace_shared(struct weir_plane *p, int ifindex, uint32_t map,
			  enum xdp_attach_mode mode)
{
	uint32_t id = 0;
	int err = attach_new(p, ifindex, mode, &id);

	if (err)
		return err;
	err = take_off(ifindex, map, id);
	return err < 0 ? err : 0;
}

/* *added: nothing of ours was there. */
static int attach_one(struct weir_plane *p, const char *ifname, int ifindex, enum weir_attach mode,
		      bool *added)
{
	uint32_t map = map_id(bpf_map__fd(p->skel->maps.weir_rows));
	struct found f = look(ifindex, map, 0);
	int err;

	*added = !f.ours;
	if (f.ours && mode_differs(&f, mode)) {
		err = take_off(ifindex, map, 0);
		if (err >= 0)
			err = attach_modes(p, ifname, ifindex, mode);
	} else if (!f.ours) {
		err = attach_modes(p, ifname, ifindex, mode);
	} else if (f.alone) {
		err = replace_alone(p, ifindex, mode_flag(xdp_multiprog__attach_mode(f.mp)),
				    xdp_program__id(f.ours));
	} else {
		err = replace_shared(p, ifindex, map, xdp_multiprog__attach_mode(f.mp));
	}
	if (f.mp)
		xdp_multiprog__close(f.mp);
	return err;
}

/* 0, or an error that was said. */
static int detach_one(int ifindex, uint32_t map)
{
	char name[IF_NAMESIZE] = "";
	int n = take_off(ifindex, map, 0);

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

/* What the interface itself runs: a dispatcher, or one program alone. 0: nothing. */
static uint32_t main_id(int ifindex)
{
	uint32_t id = 0;

	return bpf_xdp_query_id(ifindex, 0, &id) ? 0 : id;
}

/* Whether all is as this agent has left it. */
static bool untouched(const struct weir_plane_interface *i, enum weir_attach mode)
{
	bool generic = !strcmp(i->mode, mode_text(XDP_MODE_SKB));

	return i->main_id && i->main_id == main_id(i->ifindex) &&
	       (mode == WEIR_ATTACH_AUTO || generic == (mode == WEIR_ATTACH_GENERIC));
}

static const struct weir_plane_interface *find_name(const struct weir_plane *p, const char *name)
{
	for (uint32_t i = 0; i < p->n_interfaces; i++)
		if (!strcmp(p->interfaces[i].name, name))
			return &p->interfaces[i];
	return NULL;
}

static void lose(struct weir_plane_interface *i, const char *how)
{
	if (i->main_id)
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
	struct found f;

	if (!ifindex && (old = find_name(p, ifname))) {
		*out = *old;
		lose(out, "is gone");
		return 0;
	}
	if (!ifindex) {
		weir_error("%s: no such interface", ifname);
		return -ENODEV;
	}
	if (old && untouched(old, mode)) {
		*out = *old;
		snprintf(out->name, sizeof(out->name), "%s", ifname);
		return 0;
	}
	err = attach_one(p, ifname, ifindex, mode, added);
	if (err) {
		say_attach_error(ifname, err);
		return err;
	}
	f = look(ifindex, map_id(bpf_map__fd(p->skel->maps.weir_rows)), 0);
	if (f.ours) {
		*out = (struct weir_plane_interface){
			.ifindex = ifindex,
			.mode = mode_text(xdp_multiprog__attach_mode(f.mp)),
			.shared = !f.alone,
			.main_id = main_id(ifindex),
		};
		snprintf(out->name, sizeof(out->name), "%s", ifname);
		nat_use_link(p, out);
		weir_info("%s: attached, %s mode, %s", ifname, out->mode,
			  f.alone ? "alone (this kernel does not run it behind libxdp's dispatcher)"
				  : "shared by libxdp's dispatcher");
	} else {
		weir_error("%s: attached, but somebody took it off at once", ifname);
		err = -EIO;
	}
	if (f.mp)
		xdp_multiprog__close(f.mp);
	return err;
}

int weir_plane_attach(struct weir_plane *p, const char *const *ifnames, uint32_t n,
		      enum weir_attach mode)
{
	struct weir_plane_interface *all = weir_new_array(n, struct weir_plane_interface);
	bool *added = weir_new_array(n, bool);
	uint32_t map = map_id(bpf_map__fd(p->skel->maps.weir_rows)), done = 0;
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
		detach_missing(map, p->interfaces, p->n_interfaces, all, n);
	else
		detach_others(map, all, n);
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
	uint32_t map = map_id(bpf_map__fd(p->skel->maps.weir_rows));
	int first = 0;

	for (uint32_t n = 0; n < p->n_interfaces; n++) {
		struct weir_plane_interface *i = &p->interfaces[n];
		bool generic = !strcmp(i->mode, mode_text(XDP_MODE_SKB));
		enum xdp_attach_mode mode = generic ? XDP_MODE_SKB : XDP_MODE_NATIVE;
		int err;

		if (!i->main_id)
			continue;
		err = i->shared ? replace_shared(p, i->ifindex, map, mode)
				: replace_alone(p, i->ifindex, mode_flag(mode), i->main_id);
		if (err)
			weir_error("%s: cannot exchange the packet program: %s; trying again",
				   i->name, strerror(-err));
		i->main_id = err ? 0 : main_id(i->ifindex);
		first = first ? first : err;
	}
	return first;
}

/* Whether ours still runs there, alone or behind a dispatcher that others have changed. */
static bool still_there(struct weir_plane *p, struct weir_plane_interface *i, int ifindex)
{
	uint32_t id = main_id(ifindex);
	struct found f;
	bool there;

	if (ifindex != i->ifindex || !id)
		return false;
	if (id == i->main_id)
		return true;
	f = look(ifindex, map_id(bpf_map__fd(p->skel->maps.weir_rows)), 0);
	there = f.ours;
	if (f.mp)
		xdp_multiprog__close(f.mp);
	if (there)
		i->main_id = id;
	return there;
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

		if (i->main_id && still_there(p, i, ifindex))
			continue;
		lose(i, ifindex ? "the packet program was taken off" : "is gone");
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
