/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirload - makes traffic and judges what came of it: who answered, what broke. The answer is
 * one JSON object on standard output; the exit status is 1 when anything failed. */
#include "weirload.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weir/api.h"

static const char usage[] =
	"usage: weirload COMMAND [options]\n"
	"  connect [options] ADDR:PORT    TCP connections, each one small HTTP request\n"
	"    --connections N              how many (1000; endless with --for)\n"
	"    --for SECONDS                stop after this time\n"
	"    --every MS                   start one every MS ms instead of as fast as it goes\n"
	"    --parallel P                 at most so many at a time (64)\n"
	"    --timeout S                  until an answer is complete (3)\n"
	"    --source ADDR                the address they come from\n"
	"    --path PATH                  what to GET (/name); the body names the server\n"
	"  transfers [options] ADDR:PORT  long TCP transfers from and to `serve`, every byte checked\n"
	"    --flows N                    connections at the same time (500)\n"
	"    --seconds S                  stop after this time, else on SIGTERM or SIGINT\n"
	"    --size BYTES                 a flow ends well after so many bytes (endless)\n"
	"    --rate BYTES                 per second, flow and direction (8192; 0: no limit)\n"
	"    --source ADDR                the address they come from\n"
	"    --stall S                    a flow without progress for so long is broken (10)\n"
	"  udp [options] ADDR:PORT        UDP requests to `serve`, a source port a flow\n"
	"    --flows N                    how many (1000)\n"
	"    --requests R                 per flow, one after the other (3)\n"
	"    --every MS                   between the requests of a flow (0)\n"
	"    --parallel P                 flows at a time (64)\n"
	"    --timeout S                  for an answer (1)\n"
	"  serve --name NAME --listen ADDR:PORT [--listen ADDR:PORT]...\n"
	"                                 the other end of transfers (TCP) and udp (UDP)\n";

void load_usage(const char *fmt, ...)
{
	va_list ap;

	fputs("weirload: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs(" (see weirload --help)\n", stderr);
	exit(WEIR_EXIT_INPUT);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} commands[] = {
		{ "connect", load_cmd_connect },
		{ "transfers", load_cmd_transfers },
		{ "udp", load_cmd_udp },
		{ "serve", load_cmd_serve },
	};

	if (argc < 2)
		load_usage("a command is missing");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		fputs(usage, stdout);
		return WEIR_EXIT_OK;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	load_usage("no command %s", argv[1]);
}
