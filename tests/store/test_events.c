/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tokens, events, the outbox, notes, and many of them as one transaction. */
#include "bed.h"

static void hash_of(uint8_t hash[WEIR_TOKEN_HASH], int n)
{
	for (int i = 0; i < WEIR_TOKEN_HASH; i++)
		hash[i] = (uint8_t)(n * 37 + i);
}

/* --- tokens --- */

static void a_token_is_found_by_its_whole_hash_alone(void **state)
{
	struct bed *b = *state;
	uint8_t hash[WEIR_TOKEN_HASH];
	struct weir_token t;

	bed_open(b);
	for (int i = 1; i < 4; i++) {
		hash_of(hash, i);
		assert_true(weir_store_add_token(b->store, (char[]){ (char)('0' + i), 0 }, hash,
						 i == 2, NOW, &t, &b->err));
	}
	bed_reopen(b);
	hash_of(hash, 2);
	assert_true(weir_store_find_token(b->store, hash, NOW, &t, &b->err));
	assert_int_equal(t.id, 2);
	assert_string_equal(t.name, "2");
	assert_true(t.may_write);
	assert_int_equal(t.created_ms, NOW);
	for (int bit = 0; bit < WEIR_TOKEN_HASH * 8; bit++) {
		hash[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(weir_store_find_token(b->store, hash, NOW, &t, &b->err));
		assert_string_equal(b->err.text, "");
		hash[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void names_of_tokens_are_used_once_at_a_time(void **state)
{
	struct bed *b = *state;
	uint8_t one[WEIR_TOKEN_HASH], two[WEIR_TOKEN_HASH];
	struct weir_token t;

	bed_open(b);
	hash_of(one, 1);
	hash_of(two, 2);
	assert_true(weir_store_add_token(b->store, "ci", one, true, NOW, &t, &b->err));
	assert_false(weir_store_add_token(b->store, "ci", two, true, NOW, &t, &b->err));
	assert_non_null(strstr(b->err.text, "another token's already: ci"));
	assert_false(weir_store_find_token(b->store, two, NOW, &t, &b->err));
	assert_true(weir_store_revoke_token(b->store, "ci", &b->err));
	assert_false(weir_store_find_token(b->store, one, NOW, &t, &b->err));
	assert_false(weir_store_revoke_token(b->store, "ci", &b->err));
	assert_string_equal(b->err.text, "");
	assert_true(weir_store_add_token(b->store, "ci", two, false, NOW, &t, &b->err));
	assert_int_equal(t.id, 2); /* the audit's names of the first one are not its */
	assert_false(t.may_write);
}

static void odd_names_of_tokens_are_refused(void **state)
{
	struct bed *b = *state;
	uint8_t hash[WEIR_TOKEN_HASH] = { 0 };
	char name[66];
	struct weir_token t;

	bed_open(b);
	memset(name, 'n', 65);
	name[65] = '\0';
	assert_false(weir_store_add_token(b->store, "", hash, true, NOW, &t, &b->err));
	assert_false(weir_store_add_token(b->store, "a\nb", hash, true, NOW, &t, &b->err));
	assert_false(weir_store_add_token(b->store, name, hash, true, NOW, &t, &b->err));
	assert_string_equal(b->err.path, "name");
	name[64] = '\0';
	assert_true(weir_store_add_token(b->store, name, hash, true, NOW, &t, &b->err));
	assert_string_equal(t.name, name);
}

static void tokens_are_listed_with_when_they_were_used(void **state)
{
	struct bed *b = *state;
	uint8_t hash[WEIR_TOKEN_HASH];
	struct weir_token t;
	json_t *list;

	bed_open(b);
	hash_of(hash, 1);
	assert_true(weir_store_add_token(b->store, "a", hash, true, 5, &t, &b->err));
	hash_of(hash, 2);
	assert_true(weir_store_add_token(b->store, "b", hash, false, 6, &t, &b->err));
	assert_true(weir_store_find_token(b->store, hash, 3600000 * 7 + 9, &t, &b->err));
	assert_true(weir_store_find_token(b->store, hash, 3600000 * 7 + 99, &t, &b->err));
	assert_true(weir_store_tokens(b->store, &list, &b->err));
	is_json(list,
		"[{\"id\":1,\"name\":\"a\",\"scope\":\"write\",\"created\":5,\"used\":null},"
		"{\"id\":2,\"name\":\"b\",\"scope\":\"read\",\"created\":6,\"used\":25200000}]");
}

/* --- events --- */

static uint64_t add(struct bed *b, uint64_t at)
{
	json_t *body = json_pack("{s:I}", "at", (json_int_t)at);
	uint64_t id;

	assert_true(weir_store_add_event(b->store, body, at, &id, &b->err));
	json_decref(body);
	return id;
}

static void events_are_listed_newest_first_within_a_time(void **state)
{
	struct bed *b = *state;
	json_t *list;

	bed_open(b);
	for (uint64_t at = 10; at < 15; at++)
		assert_int_equal(add(b, at), at - 9);
	bed_reopen(b);
	assert_true(weir_store_events(b->store, 11, 14, 0, 10, &list, &b->err));
	is_json(list, "[{\"id\":4,\"at\":13,\"body\":{\"at\":13}},{\"id\":3,\"at\":12,\"body\":"
		      "{\"at\":12}},{\"id\":2,\"at\":11,\"body\":{\"at\":11}}]");
	assert_true(weir_store_events(b->store, 0, UINT64_MAX, 4, 1, &list, &b->err));
	is_json(list, "[{\"id\":3,\"at\":12,\"body\":{\"at\":12}}]");
	assert_int_equal(weir_store_revision(b->store), 0);
}

static void only_so_many_events_are_kept(void **state)
{
	struct bed *b = *state;
	json_t *list;
	uint64_t id = 0;

	bed_open(b);
	assert_true(weir_store_begin(b->store, &b->err));
	for (int i = 0; i < WEIR_STORE_EVENTS + 3; i++)
		id = add(b, (uint64_t)i);
	assert_true(weir_store_end(b->store, &b->err));
	assert_int_equal(id, WEIR_STORE_EVENTS + 3);
	assert_true(weir_store_events(b->store, 0, UINT64_MAX, 0, UINT32_MAX, &list, &b->err));
	assert_int_equal(json_array_size(list), WEIR_STORE_EVENTS);
	json_t *last = json_array_get(list, WEIR_STORE_EVENTS - 1);
	assert_int_equal(json_integer_value(json_object_get(last, "id")), 4);
	json_decref(list);
}

/* --- the outbox --- */

static uint64_t post(struct bed *b, const char *lane, const char *text)
{
	json_t *body = json_of(text);
	uint64_t id;

	assert_true(weir_store_post(b->store, lane, body, NOW, &id, &b->err));
	json_decref(body);
	return id;
}

static void what_is_not_delivered_stays_in_order(void **state)
{
	struct bed *b = *state;
	json_t *list;

	bed_open(b);
	post(b, "p", "1");
	post(b, "q", "2");
	post(b, "p", "3");
	post(b, "p", "4");
	assert_true(weir_store_tried(b->store, 1, &b->err));
	assert_true(weir_store_tried(b->store, 1, &b->err));
	assert_true(weir_store_delivered(b->store, 2, NOW + 3, &b->err));
	assert_true(weir_store_give_up(b->store, 3, &b->err));
	bed_reopen(b);
	assert_true(weir_store_undelivered(b->store, &list, &b->err));
	is_json(list, "[{\"id\":1,\"lane\":\"p\",\"at\":1700000000000,\"tries\":2,\"body\":1},"
		      "{\"id\":4,\"lane\":\"p\",\"at\":1700000000000,\"tries\":0,\"body\":4}]");
	assert_true(weir_store_deliveries(b->store, 0, UINT64_MAX, 0, 10, &list, &b->err));
	is_json(list, "[{\"id\":2,\"lane\":\"q\",\"at\":1700000000000,\"tries\":1,"
		      "\"done\":1700000000003,\"body\":2}]");
	for (uint64_t id = 2; id < 4; id++) {
		assert_false(weir_store_tried(b->store, id, &b->err));
		assert_false(weir_store_delivered(b->store, id, NOW, &b->err));
		assert_false(weir_store_give_up(b->store, id, &b->err));
		assert_non_null(strstr(b->err.text, "nothing to deliver"));
	}
	/* The last of all is forgotten, and its number is not another's all the same. */
	assert_true(weir_store_give_up(b->store, 4, &b->err));
	assert_int_equal(post(b, "p", "5"), 5);
}

static void deliveries_are_listed_newest_first_in_pages_and_bounded(void **state)
{
	struct bed *b = *state;
	json_t *list;

	bed_open(b);
	assert_true(weir_store_begin(b->store, &b->err));
	for (unsigned i = 1; i <= WEIR_STORE_DELIVERIES + 240; i++) { /* to a multiple of 64 */
		assert_int_equal(post(b, "p", "1"), i);
		assert_true(weir_store_delivered(b->store, i, NOW + i, &b->err));
	}
	assert_true(weir_store_end(b->store, &b->err));
	assert_true(weir_store_deliveries(b->store, 0, UINT64_MAX, 0, UINT32_MAX, &list, &b->err));
	assert_int_equal(json_array_size(list), WEIR_STORE_DELIVERIES);
	json_decref(list);
	assert_true(weir_store_deliveries(b->store, 0, NOW + 9000, 2, 1, &list, &b->err));
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "id")), 8997);
	json_decref(list);
}

/* --- notes and batches --- */

static void a_note_is_what_it_was_made_last(void **state)
{
	struct bed *b = *state;
	json_t *one = json_of("{\"x\":1}"), *two = json_of("2"), *all;

	bed_open(b);
	assert_true(weir_store_note(b->store, "a", one, &b->err));
	assert_true(weir_store_note(b->store, "b", one, &b->err));
	assert_true(weir_store_note(b->store, "c", one, &b->err));
	assert_true(weir_store_note(b->store, "b", two, &b->err));
	assert_true(weir_store_note(b->store, "c", NULL, &b->err));
	json_decref(one);
	json_decref(two);
	bed_reopen(b);
	assert_true(weir_store_notes(b->store, &all, &b->err));
	is_json(all, "{\"a\":{\"x\":1},\"b\":2}");
}

static void a_batch_with_a_mistake_is_not_made(void **state)
{
	struct bed *b = *state;
	json_t *list, *body = json_of("1");
	uint64_t id;

	bed_open(b);
	assert_true(weir_store_begin(b->store, &b->err));
	add(b, 5);
	post(b, "p", "1");
	assert_false(weir_store_delivered(b->store, 77, NOW, &b->err));
	assert_false(weir_store_add_event(b->store, body, NOW, &id, &b->err));
	assert_non_null(strstr(b->err.text, "number 77"));
	memset(&b->err, 0, sizeof(b->err));
	assert_false(weir_store_end(b->store, &b->err));
	assert_non_null(strstr(b->err.text, "number 77"));
	assert_true(weir_store_events(b->store, 0, UINT64_MAX, 0, 9, &list, &b->err));
	is_json(list, "[]");
	assert_true(weir_store_undelivered(b->store, &list, &b->err));
	is_json(list, "[]");
	assert_int_equal(add(b, 5), 1);
	json_decref(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(a_token_is_found_by_its_whole_hash_alone),
		bed_test(names_of_tokens_are_used_once_at_a_time),
		bed_test(odd_names_of_tokens_are_refused),
		bed_test(tokens_are_listed_with_when_they_were_used),
		bed_test(events_are_listed_newest_first_within_a_time),
		bed_test(only_so_many_events_are_kept),
		bed_test(what_is_not_delivered_stays_in_order),
		bed_test(deliveries_are_listed_newest_first_in_pages_and_bounded),
		bed_test(a_note_is_what_it_was_made_last),
		bed_test(a_batch_with_a_mistake_is_not_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
