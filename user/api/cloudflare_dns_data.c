/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cloudflare_dns_data.c - contents of several members, one by one: data of SRV, CAA and others. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/cloudflare_dns.h"

#define MEMBERS 7
#define TEXT    4096

/* Members in the order of the content. "quoted" is written in quotes, #number is a number; what
 * priority has is a field of the record, too. */
static const struct {
	const char *type;
	const char *members[MEMBERS];
} types[] = {
	{ "SRV", { "#priority", "#weight", "#port", "target" } },
	{ "CAA", { "#flags", "tag", "\"value" } },
	{ "DS", { "#key_tag", "#algorithm", "#digest_type", "digest" } },
	{ "TLSA", { "#usage", "#selector", "#matching_type", "certificate" } },
	{ "SMIMEA", { "#usage", "#selector", "#matching_type", "certificate" } },
	{ "SSHFP", { "#algorithm", "#type", "fingerprint" } },
	{ "CERT", { "#type", "#key_tag", "#algorithm", "certificate" } },
	{ "NAPTR", { "#order", "#preference", "\"flags", "\"service", "\"regex", "replacement" } },
	{ "URI", { "#priority", "#weight", "\"target" } },
	{ "SVCB", { "#priority", "target", "value" } },
	{ "HTTPS", { "#priority", "target", "value" } },
};

static const char *const *members_of(const char *type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcasecmp(types[i].type, type) == 0)
			return types[i].members;
	return NULL;
}

/* --- data into content --- */

struct text {
	char s[TEXT];
	size_t n;
};

static void put(struct text *t, char c)
{
	if (t->n < TEXT - 1)
		t->s[t->n++] = c;
	t->s[t->n] = 0;
}

static void put_text(struct text *t, const char *s, bool quoted)
{
	if (quoted)
		put(t, '"');
	for (; *s; s++) {
		if (quoted && (*s == '"' || *s == '\\'))
			put(t, '\\');
		put(t, *s);
	}
	if (quoted)
		put(t, '"');
}

/* One member, behind those before it. False: it is missing. */
static bool put_member(struct text *t, const json_t *v, const char *member)
{
	char number[24];

	if (t->n)
		put(t, ' ');
	if (json_is_integer(v)) {
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(v));
		put_text(t, number, *member == '"');
		return true;
	}
	if (!json_is_string(v))
		return false;
	put_text(t, json_string_value(v), *member == '"');
	return true;
}

static const char *key_of(const char *member)
{
	return member + (*member == '#' || *member == '"');
}

bool cf_data_content(const char *type, json_t *record)
{
	const json_t *data = json_object_get(record, "data");
	const char *const *members = members_of(type);
	struct text t = { .n = 0 };

	for (size_t i = 0; members && i < MEMBERS && members[i]; i++) {
		json_t *v = json_object_get(data, key_of(members[i]));

		if (strcmp(members[i], "#priority") == 0) {
			if (!json_is_integer(v))
				return false;
			json_object_set(record, "priority", v);
		} else if (!put_member(&t, v, members[i]) && strcmp(members[i], "value") != 0) {
			return false;
		}
	}
	if (!members || t.n >= TEXT - 1)
		return false;
	json_object_set_new(record, "content", json_string(t.s));
	return true;
}

/* --- content into data --- */

/* The next word of a content, without its quotes; the last one is all that is left. Returns what
 * follows. */
static const char *next_word(const char *s, bool last, struct text *out)
{
	bool quoted;

	out->n = 0;
	out->s[0] = 0;
	s += strspn(s, " \t");
	quoted = *s == '"';
	for (s += quoted; *s; s++) {
		if (quoted ? *s == '"' : !last && isspace((unsigned char)*s))
			return s + quoted;
		if (quoted && *s == '\\' && s[1])
			s++;
		put(out, *s);
	}
	return s;
}

json_t *cf_content_data(const json_t *record)
{
	const char *const *members = members_of(cf_text(record, "type"));
	const char *s = cf_text(record, "content");
	json_t *priority = json_object_get(record, "priority"), *data;
	struct text word;

	if (!members)
		return NULL;
	data = json_object();
	for (size_t i = 0; i < MEMBERS && members[i]; i++) {
		bool last = i + 1 == MEMBERS || !members[i + 1];

		if (strcmp(members[i], "#priority") == 0 && priority) {
			json_object_set(data, "priority", priority);
			continue;
		}
		s = next_word(s, last, &word);
		json_object_set_new(data, key_of(members[i]),
				    *members[i] == '#' ? json_integer(atoll(word.s))
						       : json_string(word.s));
	}
	return data;
}
