/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Captures: the program that captures takes the plain one's place and gives it back. */
#include "bed.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MIN WEIR_TABLE_MIN

/* What was handed over. */
static struct {
	uint32_t n;
	struct weir_capture_event last;
	uint8_t data[256];
	uint32_t len;
} got;

static void on_shot(void *arg, int cpu, const struct weir_capture_event *e, const void *data,
		    uint32_t len)
{
	(void)arg, (void)cpu;
	got.n++;
	got.last = *e;
	got.len = len;
	memcpy(got.data, data, len < sizeof(got.data) ? len : sizeof(got.data));
}

/* For the bed's services: other hosts talk as well. */
static struct weir_capture_filter all_of_ours(void)
{
	return (struct weir_capture_filter){
		.family = 4,
		.proto = IPPROTO_TCP,
		.at = WEIR_CAPTURE_IN | WEIR_CAPTURE_OUT,
		.reasons = UINT64_MAX,
		.snaplen = 200,
		.sample = 1,
		.count = UINT64_MAX,
		.until_ns = UINT64_MAX,
	};
}

/* The program of w0: its size, which tells what it was loaded for. */
static uint32_t program(void)
{
	struct bpf_prog_info info = { 0 };
	uint32_t id = 0, len = sizeof(info);
	int fd;

	assert_int_equal(bpf_xdp_query_id((int)if_nametoindex("w0"), 0, &id), 0);
	fd = bpf_prog_get_fd_by_id(id);
	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	close(fd);
	return info.xlated_prog_len;
}

/* A frame from w1, so that it comes in at w0. */
static void frame(const struct pkt *p)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex("w1") };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	assert_true(fd >= 0);
	assert_int_equal(sendto(fd, p->data, p->len, 0, (struct sockaddr *)&to, sizeof(to)),
			 p->len);
	close(fd);
}

static void attach(struct bed *b)
{
	static const char *const names[] = { "w0" };

	assert_int_equal(weir_plane_attach(b->plane, names, 1, WEIR_ATTACH_AUTO), 0);
	memset(&got, 0, sizeof(got));
}

/* Waits for as many as n, at most 5 s. */
static void read_shots(struct bed *b, uint32_t n)
{
	struct pollfd fd = { .fd = weir_plane_capture_fd(b->plane), .events = POLLIN };

	for (int i = 0; i < 50 && got.n < n; i++) {
		poll(&fd, 1, 100);
		weir_plane_capture_read(b->plane);
	}
	assert_int_equal(got.n, n);
}

static void packets_of_an_interface_are_captured_until_it_is_stopped(void **state)
{
	struct bed *b = *state;
	struct weir_capture_filter f = all_of_ours();
	struct flow flow = bed_flow(0, 1);
	struct pkt p = pkt_payload(pkt_new(&flow, PKT_ACK), 300);
	struct weir_capture_session s;
	uint32_t plain, capturing;

	bed_serve(b, 0, MIN, 0, 1);
	bed_sync(b);
	attach(b);
	plain = program();
	assert_int_equal(weir_plane_capture_start(b->plane, &f, on_shot, NULL), 0);
	capturing = program();
	assert_int_not_equal(capturing, plain);
	for (uint32_t n = 1; n <= 3; n++) {
		frame(&p);
		read_shots(b, 2 * n);
		assert_int_equal(got.last.at, WEIR_CAPTURE_OUT);
		assert_int_equal(got.last.reason, WEIR_FORWARD);
		assert_int_equal(got.last.ifindex, if_nametoindex("w0"));
		assert_int_equal(got.last.slot, bed_slot(b, 0));
		assert_int_equal(got.last.len, p.len + 20);
		assert_int_equal(got.len, 200);
		assert_memory_equal(got.data + 34, p.data + 14, 100);
	}
	weir_plane_capture_stop(b->plane, &s);
	assert_true(s.matched == 3 && s.taken == 3 && s.lost == 0);
	assert_int_equal(program(), plain);
	frame(&p);
	weir_plane_capture_stop(b->plane, &s); /* nothing runs: nothing happens */
	assert_int_equal(got.n, 6);
}

static void what_was_captured_before_the_stop_is_not_lost(void **state)
{
	struct bed *b = *state;
	struct weir_capture_filter f = all_of_ours();
	struct flow flow = bed_flow(0, 1);
	struct pkt p = pkt_new(&flow, PKT_ACK);

	bed_serve(b, 0, MIN, 0, 1);
	bed_sync(b);
	attach(b);
	assert_int_equal(weir_plane_capture_start(b->plane, &f, on_shot, NULL), 0);
	for (int i = 0; i < 100; i++)
		frame(&p); /* a veth delivers before sendto() returns, or soon after */
	weir_plane_capture_stop(b->plane, NULL);
	assert_in_range(got.n, 1, 200);
}

static void there_is_one_capture_at_a_time_and_none_without_an_interface(void **state)
{
	struct bed *b = *state;
	struct weir_capture_filter f = all_of_ours();

	assert_int_equal(weir_plane_capture_start(b->plane, &f, on_shot, NULL), -ENODEV);
	attach(b);
	assert_int_equal(weir_plane_capture_start(b->plane, &f, on_shot, NULL), 0);
	assert_int_equal(weir_plane_capture_start(b->plane, &f, on_shot, NULL), -EBUSY);
	weir_plane_capture_stop(b->plane, NULL);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(weir_plane_capture_start(b->plane, &f, on_shot, NULL), 0);
		weir_plane_capture_stop(b->plane, NULL);
	}
}

static void a_plain_program_is_there_after_an_agent_that_left_while_it_captured(void **state)
{
	struct bed *b = *state;
	struct weir_capture_filter f = all_of_ours();
	uint32_t plain, capturing;

	attach(b);
	plain = program();
	assert_int_equal(weir_plane_capture_start(b->plane, &f, on_shot, NULL), 0);
	bed_leave(b); /* in good order */
	assert_int_equal(program(), plain);

	bed_return(b);
	attach(b);
	assert_int_equal(weir_plane_capture_start(b->plane, &f, on_shot, NULL), 0);
	capturing = program();
	attach(b); /* a reload: nothing has changed, it goes on */
	assert_int_equal(program(), capturing);
	weir_plane_capture_stop(b->plane, NULL);
	assert_int_equal(program(), plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(packets_of_an_interface_are_captured_until_it_is_stopped),
		BED_TEST(what_was_captured_before_the_stop_is_not_lost),
		BED_TEST(there_is_one_capture_at_a_time_and_none_without_an_interface),
		BED_TEST(a_plain_program_is_there_after_an_agent_that_left_while_it_captured),
	};

	return BED_TESTS(tests);
}
