/* SPDX-License-Identifier: BSD-2-Clause */
/* attach.c - onto interfaces and off them again.
 *
 * libxdp attaches, so that other XDP programs can share the interface through its dispatcher;
 * where the kernel cannot run that it attaches our program alone. A program of ours that an
 * earlier agent left is recognized by the maps it uses, and replaced without a gap: alone by the
 * kernel's atomic exchange, behind the dispatcher by letting the new one in before the old one
 * goes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <xdp/libxdp.h>

#include "base/log.h"
#include "base/mem.h"
#include "dataplane/plane_impl.h"
#include "weir.skel.h"

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

/* Whether the program works on the map with this id. */
static bool uses_map(int prog_fd, uint32_t id)
{
	uint32_t ids[64], len = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .nr_map_ids = 64, .map_ids = (uintptr_t)ids };

	if (bpf_obj_get_info_by_fd(prog_fd, &info, &len))
		return false;
	for (uint32_t i = 0; i < info.nr_map_ids && i < 64; i++)
		if (ids[i] == id)
			return true;
	return false;
}

/* What is on an interface. */
struct found {
	struct xdp_multiprog *mp; /* NULL: nothing */
	struct xdp_program *ours; /* in mp; NULL: not there */
	bool alone;               /* mp is one program, without a dispatcher */
};

/* map: an id that programs of ours use. Give back with xdp_multiprog__close(). */
static struct found look(int ifindex, uint32_t map)
{
	struct found f = { .mp = xdp_multiprog__get_from_ifindex(ifindex) };
	struct xdp_program *prog = NULL;

	if (libxdp_get_error(f.mp) || !f.mp)
		return (struct found){ 0 };
	f.alone = xdp_multiprog__is_legacy(f.mp);
	if (f.alone) {
		prog = xdp_multiprog__main_prog(f.mp);
		if (prog && uses_map(xdp_program__fd(prog), map))
			f.ours = prog;
		return f;
	}
	while ((prog = xdp_multiprog__next_prog(prog, f.mp)))
		if (uses_map(xdp_program__fd(prog), map))
			f.ours = prog;
	return f;
}

static const char *mode_text(enum xdp_attach_mode mode)
{
	return mode == XDP_MODE_SKB ? "generic" : "native";
}

static int replace_alone(struct weir_plane *p, int ifindex, const struct found *f)
{
	enum xdp_attach_mode mode = xdp_multiprog__attach_mode(f->mp);
	uint32_t flags = XDP_FLAGS_REPLACE |
			 (mode == XDP_MODE_SKB ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = xdp_program__fd(f->ours));

	return bpf_xdp_attach(ifindex, bpf_program__fd(p->skel->progs.weir_xdp), flags, &opts);
}

/* Lets libxdp load and attach a program of its own over our maps. */
static int attach_new(struct weir_plane *p, int ifindex, enum xdp_attach_mode mode)
{
	struct weir_bpf *skel = plane_skel_open(p);
	struct xdp_program *prog;
	int err;

	if (!skel)
		return -errno;
	bpf_program__set_autoload(skel->progs.weir_dns_filter, false);
	bpf_program__set_autoload(skel->progs.weir_clock, false);
	prog = xdp_program__from_bpf_obj(skel->obj, "xdp");
	err = (int)libxdp_get_error(prog);
	if (!err) {
		plane_probing(true);
		err = xdp_program__attach(prog, ifindex, mode, 0);
		plane_probing(false);
		xdp_program__close(prog);
	}
	weir_bpf__destroy(skel);
	return err;
}

static int attach_modes(struct weir_plane *p, const char *ifname, int ifindex,
			enum weir_attach mode)
{
	int err = -EOPNOTSUPP;

	if (mode != WEIR_ATTACH_GENERIC)
		err = attach_new(p, ifindex, XDP_MODE_NATIVE);
	if (!err || err == -EBUSY || err == -EPERM || mode == WEIR_ATTACH_NATIVE)
		return err;
	if (mode == WEIR_ATTACH_AUTO)
		weir_warn(
			"%s: the driver has no native XDP (%s); using generic mode, which is slower",
			ifname, strerror(-err));
	return attach_new(p, ifindex, XDP_MODE_SKB);
}

/* A mode other than the one that is on asks for a fresh start; that is the one gap there is. */
static bool mode_differs(const struct found *f, enum weir_attach mode)
{
	enum xdp_attach_mode is = xdp_multiprog__attach_mode(f->mp);

	return (mode == WEIR_ATTACH_NATIVE && is == XDP_MODE_SKB) ||
	       (mode == WEIR_ATTACH_GENERIC && is != XDP_MODE_SKB);
}

static int attach_one(struct weir_plane *p, const char *ifname, int ifindex, enum weir_attach mode)
{
	struct found f = look(ifindex, map_id(bpf_map__fd(p->skel->maps.weir_rows)));
	enum xdp_attach_mode is = f.mp ? xdp_multiprog__attach_mode(f.mp) : XDP_MODE_UNSPEC;
	int err;

	if (f.ours && mode_differs(&f, mode)) {
		xdp_program__detach(f.ours, ifindex, is, 0);
		xdp_multiprog__close(f.mp);
		return attach_modes(p, ifname, ifindex, mode);
	}
	if (f.ours && f.alone) {
		err = replace_alone(p, ifindex, &f);
	} else if (f.ours) {
		err = attach_new(p, ifindex, is);
		if (!err)
			err = xdp_program__detach(f.ours, ifindex, is, 0);
	} else {
		err = attach_modes(p, ifname, ifindex, mode);
	}
	if (f.mp)
		xdp_multiprog__close(f.mp);
	return err;
}

static void detach_one(int ifindex, uint32_t map)
{
	struct found f = look(ifindex, map);
	char name[IF_NAMESIZE] = "";
	int err = 0;

	if (f.ours) {
		if_indextoname((unsigned)ifindex, name);
		if (f.alone)
			err = bpf_xdp_detach(ifindex, 0, NULL);
		else
			err = xdp_program__detach(f.ours, ifindex, xdp_multiprog__attach_mode(f.mp),
						  0);
		if (err)
			weir_error("%s: cannot detach: %s", name, strerror(-err));
		else
			weir_info("%s: detached", name);
	}
	if (f.mp)
		xdp_multiprog__close(f.mp);
}

static void detach_others(uint32_t map, const struct weir_plane_interface *keep, uint32_t n)
{
	struct if_nameindex *all = if_nameindex();

	for (struct if_nameindex *i = all; i && i->if_index; i++) {
		bool named = false;

		for (uint32_t k = 0; k < n; k++)
			named |= keep[k].ifindex == (int)i->if_index;
		if (!named)
			detach_one((int)i->if_index, map);
	}
	if (all)
		if_freenameindex(all);
}

static void say_attach_error(const char *ifname, int err)
{
	if (err == -EBUSY || err == -EEXIST)
		weir_error("%s: another XDP program is there and does not share; it was left alone",
			   ifname);
	else if (err == -EPERM)
		weir_error("%s: not permitted to attach; CAP_BPF and CAP_NET_ADMIN are needed",
			   ifname);
	else
		weir_error("%s: cannot attach: %s", ifname, strerror(-err));
}

static int attach_named(struct weir_plane *p, const char *ifname, enum weir_attach mode,
			struct weir_plane_interface *out)
{
	int ifindex = (int)if_nametoindex(ifname), err;
	struct found f;

	if (!ifindex) {
		weir_error("%s: no such interface", ifname);
		return -ENODEV;
	}
	err = attach_one(p, ifname, ifindex, mode);
	if (err) {
		say_attach_error(ifname, err);
		return err;
	}
	f = look(ifindex, map_id(bpf_map__fd(p->skel->maps.weir_rows)));
	if (!f.ours)
		return -EIO;
	*out = (struct weir_plane_interface){
		.ifindex = ifindex,
		.mode = mode_text(xdp_multiprog__attach_mode(f.mp)),
		.shared = !f.alone,
	};
	snprintf(out->name, sizeof(out->name), "%s", ifname);
	weir_info("%s: attached, %s mode, %s", ifname, out->mode,
		  f.alone ? "alone (this kernel has no dispatcher)"
			  : "shared by libxdp's dispatcher");
	xdp_multiprog__close(f.mp);
	return 0;
}

int weir_plane_attach(struct weir_plane *p, const char *const *ifnames, uint32_t n,
		      enum weir_attach mode)
{
	struct weir_plane_interface *all = weir_new_array(n, struct weir_plane_interface);
	int err = 0;

	for (uint32_t i = 0; !err && i < n; i++)
		err = attach_named(p, ifnames[i], mode, &all[i]);
	if (err) {
		free(all);
		return err;
	}
	detach_others(map_id(bpf_map__fd(p->skel->maps.weir_rows)), all, n);
	free(p->interfaces);
	p->interfaces = all;
	p->n_interfaces = n;
	return 0;
}

uint32_t weir_plane_interfaces(const struct weir_plane *p, const struct weir_plane_interface **out)
{
	*out = p->interfaces;
	return p->n_interfaces;
}

static bool in_use(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	return locked;
}

/* Every pin of one version, after its programs are off all interfaces. */
static int remove_version(const char *dir)
{
	char path[PATH_MAX + 256];
	DIR *d;
	struct dirent *e;
	int fd, err = 0;

	if (in_use(dir)) {
		weir_error("%s: an agent is using it; stop it first", dir);
		return -EBUSY;
	}
	snprintf(path, sizeof(path), "%s/weir_rows", dir);
	fd = bpf_obj_get(path);
	if (fd >= 0) {
		detach_others(map_id(fd), NULL, 0);
		close(fd);
	}
	d = opendir(dir);
	while (d && (e = readdir(d))) {
		if (!strncmp(e->d_name, "weir_", 5)) {
			snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
			err |= unlink(path);
		}
	}
	if (d)
		closedir(d);
	return rmdir(dir) || err ? -errno : 0;
}

int weir_plane_remove(const char *pin_path)
{
	char dir[PATH_MAX];
	DIR *d = opendir(pin_path);
	struct dirent *e;
	int err = 0, one;

	plane_quiet_libraries();
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(d))) {
		if (e->d_name[0] != 'v')
			continue;
		snprintf(dir, sizeof(dir), "%s/%s", pin_path, e->d_name);
		one = remove_version(dir);
		if (one && one != -EBUSY) {
			weir_error("%s: cannot be removed: %s", dir, strerror(-one));
		}
		err = one ? one : err;
	}
	closedir(d);
	rmdir(pin_path); /* stays if others keep something there */
	return err;
}
