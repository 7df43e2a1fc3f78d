/* SPDX-License-Identifier: GPL-2.0-or-later */
/* geo.h - where clients are, out of files. Any thread; blocks while it reads. */
#ifndef WEIR_GEO_GEO_H
#define WEIR_GEO_GEO_H

#include "base/err.h"
#include "model/places.h"

/* Adds the prefixes of a geofeed (RFC 8805): lines of prefix,country,region,city,postal code, of
 * which country and region (ISO 3166-2, as in US-CA) are used; empty lines and what follows a # are
 * not. A sixth and a seventh column, ours, are latitude and longitude. False: *err says where. */
bool weir_geofeed_read(const char *path, struct weir_places_builder *to, struct weir_err *err);

/* Adds the networks of a MaxMind database (format 2.0), of which country.iso_code,
 * subdivisions[0].iso_code and location.latitude, .longitude are used, where it has them. */
bool weir_mmdb_read(const char *path, struct weir_places_builder *to, struct weir_err *err);

/* What both files have that the agent's configuration names, agent.client_regions, and what rules
 * tell apart. */
bool weir_geo_read(const struct weir_model *m, struct weir_places **out, struct weir_err *err);

#endif
