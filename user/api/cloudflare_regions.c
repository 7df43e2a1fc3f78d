/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloudflare_regions.c - which countries are in which region, with their names (ISO 3166-1 and, of
 * the two countries that are in two regions, 3166-2). */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/cloudflare_impl.h"

/* "CODE name;" of each. */
static const char countries[] =
	"AD Andorra;AE United Arab Emirates;AF Afghanistan;AG Antigua and Barbuda;AI Anguilla;"
	"AL Albania;AM Armenia;AO Angola;AQ Antarctica;AR Argentina;AS American Samoa;AT Austria;"
	"AU Australia;AW Aruba;AX Åland Islands;AZ Azerbaijan;BA Bosnia and Herzegovina;"
	"BB Barbados;BD Bangladesh;BE Belgium;BF Burkina Faso;BG Bulgaria;BH Bahrain;BI Burundi;"
	"BJ Benin;BL Saint Barthélemy;BM Bermuda;BN Brunei Darussalam;BO Bolivia;"
	"BQ Bonaire, Sint Eustatius and Saba;BR Brazil;BS Bahamas;BT Bhutan;BV Bouvet Island;"
	"BW Botswana;BY Belarus;BZ Belize;CA Canada;CC Cocos (Keeling) Islands;"
	"CD Congo, The Democratic Republic of the;CF Central African Republic;CG Congo;"
	"CH Switzerland;CI Côte d'Ivoire;CK Cook Islands;CL Chile;CM Cameroon;CN China;"
	"CO Colombia;CR Costa Rica;CU Cuba;CV Cabo Verde;CW Curaçao;CX Christmas Island;"
	"CY Cyprus;CZ Czechia;DE Germany;DJ Djibouti;DK Denmark;DM Dominica;"
	"DO Dominican Republic;DZ Algeria;EC Ecuador;EE Estonia;EG Egypt;EH Western Sahara;"
	"ER Eritrea;ES Spain;ET Ethiopia;FI Finland;FJ Fiji;FK Falkland Islands (Malvinas);"
	"FM Micronesia, Federated States of;FO Faroe Islands;FR France;GA Gabon;"
	"GB United Kingdom;GD Grenada;GE Georgia;GF French Guiana;GG Guernsey;GH Ghana;"
	"GI Gibraltar;GL Greenland;GM Gambia;GN Guinea;GP Guadeloupe;GQ Equatorial Guinea;"
	"GR Greece;GS South Georgia and the South Sandwich Islands;GT Guatemala;GU Guam;"
	"GW Guinea-Bissau;GY Guyana;HK Hong Kong;HM Heard Island and McDonald Islands;"
	"HN Honduras;HR Croatia;HT Haiti;HU Hungary;ID Indonesia;IE Ireland;IL Israel;"
	"IM Isle of Man;IN India;IO British Indian Ocean Territory;IQ Iraq;IR Iran;IS Iceland;"
	"IT Italy;JE Jersey;JM Jamaica;JO Jordan;JP Japan;KE Kenya;KG Kyrgyzstan;KH Cambodia;"
	"KI Kiribati;KM Comoros;KN Saint Kitts and Nevis;KP North Korea;KR South Korea;KW Kuwait;"
	"KY Cayman Islands;KZ Kazakhstan;LA Laos;LB Lebanon;LC Saint Lucia;LI Liechtenstein;"
	"LK Sri Lanka;LR Liberia;LS Lesotho;LT Lithuania;LU Luxembourg;LV Latvia;LY Libya;"
	"MA Morocco;MC Monaco;MD Moldova;ME Montenegro;MF Saint Martin (French part);"
	"MG Madagascar;MH Marshall Islands;MK North Macedonia;ML Mali;MM Myanmar;MN Mongolia;"
	"MO Macao;MP Northern Mariana Islands;MQ Martinique;MR Mauritania;MS Montserrat;MT Malta;"
	"MU Mauritius;MV Maldives;MW Malawi;MX Mexico;MY Malaysia;MZ Mozambique;NA Namibia;"
	"NC New Caledonia;NE Niger;NF Norfolk Island;NG Nigeria;NI Nicaragua;NL Netherlands;"
	"NO Norway;NP Nepal;NR Nauru;NU Niue;NZ New Zealand;OM Oman;PA Panama;PE Peru;"
	"PF French Polynesia;PG Papua New Guinea;PH Philippines;PK Pakistan;PL Poland;"
	"PM Saint Pierre and Miquelon;PN Pitcairn;PR Puerto Rico;PS Palestine, State of;"
	"PT Portugal;PW Palau;PY Paraguay;QA Qatar;RE Réunion;RO Romania;RS Serbia;"
	"RU Russian Federation;RW Rwanda;SA Saudi Arabia;SB Solomon Islands;SC Seychelles;"
	"SD Sudan;SE Sweden;SG Singapore;SH Saint Helena, Ascension and Tristan da Cunha;"
	"SI Slovenia;SJ Svalbard and Jan Mayen;SK Slovakia;SL Sierra Leone;SM San Marino;"
	"SN Senegal;SO Somalia;SR Suriname;SS South Sudan;ST Sao Tome and Principe;"
	"SV El Salvador;SX Sint Maarten (Dutch part);SY Syria;SZ Eswatini;"
	"TC Turks and Caicos Islands;TD Chad;TF French Southern Territories;TG Togo;TH Thailand;"
	"TJ Tajikistan;TK Tokelau;TL Timor-Leste;TM Turkmenistan;TN Tunisia;TO Tonga;TR Türkiye;"
	"TT Trinidad and Tobago;TV Tuvalu;TW Taiwan;TZ Tanzania;UA Ukraine;UG Uganda;"
	"UM United States Minor Outlying Islands;US United States;UY Uruguay;UZ Uzbekistan;"
	"VA Holy See (Vatican City State);VC Saint Vincent and the Grenadines;VE Venezuela;"
	"VG Virgin Islands, British;VI Virgin Islands, U.S.;VN Vietnam;VU Vanuatu;"
	"WF Wallis and Futuna;WS Samoa;XK Kosovo;YE Yemen;YT Mayotte;ZA South Africa;ZM Zambia;"
	"ZW Zimbabwe;";

static const char us[] =
	"AK Alaska;AL Alabama;AR Arkansas;AZ Arizona;CA California;CO Colorado;CT Connecticut;"
	"DC District of Columbia;DE Delaware;FL Florida;GA Georgia;HI Hawaii;IA Iowa;ID Idaho;"
	"IL Illinois;IN Indiana;KS Kansas;KY Kentucky;LA Louisiana;MA Massachusetts;MD Maryland;"
	"ME Maine;MI Michigan;MN Minnesota;MO Missouri;MS Mississippi;MT Montana;"
	"NC North Carolina;ND North Dakota;NE Nebraska;NH New Hampshire;NJ New Jersey;"
	"NM New Mexico;NV Nevada;NY New York;OH Ohio;OK Oklahoma;OR Oregon;PA Pennsylvania;"
	"RI Rhode Island;SC South Carolina;SD South Dakota;TN Tennessee;TX Texas;UT Utah;"
	"VA Virginia;VT Vermont;WA Washington;WI Wisconsin;WV West Virginia;WY Wyoming;";

static const char ca[] =
	"AB Alberta;BC British Columbia;MB Manitoba;NB New Brunswick;"
	"NL Newfoundland and Labrador;NS Nova Scotia;NT Northwest Territories;NU Nunavut;"
	"ON Ontario;PE Prince Edward Island;QC Quebec;SK Saskatchewan;YT Yukon;";

/* --- reading them --- */

struct entry {
	char code[3], name[80];
};

/* The entry at s; what follows it, NULL at the end. */
static const char *next_entry(const char *s, struct entry *out)
{
	size_t n = strcspn(s, ";");

	if (!*s)
		return NULL;
	snprintf(out->code, sizeof(out->code), "%.2s", s);
	snprintf(out->name, sizeof(out->name), "%.*s", (int)n - 3, s + 3);
	return s + n + 1;
}

/* The parts of a country that are told apart; "": none. */
static const char *parts_of(const char *country)
{
	return strcmp(country, "US") == 0 ? us : strcmp(country, "CA") == 0 ? ca : "";
}

/* What is asked for; "": all. */
struct asked {
	const char *country, *part;
};

static bool is_asked(const char *want, const char *code)
{
	return !*want || strcasecmp(want, code) == 0;
}

/* Those of a country that are in a region. */
static json_t *parts_in(enum weir_region_code region, const struct entry *country,
			const struct asked *a)
{
	json_t *out = json_array();
	struct entry part;

	for (const char *s = parts_of(country->code); (s = next_entry(s, &part));)
		if (weir_region_of(country->code, part.code) == region &&
		    is_asked(a->part, part.code))
			json_array_append_new(out,
					      json_pack("{s:s, s:s}", "subdivision_code_a2",
							part.code, "subdivision_name", part.name));
	return out;
}

/* NULL: it is not in this region, or not asked for. */
static json_t *country_in(enum weir_region_code region, const struct entry *c,
			  const struct asked *a)
{
	json_t *parts = parts_in(region, c, a);
	bool whole = !*parts_of(c->code) && weir_region_of(c->code, "") == region && !*a->part;
	json_t *out = NULL;

	if (is_asked(a->country, c->code) && (whole || json_array_size(parts)))
		out = json_pack("{s:s, s:s, s:O*}", "country_code_a2", c->code, "country_name",
				c->name, "country_subdivisions", whole ? NULL : parts);
	json_decref(parts);
	return out;
}

static json_t *countries_in(enum weir_region_code region, const struct asked *a)
{
	json_t *out = json_array(), *country;
	struct entry e;

	for (const char *s = countries; (s = next_entry(s, &e));) {
		country = country_in(region, &e, a);
		if (country)
			json_array_append_new(out, country);
	}
	return out;
}

/* --- operations --- */

static void reply(struct api_request *r, json_t *regions)
{
	cf_reply(r, json_pack("{s:s, s:o}", "iso_standard",
			      "Country and subdivision codes follow ISO 3166-1 alpha-2 and ISO "
			      "3166-2",
			      "regions", regions));
}

static const char *arg(const struct api_request *r, const char *name)
{
	const char *s = api_arg(r, name);

	return s ? s : "";
}

/* Those that have what is asked for. */
void cf_regions(struct api_request *r, const struct cf_kind *k)
{
	struct asked a = { arg(r, "country_code_a2"), arg(r, "subdivision_code_a2") };
	const char *code = arg(r, "subdivision_code"); /* as in US-CA, or CA */
	json_t *regions = json_array();

	(void)k;
	if (*code)
		a.part = strchr(code, '-') ? strchr(code, '-') + 1 : code;
	for (unsigned i = WEIR_REGION_NONE + 1; i < WEIR_REGION_CODES; i++) {
		json_t *in = countries_in(i, &a);

		if (json_array_size(in))
			json_array_append_new(regions,
					      json_pack("{s:s, s:O}", "region_code",
							weir_region_text(i), "countries", in));
		json_decref(in);
	}
	reply(r, regions);
}

void cf_region(struct api_request *r, const struct cf_kind *k)
{
	enum weir_region_code region = weir_region_parse(api_param(r, "code"));
	static const struct asked all = { "", "" };

	(void)k;
	if (region)
		reply(r, json_pack("[{s:s, s:o}]", "region_code", weir_region_text(region),
				   "countries", countries_in(region, &all)));
	else
		cf_fail(r, 404, CF_UNKNOWN, NULL, "region not found: \"%s\"", api_param(r, "code"));
}
