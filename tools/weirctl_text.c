/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl_text.c - tables and numbers for people. */
#include "weirctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

struct weirctl_cell {
	char text[256];
	enum weirctl_colour colour;
};

/* A control character, also one of the upper half (U+0080 to U+009F, two bytes). */
static bool is_control(const unsigned char *s)
{
	return *s < ' ' || *s == 127 || (*s == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0);
}

/* What an agent or a configuration sends must not move the cursor. */
static void put_clean(FILE *to, const char *text)
{
	for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
		bool control = is_control(s);

		fputc(control ? '?' : *s, to);
		s += control && *s == 0xc2;
	}
}

void weirctl_say(FILE *to, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	put_clean(to, text);
	free(text);
}

void weirctl_put(enum weirctl_colour c, bool colour, const char *text)
{
	static const char *const code[] = {
		[WEIRCTL_GOOD] = "\033[32m", [WEIRCTL_WARN] = "\033[33m", [WEIRCTL_BAD] = "\033[31m"
	};
	bool painted = colour && c != WEIRCTL_PLAIN && *text;

	if (painted)
		fputs(code[c], stdout);
	put_clean(stdout, text);
	if (painted)
		fputs("\033[0m", stdout);
}

const char *weirctl_place(const json_t *o, char out[WEIRCTL_PLACE])
{
	const char *addr = weirctl_str(o, "address");
	long long port = weirctl_int(o, "port");

	if (!port)
		snprintf(out, WEIRCTL_PLACE, "%.60s", addr);
	else if (strchr(addr, ':'))
		snprintf(out, WEIRCTL_PLACE, "[%.60s]:%lld", addr, port);
	else
		snprintf(out, WEIRCTL_PLACE, "%.60s:%lld", addr, port);
	return out;
}

const char *weirctl_str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s && *s ? s : "-";
}

long long weirctl_int(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

double weirctl_real(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

bool weirctl_yes(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

void weirctl_table_init(struct weirctl_table *t, const char *const *titles)
{
	*t = (struct weirctl_table){ .titles = titles };
	while (titles[t->columns])
		t->columns++;
}

void weirctl_table_add(struct weirctl_table *t, enum weirctl_colour c, const char *fmt, ...)
{
	struct weirctl_cell *cell;
	va_list ap;

	if (t->n % 64 == 0)
		t->cells = weir_grow(t->cells, t->n + 64, sizeof(*t->cells));
	cell = &t->cells[t->n++];
	cell->colour = c;
	va_start(ap, fmt);
	vsnprintf(cell->text, sizeof(cell->text), fmt, ap);
	va_end(ap);
}

/* Characters of UTF-8 text. */
static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static size_t column_width(const struct weirctl_table *t, size_t column)
{
	size_t max = width(t->titles[column] + 1);

	for (size_t i = column; i < t->n; i += t->columns)
		if (width(t->cells[i].text) > max)
			max = width(t->cells[i].text);
	return max;
}

static void put_cell(const struct weirctl_table *t, size_t column, size_t wide, const char *text,
		     enum weirctl_colour c, bool colour)
{
	int pad = (int)(wide - width(text));
	bool right = t->titles[column][0] == '>';

	printf("%*s", right ? pad + 2 : 2, "");
	weirctl_put(c, colour, text);
	if (!right && column + 1 < t->columns)
		printf("%*s", pad, "");
}

void weirctl_table_print(struct weirctl_table *t, bool colour)
{
	size_t *wide = weir_new_array(t->columns, size_t);

	for (size_t i = 0; i < t->columns; i++) {
		wide[i] = column_width(t, i);
		put_cell(t, i, wide[i], t->titles[i] + 1, WEIRCTL_PLAIN, colour);
	}
	putchar('\n');
	for (size_t i = 0; i < t->n; i++) {
		size_t column = i % t->columns;

		put_cell(t, column, wide[column], t->cells[i].text, t->cells[i].colour, colour);
		if (column + 1 == t->columns)
			putchar('\n');
	}
	free(wide);
	free(t->cells);
	weirctl_table_init(t, t->titles);
}

const char *weirctl_count(long long n, char out[WEIRCTL_NUMBER])
{
	static const char unit[] = "kMGTPE";
	double v = (double)n;
	int i = -1;

	if (n < 100000) {
		snprintf(out, WEIRCTL_NUMBER, "%lld", n);
		return out;
	}
	while (v >= 999.95) {
		v /= 1000;
		i++;
	}
	snprintf(out, WEIRCTL_NUMBER, "%.1f%c", v, unit[i]);
	return out;
}

const char *weirctl_bytes(long long n, char out[WEIRCTL_NUMBER])
{
	static const char unit[] = "KMGTPE";
	double v = (double)n;
	int i = -1;

	if (n < 1024) {
		snprintf(out, WEIRCTL_NUMBER, "%lld B", n);
		return out;
	}
	while (v >= 1023.95) {
		v /= 1024;
		i++;
	}
	snprintf(out, WEIRCTL_NUMBER, "%.1f %ciB", v, unit[i < 0 ? 0 : i]);
	return out;
}

const char *weirctl_duration(long long sec, char out[WEIRCTL_NUMBER])
{
	if (sec < 0)
		sec = 0; /* the agent's clock is ahead of ours */
	if (sec < 60)
		snprintf(out, WEIRCTL_NUMBER, "%llds", sec);
	else if (sec < 3600)
		snprintf(out, WEIRCTL_NUMBER, "%lldm%02llds", sec / 60, sec % 60);
	else if (sec < 86400)
		snprintf(out, WEIRCTL_NUMBER, "%lldh%02lldm", sec / 3600, sec / 60 % 60);
	else
		snprintf(out, WEIRCTL_NUMBER, "%lldd%02lldh", sec / 86400, sec / 3600 % 24);
	return out;
}

const char *weirctl_rtt(long long us, char out[WEIRCTL_NUMBER])
{
	if (us <= 0)
		snprintf(out, WEIRCTL_NUMBER, "-");
	else if (us < 1000000)
		snprintf(out, WEIRCTL_NUMBER, "%.*f ms", us < 10000 ? 2 : 1, (double)us / 1e3);
	else
		snprintf(out, WEIRCTL_NUMBER, "%.2f s", (double)us / 1e6);
	return out;
}

const char *weirctl_ago(const char *when, char out[WEIRCTL_NUMBER])
{
	struct tm tm = { 0 };

	/* what may follow, a fraction and "Z", is less than a person wants to know */
	if (!strptime(when, "%Y-%m-%dT%H:%M:%S", &tm)) {
		snprintf(out, WEIRCTL_NUMBER, "-");
		return out;
	}
	return weirctl_duration((long long)(time(NULL) - timegm(&tm)), out);
}
