/* SPDX-License-Identifier: GPL-2.0-or-later */
/* remove.c - takes everything away that any version of weir has attached and pinned. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/log.h"
#include "dataplane/dns_impl.h"

static bool in_use(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	return locked;
}

static void remove_tc(const char *dir)
{
	char path[PATH_MAX + 256];
	int fd;

	snprintf(path, sizeof(path), "%s/weir_services", dir);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return;
	tc_detach_everywhere(fd);
	close(fd);
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
		err = detach_everywhere(fd);
		close(fd);
	}
	remove_tc(dir);
	if (err ||
	    (fd < 0 && errno != ENOENT)) /* the pins are what programs of ours are known by */
		return err ? err : -errno;
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
	if (!d && errno == ENOENT)
		return 0;
	if (!d) {
		err = -errno;
		weir_error("%s: cannot be read: %s", pin_path, strerror(-err));
		return err;
	}
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
