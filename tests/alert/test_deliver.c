/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages to real receivers (tests/net/hook.py): what becomes of each, and who waits for whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "alert/deliver.h"

#define RECEIVERS 2
#define NOTES     64

struct bed {
	uv_loop_t loop;
	uv_timer_t patience;
	struct weir_deliver *deliver;
	char folder[32], url[RECEIVERS][64];
	uint16_t port[RECEIVERS];
	pid_t pid[RECEIVERS];
	const char *secret;
	char notes[NOTES][160]; /* "3 taken", "4 not yet: why" */
	unsigned n_notes, wait_for;
	bool late;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Webhooks are "0" and "1"; there is no other. */
static bool where(void *arg, const char *webhook, const char **url, const char **secret)
{
	struct bed *b = arg;
	unsigned n = (unsigned)(*webhook - '0');

	if (n >= RECEIVERS)
		return false;
	*url = b->url[n];
	*secret = b->secret;
	return true;
}

static void result(void *arg, const struct weir_delivery *d)
{
	static const char *const words[] = { "taken", "not yet", "given up" };
	struct bed *b = arg;

	assert_true(b->n_notes < NOTES);
	snprintf(b->notes[b->n_notes++], sizeof(b->notes[0]), "%u %s%s%s", (unsigned)d->id,
		 words[d->outcome], d->tried ? "" : " untried", d->once ? " once" : "");
	if (b->wait_for && b->n_notes >= b->wait_for)
		uv_stop(&b->loop);
}

static void send_to(struct bed *b, uint64_t id, const char *webhook, const char *lane)
{
	char body[32];
	struct weir_letter l = { id, webhook, lane, body, now_ms(), false };

	snprintf(body, sizeof(body), "{\"id\":%u}", (unsigned)id);
	weir_deliver_send(b->deliver, &l);
}

static void on_late(uv_timer_t *t)
{
	struct bed *b = t->data;

	b->late = true;
	uv_stop(&b->loop);
}

/* Until so much was said in all, or so many ms are over. */
static void run(struct bed *b, unsigned notes, unsigned ms)
{
	b->wait_for = notes;
	b->late = false;
	uv_update_time(&b->loop);
	uv_timer_start(&b->patience, on_late, ms, 0);
	if (b->n_notes < notes)
		uv_run(&b->loop, UV_RUN_DEFAULT);
	uv_timer_stop(&b->patience);
}

static uint16_t free_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	close(fd);
	return ntohs(at.sin_port);
}

/* How receiver n answers: a word of hook.py. */
static void answers(struct bed *b, unsigned n, const char *how)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%u.answer", b->folder, n);
	f = fopen(path, "w");
	fputs(how, f);
	fclose(f);
}

static void receiver_up(struct bed *b, unsigned n)
{
	char port[8], file[64], line[16];
	int said[2];

	snprintf(port, sizeof(port), "%u", b->port[n]);
	snprintf(file, sizeof(file), "%s/%u", b->folder, n);
	assert_int_equal(pipe(said), 0);
	b->pid[n] = fork();
	if (!b->pid[n]) {
		dup2(said[1], 2);
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* also of a test that crashes */
		execlp("python3", "python3", "tests/net/hook.py", port, file, NULL);
		_exit(127);
	}
	close(said[1]);
	assert_true(read(said[0], line, sizeof(line)) > 0); /* "ready" */
	close(said[0]);
}

static int bed_new(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));
	const struct weir_deliver_calls calls = { where, result, b };

	strcpy(b->folder, "/tmp/weir-alert.XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	uv_loop_init(&b->loop);
	uv_timer_init(&b->loop, &b->patience);
	b->patience.data = b;
	assert_int_equal(weir_deliver_open(&b->loop, &calls, &b->deliver), 0);
	for (unsigned n = 0; n < RECEIVERS; n++) {
		b->port[n] = free_port();
		snprintf(b->url[n], sizeof(b->url[n]), "http://127.0.0.1:%u/", b->port[n]);
	}
	*state = b;
	return 0;
}

static int bed_free(void **state)
{
	struct bed *b = *state;
	char path[64];

	weir_deliver_close(b->deliver);
	uv_close((uv_handle_t *)&b->patience, NULL);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&b->loop), 0);
	for (unsigned n = 0; n < RECEIVERS; n++) {
		if (b->pid[n]) {
			kill(b->pid[n], SIGKILL);
			waitpid(b->pid[n], NULL, 0);
		}
		snprintf(path, sizeof(path), "%s/%u", b->folder, n);
		unlink(path);
		strcat(path, ".answer");
		unlink(path);
	}
	rmdir(b->folder);
	free(b);
	return 0;
}

static void a_lane_is_taken_in_order(void **state)
{
	struct bed *b = *state;
	char want[16];

	receiver_up(b, 0);
	for (unsigned id = 0; id < 20; id++)
		send_to(b, id, "0", "a");
	run(b, 20, 5000);
	assert_int_equal(b->n_notes, 20);
	for (unsigned id = 0; id < 20; id++) {
		snprintf(want, sizeof(want), "%u taken", id);
		assert_string_equal(b->notes[id], want);
	}
}

static void what_cannot_be_sent_is_given_up_untried(void **state)
{
	struct bed *b = *state;
	struct weir_letter old = { 1, "0", "a", "{}", now_ms() - 86400001, false };

	receiver_up(b, 0);
	weir_deliver_send(b->deliver, &old);
	send_to(b, 2, "9", "a");
	b->secret = "a\r\nHost: b";
	send_to(b, 3, "0", "a");
	assert_int_equal(b->n_notes, 3);
	assert_string_equal(b->notes[0], "1 given up untried");
	assert_string_equal(b->notes[1], "2 given up untried");
	assert_string_equal(b->notes[2], "3 given up untried");
}

static void what_is_sent_once_is_not_tried_again(void **state)
{
	struct bed *b = *state;
	struct weir_letter once = { 1, "0", "", "{}", now_ms(), true };

	weir_deliver_send(b->deliver, &once); /* nobody listens */
	run(b, 1, 5000);
	assert_string_equal(b->notes[0], "1 given up once");
}

static void what_is_refused_is_tried_again_and_nothing_passes_it(void **state)
{
	struct bed *b = *state;

	answers(b, 0, "503");
	receiver_up(b, 0);
	send_to(b, 1, "0", "a");
	send_to(b, 2, "0", "a");
	run(b, 1, 5000);
	assert_string_equal(b->notes[0], "1 not yet");
	answers(b, 0, "204");
	run(b, 3, 900); /* not before a second is over */
	assert_true(b->late);
	run(b, 3, 5000);
	assert_string_equal(b->notes[1], "1 taken");
	assert_string_equal(b->notes[2], "2 taken");
}

static void pauses_grow_until_a_receiver_is_back_for_all(void **state)
{
	struct bed *b = *state;
	uint64_t began;

	send_to(b, 1, "0", "a"); /* nobody listens: again after 1 s, then after 2 s more */
	run(b, 2, 5000);
	assert_string_equal(b->notes[1], "1 not yet");
	receiver_up(b, 0);
	began = now_ms();
	send_to(b, 2, "0", "b"); /* it is taken at once, and then the other is not waited for */
	run(b, 4, 5000);
	assert_string_equal(b->notes[2], "2 taken");
	assert_string_equal(b->notes[3], "1 taken");
	assert_in_range(now_ms() - began, 0, 1500);
}

static void who_does_not_answer_holds_up_nobody_else(void **state)
{
	struct bed *b = *state;
	char lane[8];

	answers(b, 0, "hang");
	receiver_up(b, 0);
	receiver_up(b, 1);
	for (unsigned id = 0; id < 50; id++) {
		snprintf(lane, sizeof(lane), "%u", id);
		send_to(b, 100 + id, "0", lane);
	}
	send_to(b, 1, "1", "a");
	run(b, 1, 5000);
	assert_string_equal(b->notes[0], "1 taken");
	/* And all that is under way ends with the test. */
}

int main(void)
{
#define bed_test(f) cmocka_unit_test_setup_teardown(f, bed_new, bed_free)
	const struct CMUnitTest tests[] = {
		bed_test(a_lane_is_taken_in_order),
		bed_test(what_cannot_be_sent_is_given_up_untried),
		bed_test(what_is_sent_once_is_not_tried_again),
		bed_test(what_is_refused_is_tried_again_and_nothing_passes_it),
		bed_test(pauses_grow_until_a_receiver_is_back_for_all),
		bed_test(who_does_not_answer_holds_up_nobody_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
