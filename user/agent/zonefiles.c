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

/* ordered: for a zone that is signed. */
static struct weir_zone_file *read_file(const char *zone, const char *path, bool ordered,
					struct agent_stamp *stamp, struct weir_err *err)
{
	struct weir_zone_file *f;
	struct weir_err why;
	size_t len;
	char *text = read_text(path, &len, stamp, err);

	if (!text)
		return NULL;
	f = weir_zone_file_parse(zone, text, len, &why);
	free(text);
	if (f && ordered)
		weir_zone_file_order(f);
	if (!f)
		weir_err_set(err, "", "%s: %s", path, why.text);
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

/* What others hold stays until they let it go. */
static void drop(struct weir_zone_file *f)
{
	f->orphan = true;
	if (!f->held)
		weir_zone_file_free(f);
}

/* --- beside the loop --- */

/* The file of a zone. */
struct sheet {
	char *zone, *path;
	bool ordered;
	bool wanted; /* else it was read before, as its stamp says */
	struct agent_stamp stamp;
	struct weir_zone_file *file; /* NULL: err says why, or somebody has taken it */
	struct weir_err err;
};

struct agent_zone_reading {
	uint32_t n;
	struct sheet of[]; /* all that a model has: one that changes meanwhile is not read now */
};

static char *copy(const char *text)
{
	return strcpy(weir_grow(NULL, 1, strlen(text) + 1), text);
}

struct agent_zone_reading *agent_zone_reading_new(const struct weir_model *m,
						  const struct agent_zone_files *was)
{
	struct agent_zone_reading *r;
	bool any = false;

	r = weir_alloc(1, sizeof(*r) + m->n_zones * sizeof(*r->of));
	for (uint32_t i = 0; i < m->n_zones; i++) {
		const struct weir_zone_conf *z = &m->zones[i];
		struct sheet *s = &r->of[r->n];

		if (!z->file)
			continue;
		s->zone = copy(z->name);
		s->path = copy(z->file);
		s->ordered = z->dnssec.on;
		s->stamp = agent_stamp_of(z->file);
		s->wanted = !find(was, z, &s->stamp);
		any |= s->wanted;
		r->n++;
	}
	if (any)
		return r;
	agent_zone_reading_free(r);
	return NULL;
}

void agent_zone_reading_run(struct agent_zone_reading *r)
{
	for (uint32_t i = 0; i < r->n; i++) {
		struct sheet *s = &r->of[i];

		if (s->wanted)
			s->file = read_file(s->zone, s->path, s->ordered, &s->stamp, &s->err);
		if (s->wanted && !s->file)
			return; /* one that is bad is enough */
	}
}

const struct weir_zone_file *agent_zone_reading_signed(const struct agent_zone_reading *r,
						       uint32_t i, const char **zone)
{
	for (uint32_t k = 0; k < r->n; k++) {
		if (!r->of[k].file || !r->of[k].ordered || i--)
			continue;
		*zone = r->of[k].zone;
		return r->of[k].file;
	}
	return NULL;
}

void agent_zone_reading_free(struct agent_zone_reading *r)
{
	for (uint32_t i = 0; r && i < r->n; i++) {
		if (r->of[i].file)
			drop(r->of[i].file);
		free(r->of[i].zone);
		free(r->of[i].path);
	}
	free(r);
}

static struct sheet *sheet_of(struct agent_zone_reading *r, const struct weir_zone_conf *z)
{
	for (uint32_t i = 0; r && i < r->n; i++)
		if (!strcmp(r->of[i].zone, z->name) && !strcmp(r->of[i].path, z->file) &&
		    r->of[i].ordered == z->dnssec.on)
			return &r->of[i];
	return NULL;
}

/* --- a list --- */

/* One that is not as it was. */
static struct weir_zone_file *fresh(struct sheet *s, const struct weir_zone_conf *z,
				    struct agent_stamp *stamp, struct weir_err *err)
{
	struct weir_zone_file *f;

	if (s && s->err.text[0]) {
		*err = s->err;
		return NULL;
	}
	f = s ? s->file : NULL;
	if (f)
		s->file = NULL;
	else
		f = read_file(z->name, z->file, z->dnssec.on, stamp, err);
	if (f)
		weir_info("zone %s: %s read: serial %u, %u records", z->name, z->file, f->serial,
			  f->n_records);
	return f;
}

static bool take(struct agent_zone_files *f, uint32_t i, const struct weir_zone_conf *z,
		 const struct agent_zone_files *was, struct agent_zone_reading *read,
		 struct weir_err *err)
{
	struct sheet *s = sheet_of(read, z);

	f->is[i].stamp = s ? s->stamp : agent_stamp_of(z->file);
	f->files[i] = s && s->file ? NULL : find(was, z, &f->is[i].stamp);
	f->is[i].shared = f->files[i];
	if (!f->files[i])
		f->files[i] = fresh(s, z, &f->is[i].stamp, err);
	if (f->files[i])
		f->is[i].path = copy(z->file);
	return f->files[i];
}

bool agent_zone_files_read(const struct weir_model *m, const struct agent_zone_files *was,
			   struct agent_zone_reading *read, struct agent_zone_files *out,
			   struct weir_err *err)
{
	*out = (struct agent_zone_files){
		.files = weir_new_array(m->n_zones, const struct weir_zone_file *),
		.is = weir_new_array(m->n_zones, struct agent_zone_file),
		.n = m->n_zones,
	};
	for (uint32_t i = 0; i < m->n_zones; i++) {
		if (!m->zones[i].file || take(out, i, &m->zones[i], was, read, err))
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
			out->is[i].path = copy(was->is[i].path);
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
