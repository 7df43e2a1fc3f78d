/* SPDX-License-Identifier: GPL-2.0-or-later */
/* zonefiles.c - the zone files of a model. */
#include "agent/zonefiles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#define MAX_BYTES (1ll << 31)

struct agent_stamp agent_stamp_of(const char *path)
{
	struct stat st;

	if (!path || stat(path, &st))
		return (struct agent_stamp){ 0 };
	return (struct agent_stamp){ st.st_dev, st.st_ino, st.st_size, st.st_mtim };
}

bool agent_stamp_eq(const struct agent_stamp *a, const struct agent_stamp *b)
{
	return a->dev == b->dev && a->inode == b->inode && a->size == b->size &&
	       a->at.tv_sec == b->at.tv_sec && a->at.tv_nsec == b->at.tv_nsec;
}

/* --- one file --- */

/* Up to size bytes; returns how many there were, or a negative errno. */
static ssize_t read_all(int fd, char *to, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t got = read(fd, to + n, size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

/* The whole of it, the caller's to free; NULL: *err says why. The stamp is of what was opened. */
static char *read_text(const char *path, size_t *len, struct agent_stamp *stamp,
		       struct weir_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	struct stat st;
	ssize_t n = -1;

	if (fd < 0 || fstat(fd, &st)) {
		n = -errno;
	} else if (!S_ISREG(st.st_mode) || st.st_size > MAX_BYTES) {
		n = -EFBIG;
	} else {
		*stamp = (struct agent_stamp){ st.st_dev, st.st_ino, st.st_size, st.st_mtim };
		text = weir_alloc((size_t)st.st_size, 1);
		n = read_all(fd, text, (size_t)st.st_size);
	}
	if (fd >= 0)
		close(fd);
	if (n >= 0) {
		*len = (size_t)n;
		return text;
	}
	free(text);
	weir_err_set(err, "", "%s: cannot be read: %s", path,
		     n == -EFBIG ? "no regular file of at most 2 GiB" : strerror((int)-n));
	return NULL;
}

static struct weir_zone_file *read_file(const struct weir_zone_conf *z, struct agent_stamp *stamp,
					struct weir_err *err)
{
	struct weir_zone_file *f;
	struct weir_err why;
	size_t len;
	char *text = read_text(z->file, &len, stamp, err);

	if (!text)
		return NULL;
	f = weir_zone_file_parse(z->name, text, len, &why);
	free(text);
	if (f && z->dnssec.on)
		weir_zone_file_order(f);
	if (!f)
		weir_err_set(err, "", "%s: %s", z->file, why.text);
	else
		weir_info("zone %s: %s read: serial %u, %u records", z->name, z->file, f->serial,
			  f->n_records);
	return f;
}

/* --- all of them --- */

static const struct weir_zone_file *find(const struct agent_zone_files *was,
					 const struct weir_zone_conf *z,
					 const struct agent_stamp *stamp)
{
	struct weir_name name;

	if (!weir_name_parse(z->name, &name))
		return NULL;
	for (uint32_t i = 0; i < was->n; i++)
		if (was->files[i] && strcmp(was->is[i].path, z->file) == 0 &&
		    agent_stamp_eq(&was->is[i].stamp, stamp) &&
		    (!z->dnssec.on || was->files[i]->chain.n) &&
		    weir_layer_find(&was->files[i]->layer, name.wire, name.len))
			return was->files[i];
	return NULL;
}

static bool take(struct agent_zone_files *f, uint32_t i, const struct weir_zone_conf *z,
		 const struct agent_zone_files *was, struct weir_err *err)
{
	f->is[i].stamp = agent_stamp_of(z->file);
	f->files[i] = find(was, z, &f->is[i].stamp);
	f->is[i].shared = f->files[i];
	if (!f->files[i])
		f->files[i] = read_file(z, &f->is[i].stamp, err);
	if (f->files[i])
		f->is[i].path = weir_grow(NULL, 1, strlen(z->file) + 1);
	if (f->files[i])
		strcpy(f->is[i].path, z->file);
	return f->files[i];
}

bool agent_zone_files_read(const struct weir_model *m, const struct agent_zone_files *was,
			   struct agent_zone_files *out, struct weir_err *err)
{
	*out = (struct agent_zone_files){
		.files = weir_new_array(m->n_zones, const struct weir_zone_file *),
		.is = weir_new_array(m->n_zones, struct agent_zone_file),
		.n = m->n_zones,
	};
	for (uint32_t i = 0; i < m->n_zones; i++) {
		if (!m->zones[i].file || take(out, i, &m->zones[i], was, err))
			continue;
		snprintf(err->path, sizeof(err->path), "zones[%u].file", i);
		agent_zone_files_drop(out);
		return false;
	}
	return true;
}

void agent_zone_files_keep(const struct agent_zone_files *was, struct agent_zone_files *out)
{
	*out = (struct agent_zone_files){
		.files = weir_new_array(was->n, const struct weir_zone_file *),
		.is = weir_new_array(was->n, struct agent_zone_file),
		.n = was->n,
	};
	for (uint32_t i = 0; i < was->n; i++) {
		out->files[i] = was->files[i];
		out->is[i] = was->is[i];
		out->is[i].shared = true;
		if (was->is[i].path)
			out->is[i].path = strcpy(weir_grow(NULL, 1, strlen(was->is[i].path) + 1),
						 was->is[i].path);
	}
}

/* The holds are not of what is immutable in a file. */
void agent_zone_file_hold(const struct weir_zone_file *f)
{
	((struct weir_zone_file *)f)->held++;
}

void agent_zone_file_let_go(const struct weir_zone_file *f)
{
	struct weir_zone_file *file = (struct weir_zone_file *)f;

	if (!--file->held && file->orphan)
		weir_zone_file_free(file);
}

static void drop(struct weir_zone_file *f)
{
	f->orphan = true;
	if (!f->held)
		weir_zone_file_free(f);
}

void agent_zone_files_drop(struct agent_zone_files *f)
{
	for (uint32_t i = 0; i < f->n; i++) {
		if (!f->is[i].shared && f->files[i])
			drop((struct weir_zone_file *)f->files[i]);
		free(f->is[i].path);
	}
	free(f->files);
	free(f->is);
	*f = (struct agent_zone_files){ 0 };
}

static void free_file(void *file)
{
	drop(file);
}

void agent_zone_files_replace(struct agent_zone_files *was, struct agent_zone_files *next,
			      struct weir_dns *d)
{
	for (uint32_t i = 0; i < was->n; i++)
		was->is[i].shared = false;
	for (uint32_t i = 0; i < next->n; i++) {
		for (uint32_t k = 0; next->is[i].shared && k < was->n; k++)
			was->is[k].shared |= was->files[k] == next->files[i];
		next->is[i].shared = false;
	}
	for (uint32_t i = 0; i < was->n; i++) {
		if (!was->is[i].shared)
			weir_dns_retire(d, (struct weir_zone_file *)was->files[i], free_file);
		was->is[i].shared = true;
	}
	agent_zone_files_drop(was);
}
