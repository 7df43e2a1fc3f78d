/* SPDX-License-Identifier: GPL-2.0-or-later */
/* geofeed.c - RFC 8805. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geo/geo.h"

#define MAX_LINE 512
#define COLUMNS  7

/* Parts the line at its commas, without blanks around them. */
static unsigned split(char *line, char *columns[COLUMNS])
{
	unsigned n = 0;

	line[strcspn(line, "#\r\n")] = 0;
	for (char *rest = line, *c; n < COLUMNS && (c = strsep(&rest, ",")) != NULL;) {
		size_t len;

		c += strspn(c, " \t");
		for (len = strlen(c); len && (c[len - 1] == ' ' || c[len - 1] == '\t');)
			c[--len] = 0;
		columns[n++] = c;
	}
	return n;
}

static bool take_country(const char *text, const char *subdivision, struct weir_location *to,
			 const char **why)
{
	if (!*text)
		return true;
	if (strlen(text) != 2 || !isalpha((unsigned char)text[0]) ||
	    !isalpha((unsigned char)text[1])) {
		*why = "the country must be two letters, as in DE";
		return false;
	}
	to->country[0] = (char)toupper((unsigned char)text[0]);
	to->country[1] = (char)toupper((unsigned char)text[1]);
	if (strncasecmp(subdivision, text, 2) == 0 && subdivision[2] == '-')
		subdivision += 3;
	to->region = weir_region_of(to->country, subdivision);
	return true;
}

/* False: it is no number of at most so many degrees. */
static bool take_degrees(const char *text, double most, int32_t *to)
{
	char *end;
	double v = strtod(text, &end);

	if (!*text || *end || !(v >= -most && v <= most))
		return false;
	*to = (int32_t)lround(v * 1000);
	return true;
}

static bool take_point(unsigned n, char *const columns[COLUMNS], struct weir_location *to,
		       const char **why)
{
	if (n < 6 || (n == 6 && !*columns[5]) || (n == 7 && !*columns[5] && !*columns[6]))
		return true;
	*why = "latitude and longitude must be numbers of degrees, both or none";
	to->at.known = n == 7 && take_degrees(columns[5], 90, &to->at.latitude) &&
		       take_degrees(columns[6], 180, &to->at.longitude);
	return to->at.known;
}

/* False: *why says what is wrong. */
static bool take_line(char *line, struct weir_places_builder *to, const char **why)
{
	struct weir_location is = { 0 };
	char *columns[COLUMNS];
	struct weir_prefix of;
	unsigned n = split(line, columns);

	if (n == 1 && !*columns[0])
		return true;
	if (!weir_prefix_parse(columns[0], &of)) {
		*why = "it must begin with a prefix, as in 192.0.2.0/24 or 2001:db8::/32";
		return false;
	}
	if (n > 1 && !take_country(columns[1], n > 2 ? columns[2] : "", &is, why))
		return false;
	if (!take_point(n, columns, &is, why))
		return false;
	weir_places_add(to, &of, &is);
	return true;
}

bool weir_geofeed_read(const char *path, struct weir_places_builder *to, struct weir_err *err)
{
	FILE *f = fopen(path, "rbe");
	char line[MAX_LINE];
	const char *why = NULL;
	unsigned nth = 0;

	if (!f) {
		weir_err_set(err, "agent.geofeed", "%s cannot be opened: %s", path,
			     strerror(errno));
		return false;
	}
	while (!why && fgets(line, sizeof(line), f)) {
		nth++;
		if (!strchr(line, '\n') && !feof(f))
			why = "the line is too long";
		else if (memchr(line, 0, strcspn(line, "\n")))
			why = "it holds a NUL character";
		else
			take_line(line, to, &why);
	}
	if (!why && ferror(f))
		why = "it cannot be read";
	fclose(f);
	if (why)
		weir_err_set(err, "agent.geofeed", "%s:%u: %s", path, nth, why);
	return !why;
}
