/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keys.c - keys of signed zones on disk. A ring, its private keys and where its roll-over is are
 * one file, written beside the older one and put into its place: whenever the machine stops, one
 * of both is there, whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/signing.h"

#define MAX_BYTES (1 << 20)

static int fail(struct weir_err *err, int why, const char *path, const char *what)
{
	weir_err_set(err, "", "%s: %s: %s", path, what, strerror(-why));
	return why;
}

/* Makes it with all that is above it. What is there must be for the agent alone. */
static int open_directory(const char *path, struct weir_err *err)
{
	char above[512];
	struct stat st;
	int fd;

	snprintf(above, sizeof(above), "%s", path);
	for (char *slash = strchr(above + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		mkdir(above, 0755);
		*slash = '/';
	}
	mkdir(path, 0700);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(err, -errno, path, "cannot be used for keys");
	if (!fstat(fd, &st) && !(st.st_mode & 077))
		return fd;
	close(fd);
	weir_err_set(err, "", "%s: others may read it, and it is for keys: chmod 700", path);
	return -EPERM;
}

static void name_of(const char *zone, const char *suffix, char out[256])
{
	snprintf(out, 256, "%s.keys%s", zone, suffix);
}

/* --- reading --- */

static json_t *load(int fd, const char *path, struct weir_err *err)
{
	FILE *f = fdopen(fd, "r");
	json_error_t bad;
	json_t *v;

	if (!f) {
		close(fd);
		return NULL;
	}
	v = json_loadf(f, 0, &bad);
	fclose(f);
	if (!v)
		weir_err_set(err, "", "%s: line %d: %s", path, bad.line, bad.text);
	return v;
}

int agent_keys_read(const char *directory, const char *zone, struct weir_keyring *r,
		    struct weir_err *err)
{
	char name[256], path[1024];
	struct weir_err why;
	struct stat st;
	json_t *v;
	int dir, fd;

	dir = open_directory(directory, err);
	if (dir < 0)
		return dir;
	name_of(zone, ".new", name);
	unlinkat(dir, name, 0); /* an agent was killed while it wrote this */
	name_of(zone, "", name);
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	close(dir);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : fail(err, -errno, path, "cannot be read");
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_mode & 077 || st.st_size > MAX_BYTES) {
		close(fd);
		weir_err_set(err, "", "%s: is not a file that only the agent may read: chmod 600",
			     path);
		return -EPERM;
	}
	v = load(fd, path, err);
	if (!v)
		return -EINVAL;
	if (!weir_keyring_parse(v, r, &why)) {
		json_decref(v);
		weir_err_set(err, "", "%s: %s", path, why.text);
		return -EINVAL;
	}
	json_decref(v);
	return 0;
}

/* --- writing --- */

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) ? -errno : 0;
}

static int write_in(int dir, const char *name, const char *fresh, const char *text)
{
	int fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc;

	if (fd < 0)
		return -errno;
	rc = fchmod(fd, 0600) ? -errno : write_all(fd, text, strlen(text));
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc && renameat(dir, fresh, dir, name))
		rc = -errno;
	if (!rc && fsync(dir))
		rc = -errno;
	if (rc)
		unlinkat(dir, fresh, 0);
	return rc;
}

int agent_keys_write(const char *directory, const char *zone, const struct weir_keyring *r,
		     struct weir_err *err)
{
	char name[256], fresh[256], path[1024];
	int dir = open_directory(directory, err), rc;
	json_t *v;
	char *text;

	if (dir < 0)
		return dir;
	v = weir_keyring_json(r);
	text = json_dumps(v, JSON_INDENT(2));
	json_decref(v);
	name_of(zone, "", name);
	name_of(zone, ".new", fresh);
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	rc = text ? write_in(dir, name, fresh, text) : -ENOMEM;
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
	close(dir);
	return rc ? fail(err, rc, path, "cannot be written") : 0;
}
