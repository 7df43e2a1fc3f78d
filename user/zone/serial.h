/* SPDX-License-Identifier: GPL-2.0-or-later */
/* serial.h - serials of zones that other servers take as they are at the time: with pools as health
 * has them, or with signatures. Both change without the document, and who has taken the zone has to
 * know. Pure.
 *
 * Such a zone's serial is what the document or the file says, and a count on top: the seconds since
 * the beginning of 2026 when what the zone says was last seen to be another, at least one more than
 * before. So it goes on where an agent that was started anew left off, if the clock is right. */
#ifndef WEIR_ZONE_SERIAL_H
#define WEIR_ZONE_SERIAL_H

#include <stdint.h>

#define WEIR_SERIAL_EPOCH 1767225600u /* 2026-01-01, seconds since 1970 */

/* What a zone says, and what its count is since it does. */
struct weir_serial {
	uint64_t zone, digest;
	uint32_t count;
};

/* Zeroed at first. Of whoever builds snapshots, one after the other; weir_zones_build() leaves
 * those of the zones that the snapshot has. */
struct weir_serials {
	struct weir_serial *of; /* by zone */
	uint32_t n;
	uint32_t now_s; /* wall clock, seconds since 1970; set before each */
};

void weir_serials_fini(struct weir_serials *s);

#endif
