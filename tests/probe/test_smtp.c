/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_smtp.c - what a mail server says: the whole conversation, however its bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "probe/smtp.h"

struct talk {
	const char *says;
	const char *replies[3]; /* as far as it comes */
	enum weir_smtp_next last;
	unsigned code;
};

static const struct talk talks[] = {
	{ "all is well",
	  { "220 mail.example ESMTP\r\n", "250 mail.example\r\n", "221 2.0.0 Bye\r\n" },
	  WEIR_SMTP_PASS,
	  221 },
	{ "replies of several lines",
	  { "220-mail.example\r\n220-no spam\r\n220 please\r\n", "250-a\r\n250 b\r\n",
	    "221-x\r\n221 y\r\n" },
	  WEIR_SMTP_PASS,
	  221 },
	{ "codes alone, and lines without a carriage return",
	  { "220\r\n", "250\n", "221 \n" },
	  WEIR_SMTP_PASS,
	  221 },
	{ "bytes behind the last reply are nobody's",
	  { "220 a\r\n", "250 b\r\n", "221 c\r\n?" },
	  WEIR_SMTP_PASS,
	  221 },
	{ "a server that does not want us", { "554 no\r\n" }, WEIR_SMTP_FAIL, 554 },
	{ "a HELO that is refused", { "220 a\r\n", "501 b\r\n" }, WEIR_SMTP_FAIL, 501 },
	{ "a QUIT that is refused",
	  { "220 a\r\n", "250 b\r\n", "500 c\r\n" },
	  WEIR_SMTP_FAIL,
	  500 },
	{ "an answer before the question", { "220 a\r\n250 b\r\n" }, WEIR_SMTP_FAIL, 220 },
	{ "lines of two codes", { "220-a\r\n250 b\r\n" }, WEIR_SMTP_FAIL, 0 },
	{ "another protocol", { "SSH-2.0-OpenSSH_9.2\r\n" }, WEIR_SMTP_FAIL, 0 },
	{ "another protocol, later", { "220 a\r\n", "<html>\r\n" }, WEIR_SMTP_FAIL, 0 },
	{ "a code of two digits", { "22 a\r\n" }, WEIR_SMTP_FAIL, 0 },
	{ "a code of four digits", { "2200 a\r\n" }, WEIR_SMTP_FAIL, 0 },
	{ "an empty line", { "\r\n" }, WEIR_SMTP_FAIL, 0 },
	{ "a line that goes on", { "220 abc" }, WEIR_SMTP_WAIT, 0 },
	{ "a reply that goes on", { "220-abc\r\n" }, WEIR_SMTP_WAIT, 220 },
};

#define N (sizeof(talks) / sizeof(talks[0]))

/* Each reply whole, or byte by byte. */
static enum weir_smtp_next hear(struct weir_smtp *s, const char *reply, bool whole)
{
	enum weir_smtp_next next = WEIR_SMTP_WAIT;

	if (whole)
		return weir_smtp_hear(s, reply, strlen(reply));
	for (; *reply && next == WEIR_SMTP_WAIT; reply++)
		next = weir_smtp_hear(s, reply, 1);
	return next;
}

static void goes(const struct talk *t, bool whole)
{
	struct weir_smtp s = { 0 };
	enum weir_smtp_next next = WEIR_SMTP_WAIT;

	for (unsigned i = 0; i < 3 && t->replies[i]; i++) {
		next = hear(&s, t->replies[i], whole);
		if (i < 2 && t->replies[i + 1])
			assert_int_equal(next, i ? WEIR_SMTP_QUIT : WEIR_SMTP_HELO);
	}
	assert_int_equal(next, t->last);
	assert_int_equal(s.code, t->code);
}

static void goes_as_it_should(void **state)
{
	const struct talk *t = *state;

	goes(t, true);
	/* What comes too early can be told from an answer only when it comes at once. */
	if (strcmp(t->says, "an answer before the question") != 0)
		goes(t, false);
}

static void a_reply_without_end_is_cut_off(void **state)
{
	struct weir_smtp s = { 0 };
	size_t n = 0;

	(void)state;
	while (weir_smtp_hear(&s, "220-more\r\n", 10) == WEIR_SMTP_WAIT)
		n += 10;
	assert_in_range(n, 16000, 16384);
	memset(&s, 0, sizeof(s));
	assert_int_equal(weir_smtp_hear(&s, "220 ", 4), WEIR_SMTP_WAIT);
	for (n = 4; weir_smtp_hear(&s, "x", 1) == WEIR_SMTP_WAIT;)
		n++;
	assert_int_equal(n, 16384);
}

int main(void)
{
	static struct CMUnitTest tests[N + 1];

	for (size_t i = 0; i < N; i++)
		tests[i] = (struct CMUnitTest){ .name = talks[i].says,
						.test_func = goes_as_it_should,
						.initial_state = (void *)&talks[i] };
	tests[N] = (struct CMUnitTest)cmocka_unit_test(a_reply_without_end_is_cut_off);
	return cmocka_run_group_tests_name("conversations", tests, NULL, NULL);
}
