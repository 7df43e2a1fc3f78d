/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which policies want to hear of an event, and what they send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "alert/policy.h"

static const struct weir_alert_event pool_bad = { .type = WEIR_ALERT_HEALTH,
						  .source = "pool",
						  .pool_id = "p1" };
static const struct weir_alert_event pool_good = {
	.type = WEIR_ALERT_HEALTH, .source = "pool", .pool_id = "p1", .good = true
};
static const struct weir_alert_event origin_bad = { .type = WEIR_ALERT_HEALTH,
						    .source = "origin",
						    .pool_id = "p2" };
static const struct weir_alert_event switched_off = { .type = WEIR_ALERT_ENABLEMENT,
						      .source = "pool",
						      .pool_id = "p1" };
static const struct weir_alert_event switched_on = {
	.type = WEIR_ALERT_ENABLEMENT, .source = "pool", .pool_id = "p1", .good = true
};

/* Whether a policy with these members, ' for ", wants each of the five: as in "yynyn". */
static void wants(const char *members, const char *want)
{
	const struct weir_alert_event *const all[] = { &pool_bad, &pool_good, &origin_bad,
						       &switched_off, &switched_on };
	char text[512], got[6] = "";
	json_t *policy;

	snprintf(text, sizeof(text), "{%s}", members);
	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	policy = json_loads(text, 0, NULL);
	assert_non_null(policy);
	for (int i = 0; i < 5; i++)
		got[i] = weir_alert_wants(policy, all[i]) ? 'y' : 'n';
	if (strcmp(got, want) != 0)
		fail_msg("%s: got %s, want %s", members, got, want);
	json_decref(policy);
}

#define HEALTH   "'enabled':true,'alert_type':'load_balancing_health_alert'"
#define SWITCHED "'enabled':true,'alert_type':'load_balancing_pool_enablement_alert'"

static void a_policy_hears_of_its_type_alone(void **state)
{
	(void)state;
	wants(HEALTH, "yyynn");
	wants(SWITCHED, "nnnyy");
	wants("'enabled':true,'alert_type':'dos_attack_l7'", "nnnnn");
}

static void a_policy_that_is_off_or_says_nothing_hears_nothing(void **state)
{
	(void)state;
	wants("'enabled':false,'alert_type':'load_balancing_health_alert'", "nnnnn");
	wants("'alert_type':'load_balancing_health_alert'", "nnnnn");
	wants("'enabled':'true','alert_type':'load_balancing_health_alert'", "nnnnn");
	wants("'enabled':true", "nnnnn");
	wants("", "nnnnn");
}

static void filters_let_their_values_through(void **state)
{
	(void)state;
	wants(HEALTH ",'filters':{'pool_id':['p1']}", "yynnn");
	wants(HEALTH ",'filters':{'pool_id':['p3','p2']}", "nnynn");
	wants(HEALTH ",'filters':{'new_health':['Unhealthy']}", "ynynn");
	wants(HEALTH ",'filters':{'new_health':['Healthy']}", "nynnn");
	wants(HEALTH ",'filters':{'new_health':['Unhealthy','Healthy']}", "yyynn");
	wants(HEALTH ",'filters':{'event_source':['origin']}", "nnynn");
	wants(HEALTH ",'filters':{'event_source':['pool'],'new_health':['Unhealthy']}", "ynnnn");
	wants(SWITCHED ",'filters':{'enabled':['false']}", "nnnyn");
	wants(SWITCHED ",'filters':{'enabled':['true'],'pool_id':['p2']}", "nnnnn");
}

static void filters_of_the_other_type_and_empty_ones_let_all_through(void **state)
{
	(void)state;
	wants(HEALTH ",'filters':{'enabled':['false']}", "yyynn");
	wants(SWITCHED ",'filters':{'new_health':['Healthy'],'event_source':['origin']}", "nnnyy");
	wants(HEALTH ",'filters':{'pool_id':[]}", "yyynn");
	wants(HEALTH ",'filters':null", "yyynn");
	wants(HEALTH ",'filters':{'pool_id':7}", "yyynn");
	wants(HEALTH ",'filters':{'pool_id':[7]}", "nnnnn");
}

static void webhooks_are_those_with_an_id(void **state)
{
	json_t *p = json_loads("{\"mechanisms\":{\"email\":[{\"id\":\"a@b\"}],\"webhooks\":"
			       "[{\"id\":\"w1\"},7,{\"id\":8},{\"id\":\"w2\"}]}}",
			       0, NULL),
	       *none = json_object();

	(void)state;
	assert_string_equal(weir_alert_webhook(p, 0), "w1");
	assert_string_equal(weir_alert_webhook(p, 1), "w2");
	assert_null(weir_alert_webhook(p, 2));
	assert_null(weir_alert_webhook(none, 0));
	json_decref(p);
	json_decref(none);
}

static void what_is_sent_is_what_the_vendor_documents(void **state)
{
	json_t *policy = json_loads("{\"name\":\"news\"}", 0, NULL), *is,
	       *data = json_loads("{\"x\":1}", 0, NULL), *want;
	struct weir_alert_event e = pool_bad;

	(void)state;
	e.text = "it is";
	e.data = data;
	e.incident = "c0ffee";
	e.at_ms = 1700000000999;
	e.account_id = "acc";
	want = json_loads("{\"name\":\"news\",\"text\":\"it is\",\"data\":{\"x\":1},"
			  "\"ts\":1700000000,\"account_id\":\"acc\",\"policy_id\":\"pol\","
			  "\"policy_name\":\"news\",\"alert_type\":\"load_balancing_health_alert\","
			  "\"alert_correlation_id\":\"c0ffee\","
			  "\"alert_event\":\"ALERT_STATE_EVENT_START\"}",
			  0, NULL);
	is = weir_alert_payload("pol", policy, &e);
	assert_true(json_equal(is, want));
	json_decref(is);
	e.good = true;
	is = weir_alert_payload("pol", policy, &e);
	assert_string_equal(json_string_value(json_object_get(is, "alert_event")),
			    "ALERT_STATE_EVENT_END");
	json_decref(is);
	json_decref(want);
	json_decref(data);
	json_decref(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_policy_hears_of_its_type_alone),
		cmocka_unit_test(a_policy_that_is_off_or_says_nothing_hears_nothing),
		cmocka_unit_test(filters_let_their_values_through),
		cmocka_unit_test(filters_of_the_other_type_and_empty_ones_let_all_through),
		cmocka_unit_test(webhooks_are_those_with_an_id),
		cmocka_unit_test(what_is_sent_is_what_the_vendor_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
