/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xdp.c - the packet program on one interface.
 *
 * libxdp attaches, so that other XDP programs can share the interface through its dispatcher;
 * where the kernel cannot run that, or not with our program behind it, ours is attached alone. A
 * program of ours that an earlier agent left is recognized by the maps it uses, and replaced
 * without a gap: alone by the kernel's atomic exchange, behind the dispatcher by letting the new
 * one in before the old one goes. An agent that dies in between leaves both, and the next one takes
 * all but its own off. */
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <xdp/libxdp.h>

#include "base/log.h"
#include "dataplane/xdp.h"
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

/* What every program of ours uses. */
static uint32_t map_of(const struct weir_plane *p)
{
	return map_id(bpf_map__fd(p->skel->maps.weir_rows));
}

static uint32_t mode_flag(enum xdp_attach_mode mode)
{
	return mode == XDP_MODE_SKB ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
}

/* All but the one with the id `but`. */
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

int xdp_attach(struct weir_plane *p, const char *ifname, int ifindex, enum weir_attach mode,
	       bool *added)
{
	uint32_t map = map_of(p);
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

uint32_t xdp_main_id(int ifindex)
{
	uint32_t id = 0;

	return bpf_xdp_query_id(ifindex, 0, &id) ? 0 : id;
}

int xdp_take_off(int ifindex, uint32_t map)
{
	return take_off(ifindex, map, 0);
}

int xdp_exchange(struct weir_plane *p, const struct weir_plane_interface *i)
{
	bool generic = !strcmp(i->mode, xdp_mode_text(true));
	enum xdp_attach_mode mode = generic ? XDP_MODE_SKB : XDP_MODE_NATIVE;

	return i->shared ? replace_shared(p, i->ifindex, map_of(p), mode)
			 : replace_alone(p, i->ifindex, mode_flag(mode), i->main_id);
}

struct xdp_ours xdp_look(const struct weir_plane *p, int ifindex)
{
	struct found f = look(ifindex, map_of(p), 0);
	struct xdp_ours ours = { 0 };

	if (f.ours)
		ours = (struct xdp_ours){
			.there = true,
			.alone = f.alone,
			.generic = xdp_multiprog__attach_mode(f.mp) == XDP_MODE_SKB,
		};
	if (f.mp)
		xdp_multiprog__close(f.mp);
	return ours;
}
