/* SPDX-License-Identifier: GPL-2.0-or-later */
/* steering.h - what services that tell their clients apart have in the maps, for tests. */
#ifndef WEIR_TESTS_STEERING_H
#define WEIR_TESTS_STEERING_H

#include "plane.h"

/* A prefix of clients at a location: "192.0.2.0", 24 bits. */
void plane_add_place(struct plane *p, const char *addr, uint32_t bits, uint32_t location);
void plane_remove_places(struct plane *p);

/* The slice of a flow's client: computed here, by the description in bpf/steer.h. */
uint32_t plane_slice(const struct flow *f);

/* The rows of a service as a table that ways name. They begin at a multiple of WEIR_TABLE_MIN. */
uint32_t plane_table(const struct plane_service *s);

#endif
