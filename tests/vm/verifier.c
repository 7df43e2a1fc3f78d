/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verifier.c - loads every program of ours into the kernel it runs on and says how many steps the
 * verifier took, as TAP: as they are, and with what of user/dataplane/features.c this kernel has.
 * There is a limit: what it has to think about for long on one kernel the next one may refuse. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <bpf/libbpf.h>

#include "dataplane/plane_impl.h"
#include "decap.skel.h"
#include "weir.skel.h"
#include "weir/seeing.h"

#define MOST_STEPS 100000
#define LOG_STATS  4 /* the verifier's statistics, nothing else */
#define LOG_BYTES  65536
#define PROGRAMS   8

static bool failed;

static const char *grouped(unsigned n, char buf[16])
{
	if (n < 1000)
		snprintf(buf, 16, "%u", n);
	else
		snprintf(buf, 16, "%u,%03u", n / 1000, n % 1000);
	return buf;
}

static void say(bool good, const char *program, const char *how, unsigned steps)
{
	char took[16], most[16];
	struct utsname kernel;

	uname(&kernel);
	printf("%sok - verifier: %s%s takes %s of %s steps on %s\n", good ? "" : "not ", program,
	       how, grouped(steps, took), grouped(MOST_STEPS, most), kernel.release);
	failed |= !good;
}

static void judge(const char *program, const char *how, const char *log)
{
	const char *at = strstr(log, "processed ");
	unsigned steps = 0;

	if (at)
		sscanf(at, "processed %u insns", &steps);
	if (!steps)
		printf("# what the verifier says of %s:\n# %.400s\n", program, log);
	say(steps && steps <= MOST_STEPS, program, how, steps);
}

/* Loads all programs of an open object, or only one. how: said behind their names. */
static void load(struct bpf_object *obj, const struct bpf_program *only, const char *how)
{
	char *logs = calloc(PROGRAMS, LOG_BYTES);
	struct bpf_program *prog;
	int n = 0, err;

	if (!logs)
		exit(1);
	bpf_object__for_each_program(prog, obj)
	{
		if (n == PROGRAMS)
			exit(1);
		bpf_program__set_autoload(prog, !only || prog == only);
		bpf_program__set_log_level(prog, LOG_STATS);
		bpf_program__set_log_buf(prog, logs + n++ * LOG_BYTES, LOG_BYTES);
	}
	err = bpf_object__load(obj);
	n = 0;
	bpf_object__for_each_program(prog, obj)
	{
		if (bpf_program__autoload(prog))
			judge(bpf_program__name(prog), how, logs + n * LOG_BYTES);
		n++;
	}
	if (err) {
		printf("not ok - verifier: the kernel refuses the object: %s\n", strerror(-err));
		failed = true;
	}
	free(logs);
}

/* The packet program with all that this kernel and a configuration can switch on, as an instrument
 * of this kind (enum weir_seeing) or none. */
static void load_with_all(uint32_t features, uint8_t seeing, const char *how)
{
	struct weir_bpf *weir = weir_bpf__open();

	if (!weir)
		exit(1);
	features_use(features, weir);
	weir->rodata->weir_features = ~0u;
	weir->rodata->weir_seeing = seeing;
	load(weir->obj, weir->progs.weir_xdp, how);
	weir_bpf__destroy(weir);
}

int main(void)
{
	uint32_t features = features_probe();
	struct decap_bpf *decap = decap_bpf__open();
	struct weir_bpf *weir = weir_bpf__open();

	if (!decap || !weir)
		return 1;
	load(weir->obj, NULL, "");
	load(decap->obj, NULL, "");
	load_with_all(features, 0, ", with all that can be on,");
	load_with_all(features, WEIR_SEEING_DRY, ", with all, for a trace,");
	load_with_all(features, WEIR_SEEING_CAPTURE, ", with all, for a capture,");
	weir_bpf__destroy(weir);
	decap_bpf__destroy(decap);
	return failed;
}
