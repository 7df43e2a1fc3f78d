/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/region.h"

#include <string.h>

/* Countries by region. */
static const struct {
	const char *code, *countries;
} regions[WEIR_REGION_CODES] = {
	[WEIR_REGION_NONE] = { "", "" },
	[WEIR_REGION_WNAM] = { "WNAM", "HT MX" },
	[WEIR_REGION_ENAM] = { "ENAM", "BM CA GL PM US" },
	[WEIR_REGION_WEU] = { "WEU", "AD AT AX BE CH DE DK ES FI FO FR GB GG GI IE IM IS IT JE LI "
				     "LU MC MT NL NO PT SE SJ SM VA" },
	[WEIR_REGION_EEU] = { "EEU", "AL BA BG BY CY CZ EE GR HR HU LT LV MD ME MK PL RO RS RU SI "
				     "SK UA XK" },
	[WEIR_REGION_NSAM] = { "NSAM",
			       "AG AI AW BB BL BQ BS BZ CO CR CU CW DM DO EC GD GF GP GT GY "
			       "HN JM KN KY LC MF MQ MS NI PA PR SR SV SX TC TT VC VE VG VI" },
	[WEIR_REGION_SSAM] = { "SSAM", "AR BO BR CL FK GS PE PY UY" },
	[WEIR_REGION_OC] = { "OC", "AQ AS AU CK FJ FM GU HM KI MH MP NC NF NR NU NZ PF PG PN PW SB "
				   "TK TO TV UM VU WF WS" },
	[WEIR_REGION_ME] = { "ME", "AE AM AZ BH GE IL IQ IR JO KW LB OM PS QA SA SY TR YE" },
	[WEIR_REGION_NAF] = { "NAF", "BF BJ CF CI CM CV DJ DZ EG EH ER ET GH GM GN GW LR LY MA ML "
				     "MR NE NG SD SL SN SO SS TD TG TN" },
	[WEIR_REGION_SAF] = { "SAF", "AO BI BV BW CD CG GA GQ IO KE KM LS MG MU MW MZ NA RE RW SC "
				     "SH ST SZ TF TZ UG YT ZA ZM ZW" },
	[WEIR_REGION_SAS] = { "SAS", "AF BD BT IN KG KZ LK MV NP PK TJ TM UZ" },
	[WEIR_REGION_SEAS] = { "SEAS", "BN CC CX ID KH LA MM MY PH SG TH TL VN" },
	[WEIR_REGION_NEAS] = { "NEAS", "CN HK JP KP KR MN MO TW" },
};

/* The western parts of the two countries that are in two regions. */
static const char us_west[] = "AK AZ CA CO HI ID KS MN MO MT ND NE NM NV OK OR SD TX UT WA WY";
static const char ca_west[] = "AB BC MB NT NU SK YT";

const char *weir_region_text(enum weir_region_code r)
{
	return regions[r].code;
}

enum weir_region_code weir_region_parse(const char *text)
{
	for (unsigned r = WEIR_REGION_NONE + 1; r < WEIR_REGION_CODES; r++)
		if (strcmp(text, regions[r].code) == 0)
			return (enum weir_region_code)r;
	return WEIR_REGION_NONE;
}

/* Whether a list of codes of two letters has this one. */
static int has(const char *list, const char *code)
{
	for (; *list; list += list[2] ? 3 : 2)
		if (list[0] == code[0] && list[1] == code[1])
			return 1;
	return 0;
}

enum weir_region_code weir_region_of(const char country[2], const char *subdivision)
{
	const char *west = memcmp(country, "US", 2) == 0   ? us_west
			   : memcmp(country, "CA", 2) == 0 ? ca_west
							   : NULL;

	if (west && strlen(subdivision) == 2 && has(west, subdivision))
		return WEIR_REGION_WNAM;
	for (unsigned r = WEIR_REGION_NONE + 1; r < WEIR_REGION_CODES; r++)
		if (has(regions[r].countries, country))
			return (enum weir_region_code)r;
	return WEIR_REGION_NONE;
}
