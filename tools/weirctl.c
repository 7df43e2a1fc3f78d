/* SPDX-License-Identifier: GPL-2.0-or-later */
/* weirctl.c - the command line client of the agent: options and the table of commands. */
#include "weirctl.h"

#include <ctype.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "weir/api.h"

#define CONTROL_PORT 8650 /* that of WEIR_DEFAULT_CONTROL */

static const char usage[] =
	"Usage: weirctl [--control ADDR:PORT] COMMAND\n"
	"\n"
	"  status               what the agent serves, what is healthy, what packets met\n"
	"  drops                why packets and DNS queries were dropped or went another way than\n"
	"                       usual, with rates, again and again\n"
	"    -i, --interval S   seconds between two looks, 0.1 to 3600 (default 1)\n"
	"    -n, --count N      end after so many (default: never)\n"
	"  dns                  what became of DNS queries, in all and by zone\n"
	"  dns top              the names that are asked for most\n"
	"    -n, --count N      zones or names (default 20)\n"
	"  dns explain NAME [TYPE]\n"
	"                       what a question is answered (type A unless it is said), and which\n"
	"                       rule says so\n"
	"        --client ADDR  to this resolver\n"
	"        --subnet NET   for clients of this subnet\n"
	"  dns zone NAME        a zone as a file, as it is at present\n"
	"  handshakes           how long live connections took to begin, by pool and region\n"
	"  trace SRC DST tcp|udp\n"
	"                       where a flow goes and why: which service, row and endpoint. SRC and\n"
	"                       DST are address:port or [address]:port\n"
	"        --syn          where its first packet goes, not one in the middle of it\n"
	"        --quic-id HEX  where a QUIC packet with this connection id goes\n"
	"  override             what holds by hand, of which pool or endpoint\n"
	"  override POOL[/ENDPOINT] up|down|drain\n"
	"                       says that by hand: healthy whatever monitors say, out of service at\n"
	"                       once, or no new connections\n"
	"        --reason TEXT  why\n"
	"        --for TIME     for so long, as in 90s, 30m, 2h or 1d (default: until --clear)\n"
	"  override POOL[/ENDPOINT] --clear\n"
	"                       takes it back\n"
	"  capture              packets as they come in and as they leave, as a pcapng file\n"
	"    -w, --write FILE   where to (- is standard output, the default into a pipe)\n"
	"        --src, --dst N of this address or network\n"
	"        --sport, --dport N\n"
	"        --proto P      tcp, udp or icmp\n"
	"        --reason NAME  that end so: names of `weirctl drops` with commas, or drops\n"
	"        --at in|out|both\n"
	"    -s, --snaplen N    bytes of each packet, 14 to 16384 (default all)\n"
	"    -n, --count N      packets in all (default 1000)\n"
	"        --seconds S    0.1 to 86400 (default 60)\n"
	"        --sample 1/N   one of N, at random\n"
	"        --rate N/s     at most so many a second\n"
	"  zone dnssec NAME     the keys of a signed zone, its DS, and where a roll-over is\n"
	"  zone roll NAME [csk|ksk|zsk]\n"
	"                       begins to replace a key of it\n"
	"  zone ds-seen NAME    says that its parent has the DS of the new key, and no other\n"
	"  pool|monitor|group|lb|zone|record list\n"
	"                       all of them: what the configuration file has and what is stored\n"
	"  ... show|delete WHICH\n"
	"                       one of them, by id or name\n"
	"  ... create KEY=VALUE ...\n"
	"  ... edit WHICH KEY=VALUE ...\n"
	"                       fields as in weir.yaml, values in YAML; null takes one away\n"
	"    -f, --file FILE    more fields (- is standard input)\n"
	"  pool|lb enable|disable WHICH\n"
	"  apply -f FILE        makes what is stored as a file has it, all or nothing; its sections are\n"
	"                       those of weir.yaml without agent\n"
	"  diff -f FILE         what apply would change\n"
	"        --prune        what is stored and not in the file goes\n"
	"  events               what happened to pools and endpoints\n"
	"    -f, --follow       and what happens from now on\n"
	"    -n, --count N      the last so many (default 20)\n"
	"        --pool ID      of one pool\n"
	"  refs TYPE ID         who refers to a monitor, monitor_group, pool or load_balancer,\n"
	"                       and to whom it does\n"
	"  token create         makes a token for agent.api and prints it, once\n"
	"        --name NAME    what it is called\n"
	"        --scope read|write\n"
	"  token list           which there are, and when they were used\n"
	"  token revoke NAME    it is good for nothing any more\n"
	"  history              what was changed by APIs, newest first\n"
	"    -n, --count N      revisions, 1 to 1000 (default 20)\n"
	"  rollback REVISION    makes all objects what they were after that one; 0: before the first\n"
	"  backup FILE          a copy of what is stored\n"
	"\n"
	"  -c, --control ADDR   where the agent listens: agent.control of its configuration\n"
	"                       (default: $WEIR_CONTROL, else " WEIR_DEFAULT_CONTROL ")\n"
	"  -j, --json           the agent's answer as it is; drops: an object a line\n"
	"  -h, --help           this text\n"
	"  -V, --version        the version of weirctl\n"
	"\n"
	"Exit status: 0 done, 1 the agent cannot be reached or refused, 2 wrong usage or input, 3 diff: \n"
	"something differs.\n"
	"Colours are used on a terminal, unless NO_COLOR is set.\n";

#define TAKES(id)   (1u << WEIRCTL_##id)
#define MANY        1000
#define OBJECT_ARGS "list, show, create, edit or delete, as in: edit web enabled=false"

static const struct command {
	const char *name;
	int (*run)(struct weirctl *ctl);
	uint32_t takes;    /* options */
	int least, n_args; /* n_args: at the most */
	const char *args;  /* what they are, in words */
} commands[] = {
	{ "status", weirctl_status, TAKES(JSON), 0, 0, "no arguments" },
	{ "drops", weirctl_drops, TAKES(JSON) | TAKES(INTERVAL) | TAKES(COUNT), 0, 0,
	  "no arguments" },
	{ "dns", weirctl_dns, TAKES(JSON) | TAKES(COUNT) | TAKES(CLIENT) | TAKES(SUBNET), 0, 3,
	  "top, explain NAME [TYPE], zone NAME or nothing" },
	{ "handshakes", weirctl_handshakes, TAKES(JSON), 0, 0, "no arguments" },
	{ "trace", weirctl_trace, TAKES(JSON) | TAKES(SYN) | TAKES(QUIC_ID), 3, 3,
	  "a source, a destination and a protocol, as in: trace 198.51.100.7:4000 192.0.2.1:443 "
	  "tcp" },
	{ "override", weirctl_override, TAKES(JSON) | TAKES(REASON) | TAKES(FOR) | TAKES(CLEAR), 0,
	  2, "a pool or POOL/ENDPOINT, and up, down or drain" },
	{ "capture", weirctl_capture,
	  TAKES(WRITE) | TAKES(SRC) | TAKES(DST) | TAKES(SPORT) | TAKES(DPORT) | TAKES(PROTO) |
		  TAKES(REASON) | TAKES(AT) | TAKES(SNAPLEN) | TAKES(COUNT) | TAKES(SECONDS) |
		  TAKES(SAMPLE) | TAKES(RATE),
	  0, 0, "no arguments" },
	{ "zone", weirctl_zone, TAKES(JSON) | TAKES(FILE), 1, MANY,
	  "dnssec, roll or ds-seen, a zone and for roll a key, as in: zone roll example.com zsk; "
	  "or " OBJECT_ARGS },
	{ "pool", weirctl_object, TAKES(JSON) | TAKES(FILE), 1, MANY, OBJECT_ARGS },
	{ "monitor", weirctl_object, TAKES(JSON) | TAKES(FILE), 1, MANY, OBJECT_ARGS },
	{ "group", weirctl_object, TAKES(JSON) | TAKES(FILE), 1, MANY, OBJECT_ARGS },
	{ "lb", weirctl_object, TAKES(JSON) | TAKES(FILE), 1, MANY, OBJECT_ARGS },
	{ "record", weirctl_object, TAKES(JSON) | TAKES(FILE), 1, MANY, OBJECT_ARGS },
	{ "events", weirctl_events, TAKES(JSON) | TAKES(COUNT) | TAKES(FOLLOW) | TAKES(POOL), 0, 0,
	  "no arguments" },
	{ "apply", weirctl_apply, TAKES(JSON) | TAKES(FILE) | TAKES(PRUNE), 0, 0, "no arguments" },
	{ "diff", weirctl_diff, TAKES(FILE) | TAKES(PRUNE), 0, 0, "no arguments" },
	{ "refs", weirctl_refs, TAKES(JSON), 2, 2, "a type and an id, as in: refs pool web" },
	{ "token", weirctl_token, TAKES(JSON) | TAKES(NAME) | TAKES(SCOPE), 1, 2,
	  "create, list or revoke NAME" },
	{ "history", weirctl_history, TAKES(JSON) | TAKES(COUNT), 0, 0, "no arguments" },
	{ "rollback", weirctl_rollback, TAKES(JSON), 1, 1, "a revision" },
	{ "backup", weirctl_backup, TAKES(JSON), 1, 1, "a file that is not there yet" },
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct known {
	const char *name;
	int letter;
	bool value;
} known[] = {
#define KNOWN(id, name, letter, value) { name, letter, value },
	WEIRCTL_OPTIONS(KNOWN)
#undef KNOWN
};

const char *weirctl_option_name(enum weirctl_option option)
{
	return known[option].name;
}

int weirctl_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return WEIR_EXIT_OK;
	perror("weirctl: cannot write");
	return WEIR_EXIT_FAILED;
}

int weirctl_dump(const json_t *v)
{
	json_dumpf(v, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	putchar('\n');
	return weirctl_flush();
}

int weirctl_show(const struct weirctl *ctl, json_t *answer, int exit_status,
		 void (*print)(const json_t *answer, bool colour))
{
	if (!answer)
		return exit_status;
	if (ctl->option[WEIRCTL_JSON])
		exit_status = weirctl_dump(answer);
	else
		print(answer, ctl->colour);
	json_decref(answer);
	return ctl->option[WEIRCTL_JSON] ? exit_status : weirctl_flush();
}

bool weirctl_number(const struct weirctl *ctl, enum weirctl_option option, double lo, double hi,
		    double step, double *out)
{
	const char *text = ctl->option[option];
	char *end;
	double v;

	if (!text)
		return true;
	v = strtod(text, &end);
	if (isdigit((unsigned char)*text) && !*end && v >= lo && v <= hi &&
	    fabs(v / step - round(v / step)) < 1e-6) {
		*out = v;
		return true;
	}
	fprintf(stderr, "weirctl: --%s must be a %snumber from %g to %.10g, not \"%s\"\n",
		known[option].name, step == 1 ? "whole " : "", lo, hi, text);
	return false;
}

/* What getopt_long() is to know. Values of options without a letter lie behind those of letters. */
#define NO_LETTER 256

static void describe(struct option longs[static WEIRCTL_OPTION_COUNT + 4],
		     char letters[static 2 * WEIRCTL_OPTION_COUNT + 8])
{
	struct option *to = longs;
	char *l = letters + sprintf(letters, "c:hV");

	for (int i = 0; i < WEIRCTL_OPTION_COUNT; i++) {
		*to++ = (struct option){ known[i].name, known[i].value, NULL, NO_LETTER + i };
		if (known[i].letter)
			l += sprintf(l, "%c%s", known[i].letter, known[i].value ? ":" : "");
	}
	*to++ = (struct option){ "control", required_argument, NULL, 'c' };
	*to++ = (struct option){ "help", no_argument, NULL, 'h' };
	*to++ = (struct option){ "version", no_argument, NULL, 'V' };
	*to = (struct option){ 0 };
}

static void keep(struct weirctl *ctl, int c)
{
	for (int i = 0; i < WEIRCTL_OPTION_COUNT; i++)
		if (c == NO_LETTER + i || c == known[i].letter)
			ctl->option[i] = known[i].value ? optarg : "";
}

/* NULL: there is no such command, which was said. */
static const struct command *find_command(const char *name)
{
	if (!name) {
		fputs("weirctl: a command is missing\n", stderr);
		return NULL;
	}
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	fprintf(stderr, "weirctl: %s: no such command; there are", name);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(stderr, "%s %s", i ? "," : "", commands[i].name);
	fputc('\n', stderr);
	return NULL;
}

/* Whether what was given goes with the command; else says what does not. */
static bool goes_with(const struct weirctl *ctl, const struct command *cmd, int n_args)
{
	for (int i = 0; i < WEIRCTL_OPTION_COUNT; i++) {
		if (ctl->option[i] && !(cmd->takes >> i & 1)) {
			fprintf(stderr, "weirctl: --%s does not go with %s\n", known[i].name,
				cmd->name);
			return false;
		}
	}
	if (n_args >= cmd->least && n_args <= cmd->n_args)
		return true;
	fprintf(stderr, "weirctl: %s takes %s; %s%s\n", cmd->name, cmd->args,
		n_args > cmd->n_args ? "too much: " : "not all are there",
		n_args > cmd->n_args ? ctl->args[cmd->n_args] : "");
	return false;
}

/* -f is --file, but of events it is --follow, as tail has it. */
static void tell_follow_from_file(char **argv)
{
	bool events = false;

	for (char **a = argv + 1; *a; a++) {
		events |= strcmp(*a, "events") == 0;
		if (events && strcmp(*a, "-f") == 0)
			*a = (char *)"--follow";
	}
}

/* The command to run; NULL: *status is the exit status, and what there is to say was said. */
static const struct command *parse(int argc, char **argv, struct weirctl *ctl, const char **control,
				   int *status)
{
	struct option longs[WEIRCTL_OPTION_COUNT + 4];
	char letters[2 * WEIRCTL_OPTION_COUNT + 8];
	const struct command *cmd;
	int c;

	describe(longs, letters);
	tell_follow_from_file(argv);
	*status = WEIR_EXIT_INPUT;
	while ((c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (c == 'h' || c == 'V') {
			fputs(c == 'h' ? usage : "weirctl " WEIR_VERSION "\n", stdout);
			*status = WEIR_EXIT_OK;
			return NULL;
		}
		if (c == '?')
			return NULL;
		if (c == 'c')
			*control = optarg;
		else
			keep(ctl, c);
	}
	cmd = find_command(argv[optind]);
	if (!cmd)
		return NULL;
	ctl->command = cmd->name;
	ctl->args = argv + optind + 1;
	return goes_with(ctl, cmd, argc - optind - 1) ? cmd : NULL;
}

int main(int argc, char **argv)
{
	const char *from_env = getenv("WEIR_CONTROL"), *no_colour = getenv("NO_COLOR");
	const char *where = from_env && *from_env ? from_env : WEIR_DEFAULT_CONTROL;
	struct weirctl ctl = { 0 };
	struct weir_sockaddr control;
	int status;
	const struct command *cmd = parse(argc, argv, &ctl, &where, &status);

	if (!cmd) {
		if (status != WEIR_EXIT_OK)
			fputs("Try \"weirctl --help\".\n", stderr);
		return status;
	}
	if (!weir_sockaddr_parse(where, CONTROL_PORT, &control)) {
		fprintf(stderr,
			"weirctl: %s is no control address: it must be an IPv4 or IPv6 address and "
			"may have a port, as in 127.0.0.1:8650 or [::1]:8650\n",
			where);
		return WEIR_EXIT_INPUT;
	}
	weir_sockaddr_text(&control, ctl.at);
	ctl.colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour);
	status = cmd->run(&ctl);
	weirctl_hang_up(&ctl);
	return status;
}
