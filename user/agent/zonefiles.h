/* SPDX-License-Identifier: GPL-2.0-or-later */
/* zonefiles.h - the zone files of a model, read when they are new, else shared with the model
 * before. Loop thread, but for what reads. */
#ifndef WEIR_AGENT_ZONEFILES_H
#define WEIR_AGENT_ZONEFILES_H

#include <sys/types.h>
#include <time.h>

#include "base/err.h"
#include "dns/dns.h"
#include "model/model.h"
#include "zone/file.h"

/* Which file was read. */
struct agent_stamp {
	dev_t dev;
	ino_t inode;
	off_t size;
	struct timespec at;
};

/* All zero where there is no such file. */
struct agent_stamp agent_stamp_of(const char *path);
bool agent_stamp_eq(const struct agent_stamp *a, const struct agent_stamp *b);

struct agent_zone_file {
	char *path;
	struct agent_stamp stamp;
	bool shared; /* with the list that this one was made after */
};

/* Zone files by zone of a model. */
struct agent_zone_files {
	const struct weir_zone_file **files; /* NULL: has none */
	struct agent_zone_file *is;
	uint32_t n;
};

/* Those of m that are not as they were read for was, to be read beside the loop: a million names
 * take seconds. NULL: there are none. */
struct agent_zone_reading;
struct agent_zone_reading *agent_zone_reading_new(const struct weir_model *m,
						  const struct agent_zone_files *was);
/* On any thread, once; nobody else looks at it meanwhile. */
void agent_zone_reading_run(struct agent_zone_reading *r);
/* The ith file that was read and is there for a zone that is signed, and that zone; NULL: none is
 * left. */
const struct weir_zone_file *agent_zone_reading_signed(const struct agent_zone_reading *r,
						       uint32_t i, const char **zone);
/* With what nobody has taken out of it. Takes NULL. */
void agent_zone_reading_free(struct agent_zone_reading *r);

/* Those of m: as they were read for was, or for it (read; NULL: nothing was), or read now. False:
 * *err has path, line and reason, and nothing is left to drop. */
bool agent_zone_files_read(const struct weir_model *m, const struct agent_zone_files *was,
			   struct agent_zone_reading *read, struct agent_zone_files *out,
			   struct weir_err *err);
/* The same as they are, for a model with the same zones. */
void agent_zone_files_keep(const struct agent_zone_files *was, struct agent_zone_files *out);
/* One that something else reads as well stays until that has let it go: once for each hold. */
void agent_zone_file_hold(const struct weir_zone_file *f);
void agent_zone_file_let_go(const struct weir_zone_file *f);

/* Ends a list, but for what it shares. */
void agent_zone_files_drop(struct agent_zone_files *f);
/* Ends the list that next was made after: next has what they share, and what only was has is freed
 * when no snapshot that d answers from refers to it. */
void agent_zone_files_replace(struct agent_zone_files *was, struct agent_zone_files *next,
			      struct weir_dns *d);

#endif
