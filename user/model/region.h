/* SPDX-License-Identifier: GPL-2.0-or-later */
/* region.h - the 13 regions of the world that load balancers know (vendor-apis, "Regions"), and
 * which country is in which. The vendor's table is not public as a whole: what its documents show
 * is kept, the rest goes by geography. Pure; any thread. */
#ifndef WEIR_MODEL_REGION_H
#define WEIR_MODEL_REGION_H

#include <stdint.h>

enum weir_region_code {
	WEIR_REGION_NONE, /* not known */
	WEIR_REGION_WNAM,
	WEIR_REGION_ENAM,
	WEIR_REGION_WEU,
	WEIR_REGION_EEU,
	WEIR_REGION_NSAM,
	WEIR_REGION_SSAM,
	WEIR_REGION_OC,
	WEIR_REGION_ME,
	WEIR_REGION_NAF,
	WEIR_REGION_SAF,
	WEIR_REGION_SAS,
	WEIR_REGION_SEAS,
	WEIR_REGION_NEAS,
	WEIR_REGION_CODES
};

/* "WNAM"; NONE: "". */
const char *weir_region_text(enum weir_region_code r);
enum weir_region_code weir_region_parse(const char *text); /* NONE: no such region */

/* By ISO 3166-1 alpha-2 code, and for US and CA by subdivision (ISO 3166-2 without the country;
 * "": not known). Capital letters. NONE: no such country. */
enum weir_region_code weir_region_of(const char country[2], const char *subdivision);

#endif
