/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scalar.c - what an unquoted YAML text is: the tables of the core schema (YAML 1.2, 10.3.2). */
#include "model/scalar.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool one_of(const char *s, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(s, *words) == 0)
			return true;
	return false;
}

static const char *skip_digits(const char *s)
{
	return s + strspn(s, "0123456789");
}

/* [-+]?[0-9]+, 0o[0-7]+ or 0x[0-9a-fA-F]+. *base is what strtoll needs, *digits where to start. */
static bool looks_int(const char *s, int *base, const char **digits)
{
	const char *d = s + (*s == '-' || *s == '+');

	*base = 10;
	*digits = s;
	if (*d && !*skip_digits(d))
		return true;
	if (s[0] != '0' || (s[1] != 'o' && s[1] != 'x') || !s[2])
		return false;
	*base = s[1] == 'o' ? 8 : 16;
	*digits = s + 2;
	return !s[2 + strspn(s + 2, *base == 8 ? "01234567" : "0123456789abcdefABCDEF")];
}

/* [-+]? ( \.[0-9]+ | [0-9]+ (\.[0-9]*)? ) ( [eE][-+]?[0-9]+ )? */
static bool looks_float(const char *s)
{
	const char *e;
	bool whole;

	s += *s == '-' || *s == '+';
	e = skip_digits(s);
	whole = e != s;
	if (*e == '.') {
		s = e + 1;
		e = skip_digits(s);
		if (!whole && e == s)
			return false;
	} else if (!whole) {
		return false;
	}
	if (*e == 'e' || *e == 'E') {
		e++;
		s = e + (*e == '-' || *e == '+');
		e = skip_digits(s);
		if (e == s)
			return false;
	}
	return !*e;
}

/* A number of the core schema; *is_number says whether s is one. NULL: none, or not representable.
 */
static json_t *number(const char *s, bool *is_number)
{
	static const char *const odd[] = { ".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf",
					   "+.INF", "-.inf", "-.Inf", "-.INF", ".nan",
					   ".NaN",  ".NAN",  NULL };
	const char *digits;
	int base;
	long long whole;

	*is_number = true;
	if (looks_int(s, &base, &digits)) {
		errno = 0;
		whole = strtoll(digits, NULL, base);
		return errno ? NULL : json_integer(whole);
	}
	if (looks_float(s)) {
		return json_real(strtod(s, NULL)); /* NULL when it is not finite */
	}
	*is_number = one_of(s, odd);
	return NULL;
}

json_t *weir_scalar_plain(const char *s, size_t len)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
	static const char *const yes[] = { "true", "True", "TRUE", NULL };
	static const char *const no[] = { "false", "False", "FALSE", NULL };
	bool is_number;
	json_t *v;

	if (one_of(s, nulls))
		return json_null();
	if (one_of(s, yes))
		return json_true();
	if (one_of(s, no))
		return json_false();
	v = number(s, &is_number);
	return is_number ? v : json_stringn(s, len);
}
