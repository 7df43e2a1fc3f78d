/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_tls.c - https probes and openssl's own server, with several certificates. */
#include "bed.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

/* Certificates of one authority but for those that say otherwise, and the keys of all. */
static const char *const make_certificates =
	"set -e; cd $DIR; exec >/dev/null 2>&1\n"
	"key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'\n"
	"openssl req -x509 $key -keyout ca.key -out ca.pem -subj /CN=authority -days 9\n"
	"issue() {\n"
	"  openssl req $key -keyout $1.key -out csr -subj /CN=$1\n"
	"  printf 'subjectAltName=%s' \"$2\" >ext\n"
	"  openssl x509 -req -in csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile ext \\\n"
	"    -days $3 -out $1.pem\n"
	"}\n"
	"issue good DNS:good.example,DNS:*.wild.example 9\n"
	"issue other DNS:other.example 9\n"
	"issue address IP:127.0.0.1 9\n"
	"issue old DNS:good.example -1\n"
	"issue client DNS:client.example 9\n"
	"openssl req -x509 $key -keyout self.key -out self.pem -subj /CN=good.example \\\n"
	"  -addext subjectAltName=DNS:good.example -days 9\n"
	"echo nothing >nothing.pem\n";

/* Servers, and what s_server is told beside its port. */
enum which {
	SEVERAL, /* one certificate, and another for a name */
	ONLY_13,
	ONLY_12, /* and one cipher */
	STRICT,  /* wants a client's certificate */
	STRICT_12,
	PICKY, /* refuses every name but one */
	SELF,
	OLD,
	ADDRESS,
	N_SERVERS,
};

static const char *const options[] = {
	[SEVERAL] = "-cert good.pem -key good.key -servername other.example -cert2 other.pem "
		    "-key2 other.key",
	[ONLY_13] = "-cert good.pem -key good.key -tls1_3",
	[ONLY_12] = "-cert good.pem -key good.key -tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384",
	[STRICT] = "-cert good.pem -key good.key -Verify 1 -CAfile ca.pem -verify_return_error",
	[STRICT_12] = "-cert good.pem -key good.key -tls1_2 -Verify 1 -CAfile ca.pem "
		      "-verify_return_error",
	[PICKY] = "-cert good.pem -key good.key -servername good.example -servername_fatal "
		  "-cert2 good.pem -key2 good.key",
	[SELF] = "-cert self.pem -key self.key",
	[OLD] = "-cert old.pem -key old.key",
	[ADDRESS] = "-cert address.pem -key address.key",
};

static struct {
	char dir[32];
	struct weir_arena *arena;
	pid_t pids[N_SERVERS];
	struct weir_sockaddr at[N_SERVERS];
} servers;

static void serve(enum which i)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "cd %s && exec openssl s_server -www -accept 127.0.0.1:%u %s >>log 2>&1",
		 servers.dir, servers.at[i].port, options[i]);
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

static bool answers(const struct weir_sockaddr *at)
{
	struct sockaddr_storage ss;
	socklen_t len = weir_sockaddr_native(at, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = connect(fd, (struct sockaddr *)&ss, len) == 0;

	close(fd);
	return yes;
}

static struct weir_sockaddr free_port(void)
{
	struct weir_sockaddr at = { .port = 0 };
	struct sockaddr_storage ss;
	socklen_t len;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(weir_addr_parse("127.0.0.1", &at.addr));
	len = weir_sockaddr_native(&at, &ss);
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
	getsockname(fd, (struct sockaddr *)&ss, &len);
	close(fd);
	at.port = ntohs(((struct sockaddr_in *)&ss)->sin_port);
	return at;
}

static int start_servers(void **state)
{
	(void)state;
	servers.arena = weir_arena_new();
	strcpy(servers.dir, "/tmp/weir-tls.XXXXXX");
	if (!mkdtemp(servers.dir) || setenv("DIR", servers.dir, 1) || system(make_certificates))
		return -1;
	for (enum which i = 0; i < N_SERVERS; i++) {
		servers.at[i] = free_port();
		servers.pids[i] = fork();
		if (!servers.pids[i])
			serve(i);
	}
	for (enum which i = 0; i < N_SERVERS; i++)
		for (int tries = 0; !answers(&servers.at[i]); tries++)
			if (tries > 3000 || usleep(10000))
				return -1;
	return 0;
}

static int stop_servers(void **state)
{
	(void)state;
	for (enum which i = 0; i < N_SERVERS; i++) {
		kill(servers.pids[i], SIGTERM);
		waitpid(servers.pids[i], NULL, 0);
	}
	weir_arena_free(servers.arena);
	return system("rm -r $DIR");
}

struct probe {
	const char *says;
	enum which server;
	const char *host;
	struct weir_tls tls;   /* without check: it is done; files by their names */
	const char *host_name; /* of the origin */
	bool unchecked, insecure;
	const char *reason; /* NULL: it passes */
};

#define CA .ca_cert = "ca.pem"

static const struct probe probes[] = {
	{ "the name and the authority are right", SEVERAL, "good.example", .tls = { CA } },
	{ "the name is checked without the port of Host", SEVERAL, "good.example:99",
	  .tls = { CA } },
	{ "the name may be one of many", SEVERAL, "a.wild.example", .tls = { CA } },
	{ "the certificate is of another name", SEVERAL, "bad.example", .tls = { CA },
	  .reason = WEIR_REASON_TLS_NAME },
	{ "the certificate is of an unknown authority", SEVERAL, "good.example",
	  .reason = WEIR_REASON_TLS_UNTRUSTED },
	{ "the certificate is its own authority", SELF, "good.example", .tls = { CA },
	  .reason = WEIR_REASON_TLS_UNTRUSTED },
	{ "the certificate is expired", OLD, "good.example", .tls = { CA },
	  .reason = WEIR_REASON_TLS_UNTRUSTED },
	{ "allow_insecure takes any certificate", SELF, "bad.example", .tls = { CA },
	  .insecure = true },
	{ "tls_check_cert switched off does, too", OLD, "bad.example", .unchecked = true },
	{ "without a Host the address is what the certificate must name", ADDRESS, NULL,
	  .tls = { CA } },
	{ "without a Host the host name of the address is named", SEVERAL, NULL, .tls = { CA },
	  .host_name = "good.example" },
	{ "and must be in the certificate", SEVERAL, NULL, .tls = { CA },
	  .host_name = "bad.example", .reason = WEIR_REASON_TLS_NAME },
	{ "without a Host a name is no address", SEVERAL, NULL, .tls = { CA },
	  .reason = WEIR_REASON_TLS_NAME },
	{ "an address in Host is no name", ADDRESS, "127.0.0.1", .tls = { CA } },
	{ "the server chooses by the Host", SEVERAL, "other.example", .tls = { CA } },
	{ "tls_sni_hostname is asked for instead of the Host", SEVERAL, "bad.example",
	  .tls = { CA, .sni_hostname = "other.example" } },
	{ "tls_sni_hostname is asked for without a Host", SEVERAL, NULL,
	  .tls = { CA, .sni_hostname = "other.example" } },
	{ "tls_cert_hostname is found instead of what was asked for", SEVERAL, "other.example",
	  .tls = { CA, .cert_hostname = "other.example", .sni_hostname = "other.example" } },
	{ "tls_cert_hostname is found, the Host would not be", SEVERAL, "bad.example",
	  .tls = { CA, .cert_hostname = "good.example" } },
	{ "tls_cert_hostname is not found, the Host would be", SEVERAL, "good.example",
	  .tls = { CA, .cert_hostname = "bad.example" }, .reason = WEIR_REASON_TLS_NAME },
	{ "tls_cert_hostname does not make an authority known", SEVERAL, "good.example",
	  .tls = { .cert_hostname = "good.example" }, .reason = WEIR_REASON_TLS_UNTRUSTED },
	{ "a name that the server does not know", PICKY, "bad.example", .tls = { CA },
	  .reason = WEIR_REASON_TLS_UNKNOWN },
	{ "the name that it knows", PICKY, "good.example", .tls = { CA } },
	{ "a version that the server does not speak", ONLY_13, "good.example",
	  .tls = { CA, .max_version = WEIR_TLS_1_2 }, .reason = WEIR_REASON_TLS_PROTOCOL },
	{ "the least version that it speaks", ONLY_13, "good.example",
	  .tls = { CA, .min_version = WEIR_TLS_1_3 } },
	{ "a version above all that the server speaks", ONLY_12, "good.example",
	  .tls = { CA, .min_version = WEIR_TLS_1_3 }, .reason = WEIR_REASON_TLS_PROTOCOL },
	{ "the most that it speaks", ONLY_12, "good.example",
	  .tls = { CA, .max_version = WEIR_TLS_1_2 } },
	{ "a cipher that the server has", ONLY_12, "good.example",
	  .tls = { CA, .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384" } },
	{ "ciphers that the server does not have", ONLY_12, "good.example",
	  .tls = { CA, .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256" },
	  .reason = WEIR_REASON_TLS_HANDSHAKE },
	{ "ciphers of TLS 1.3", ONLY_13, "good.example",
	  .tls = { CA, .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256" } },
	{ "ciphers that there are not", ONLY_12, "good.example",
	  .tls = { CA, .ciphers = "NONESUCH" }, .reason = WEIR_REASON_CONFIG },
	{ "a client's certificate is wanted, by TLS 1.3", STRICT, "good.example", .tls = { CA },
	  .reason = WEIR_REASON_TLS_HANDSHAKE },
	{ "a client's certificate is wanted, by TLS 1.2", STRICT_12, "good.example", .tls = { CA },
	  .reason = WEIR_REASON_TLS_HANDSHAKE },
	{ "a client's certificate is shown, by TLS 1.3", STRICT, "good.example",
	  .tls = { CA, .client_cert = "client.pem", .client_key = "client.key" } },
	{ "a client's certificate is shown, by TLS 1.2", STRICT_12, "good.example",
	  .tls = { CA, .client_cert = "client.pem", .client_key = "client.key" } },
	{ "a client's certificate of another authority", STRICT, "good.example",
	  .tls = { CA, .client_cert = "self.pem", .client_key = "self.key" },
	  .reason = WEIR_REASON_TLS_HANDSHAKE },
	{ "a key that is another certificate's", STRICT, "good.example",
	  .tls = { CA, .client_cert = "client.pem", .client_key = "good.key" },
	  .reason = WEIR_REASON_CONFIG },
	{ "a file that is not there", SEVERAL, "good.example", .tls = { .ca_cert = "nowhere.pem" },
	  .reason = WEIR_REASON_CONFIG },
	{ "a file without a certificate", SEVERAL, "good.example",
	  .tls = { .ca_cert = "nothing.pem" }, .reason = WEIR_REASON_CONFIG },
};

#define N (sizeof(probes) / sizeof(probes[0]))

/* The path of a file of the directory, or what is in it. NULL stays NULL. */
static const char *pem(const char *name, bool text)
{
	const char *path;
	char *bytes;
	FILE *f;

	if (!name)
		return NULL;
	path = weir_arena_printf(servers.arena, "%s/%s", servers.dir, name);
	f = text ? fopen(path, "re") : NULL;
	if (!f)
		return path;
	bytes = weir_arena_alloc(servers.arena, 65536, 1);
	assert_true(fread(bytes, 1, 65535, f) > 0);
	fclose(f);
	return bytes;
}

static void goes(struct bed *b, const struct probe *p, bool texts)
{
	struct weir_monitor m = monitor_of(WEIR_MONITOR_HTTPS);
	struct weir_header host = { "Host", p->host };
	struct world *w;

	m.allow_insecure = p->insecure;
	m.headers = &host;
	m.n_headers = p->host != NULL;
	w = world_new(b, m, 1, &servers.at[p->server]);
	w->origins[0].host_name = p->host_name;
	w->pool.tls = p->tls;
	w->pool.tls.check_cert = !p->unchecked;
	w->pool.tls.ca_cert = pem(p->tls.ca_cert, texts);
	w->pool.tls.client_cert = pem(p->tls.client_cert, texts);
	w->pool.tls.client_key = pem(p->tls.client_key, texts);
	b->verdicts = 0;
	weir_prober_set(b->prober, &w->model);
	await(b, b->verdicts >= 1);
	if (p->reason)
		expect_fail(b->seen[0].last, p->reason);
	else
		expect_pass(b->seen[0].last);
	assert_int_equal(b->seen[0].last.status, p->reason ? 0 : 200);
	weir_prober_set(b->prober, &world_new(b, m, 0, NULL)->model);
}

static void a_probe_with_this(void **state)
{
	const struct probe *p = *state;
	void *bed;

	bed_setup(&bed);
	goes(bed, p, false);
	goes(bed, p, true);
	assert_int_equal(bed_teardown(&bed), 0);
}

static void files_are_read_anew_for_each_probe(void **state)
{
	struct weir_monitor m = monitor_of(WEIR_MONITOR_HTTPS);
	struct weir_header host = { "Host", "good.example" };
	struct bed *b;
	struct world *w;
	void *bed;

	(void)state;
	bed_setup(&bed);
	b = bed;
	assert_int_equal(system("cp $DIR/other.pem $DIR/changing.pem"), 0);
	m.headers = &host;
	m.n_headers = 1;
	m.interval_ms = 20;
	w = world_new(b, m, 1, &servers.at[SEVERAL]);
	w->pool.tls.ca_cert = pem("changing.pem", false);
	weir_prober_set(b->prober, &w->model);
	await(b, b->verdicts >= 2);
	expect_fail(b->seen[0].last, WEIR_REASON_TLS_UNTRUSTED);
	assert_int_equal(system("cp $DIR/ca.pem $DIR/changing.pem"), 0);
	await(b, b->seen[0].last.pass);
	assert_int_equal(bed_teardown(&bed), 0);
}

static void a_server_without_tls_is_no_tls_server(void **state)
{
	struct bed *b;
	struct server *s;
	void *bed;

	(void)state;
	bed_setup(&bed);
	b = bed;
	s = server_new(b, "127.0.0.1", GREETS, "220 mail.example\r\n");
	expect_fail(probe_once(b, monitor_of(WEIR_MONITOR_HTTPS), s->at), WEIR_REASON_TLS_PROTOCOL);
	expect_fail(probe_once(b, http_monitor(), servers.at[SEVERAL]), WEIR_REASON_HTTP_INVALID);
	assert_int_equal(bed_teardown(&bed), 0);
}

static void a_redirect_from_http_is_checked_like_any_other(void **state)
{
	struct weir_monitor m = http_monitor();
	struct server *s;
	struct bed *b;
	struct world *w;
	char reply[256];
	void *bed;

	(void)state;
	bed_setup(&bed);
	b = bed;
	snprintf(reply, sizeof(reply),
		 "HTTP/1.1 301 Moved\r\nLocation: https://good.example:%u/\r\n"
		 "Content-Length: 0\r\n\r\n",
		 servers.at[SEVERAL].port);
	s = server_new(b, "127.0.0.1", ANSWERS, reply);
	m.follow_redirects = true;
	expect_fail(probe_once(b, m, s->at), WEIR_REASON_TLS_UNTRUSTED);
	w = world_new(b, m, 1, &s->at);
	w->pool.tls.ca_cert = pem("ca.pem", false);
	b->verdicts = 0;
	weir_prober_set(b->prober, &w->model);
	await(b, b->verdicts >= 1);
	expect_pass(b->seen[0].last);
	assert_int_equal(bed_teardown(&bed), 0);
}

int main(void)
{
	static struct CMUnitTest tests[N + 3];

	for (size_t i = 0; i < N; i++)
		tests[i] = (struct CMUnitTest){ .name = probes[i].says,
						.test_func = a_probe_with_this,
						.initial_state = (void *)&probes[i] };
	tests[N] = (struct CMUnitTest)cmocka_unit_test(files_are_read_anew_for_each_probe);
	tests[N + 1] = (struct CMUnitTest)cmocka_unit_test(a_server_without_tls_is_no_tls_server);
	tests[N + 2] =
		(struct CMUnitTest)cmocka_unit_test(a_redirect_from_http_is_checked_like_any_other);
	return cmocka_run_group_tests_name("https", tests, start_servers, stop_servers);
}
