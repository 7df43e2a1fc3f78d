# SPDX-License-Identifier: GPL-2.0-or-later
# make          build            make demo     the main job on real traffic, then clean up
# make check    unit tests       make test     everything this machine can run
# make bench    the figures      make install  DESTDIR, PREFIX
# make vmtest   the selftests in VMs with Debian's kernels (KERNELS='5.10 6.1 6.12 7')
# V=1 shows commands; SAN=1 builds with ASan and UBSan under build/san; all output is in build/.
MAKEFLAGS += --no-builtin-rules
# The targets above one after the other, each with as many jobs as there are CPUs, or as -j says.
ifeq ($(MAKELEVEL),0)
.NOTPARALLEL:
endif
BUILD = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
SHELL := /bin/bash
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all check test vmtest demo bench fuzz fmt fmt-check install clean deps

CC := gcc
CLANG ?= clang
BPFTOOL ?= $(or $(shell command -v bpftool 2>/dev/null),/usr/sbin/bpftool)
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
B := build$(if $(SAN),/san)

PACKAGES := clang llvm gcc make pkg-config libbpf-dev libxdp-dev bpftool libcmocka-dev libuv1-dev \
	libjansson-dev libyaml-dev libcurl4-openssl-dev libssl-dev libc-ares-dev libmicrohttpd-dev libmnl-dev libmaxminddb-dev libfstrm-dev libsqlite3-dev libprotobuf-c-dev protobuf-c-compiler libknot-dev \
	libclang-rt-14-dev clang-format iproute2 iputils-ping ethtool curl nginx-light bind9-dnsutils ldnsutils libldns-dev unbound dnsperf fstrm-bin dnsmasq-base jq knot knot-dnsutils python3-dnspython python3-cloudflare \
	ngtcp2-client ngtcp2-server openssl python3 procps util-linux tcpdump tshark python3-aiosmtpd qemu-system-x86 busybox-static xdp-tools cpio kmod \
	nodejs $(if $(shell command -v npm 2>/dev/null),,npm) lexicon

, := ,
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $@;)
san := $(if $(SAN),-fsanitize=address$(,)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
WEIR_FLAGS := -std=gnu11 $(WARN) -D_GNU_SOURCE -fno-strict-aliasing -Iinclude -Iuser -I$(B) $(san) -pthread
BPF_CFLAGS := -std=gnu11 -O2 -g -target bpf -mcpu=v3 -fno-strict-aliasing -Wall -Wextra -Werror -Wno-unused-parameter \
	-Iinclude -Ibpf -idirafter /usr/include/$(shell uname -m)-linux-gnu

LIB_SRC := $(wildcard user/base/*.c user/model/*.c user/compile/*.c user/zone/*.c)
AGENT_SRC := $(wildcard user/dataplane/*.c user/loop/*.c user/probe/*.c user/resolve/*.c user/dns/*.c user/sign/*.c user/geo/*.c user/store/*.c user/alert/*.c user/api/*.c user/agent/*.c) \
	user/main.c
SKELS := weir decap
LIB_LIBS := -ljansson -lyaml -lzscanner
BPF_LIBS := -lxdp -lbpf -lmnl
AGENT_LIBS := $(BPF_LIBS) -luv -lcurl -lssl -lcrypto -lcares -lmicrohttpd -lmaxminddb -lsqlite3 -lfstrm -lprotobuf-c

BIN := $(B)/weir-agent $(B)/weirctl $(B)/weir-decap $(B)/weirload

UNIT := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/*/test_*.c))
BPFT := $(patsubst %.c,$(B)/%,$(wildcard tests/bpf/test_*.c))
PLANET := $(patsubst %.c,$(B)/%,$(wildcard tests/dataplane/test_*.c))
PROBET := $(patsubst %.c,$(B)/%,$(wildcard tests/probe/test_*.c))
SIGNT := $(patsubst %.c,$(B)/%,$(wildcard tests/sign/test_*.c))
STORET := $(patsubst %.c,$(B)/%,$(wildcard tests/store/test_*.c))
ALERTT := $(patsubst %.c,$(B)/%,$(wildcard tests/alert/test_*.c))
VMT := $(patsubst %.c,$(B)/%.o,$(wildcard tests/vm/*.bpf.c tests/net/xdp_*.bpf.c)) $(B)/tests/vm/verifier
NETT := $(B)/tests/net/flood $(B)/tests/net/dns_flood $(B)/tests/net/ask $(B)/tests/net/dns_ask $(B)/tests/net/keep $(B)/tests/net/quic_ids.so
KERNELS := 5.10 6.1 6.12 7
FUZZ := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
BENCH := $(patsubst %.c,$(B)/%,$(wildcard tests/bench/bench_*.c tests/bench/veth_*.c tests/bench/dns_*.c))
OBJ = $(patsubst %.c,$(B)/%.o,$(1))

all: deps
	+@$(BUILD) $(BIN)

# --- what is missing is installed once ---
deps: build/.deps
build/.deps: Makefile
	@mkdir -p build
	@dpkg -s $(PACKAGES) >/dev/null 2>&1 || tests/lib/install.sh $(PACKAGES)
	@touch $@

# --- C ---
$(B)/%.o: %.c | $(SKELS:%=$(B)/%.skel.h)
	$(call say,CC)mkdir -p $(@D) && $(CC) $(WEIR_FLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@
$(B)/%.pb-c.c $(B)/%.pb-c.h &: user/dns/%.proto
	$(call say,PROTO)mkdir -p $(@D) && protoc-c --c_out=$(@D) -I $(<D) $<
$(B)/%.pb-c.o: $(B)/%.pb-c.c
	$(call say,CC)$(CC) $(WEIR_FLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@
$(call OBJ,user/dns/tap.c): | $(B)/dnstap.pb-c.h
$(B)/libweir.a: $(call OBJ,$(LIB_SRC))
	$(call say,AR)rm -f $@ && ar rcs $@ $^
$(B)/weir-agent: $(call OBJ,$(AGENT_SRC)) $(B)/dnstap.pb-c.o $(B)/libweir.a
	$(call say,LD)$(CC) $(san) -pthread $(LDFLAGS) $^ $(AGENT_LIBS) $(LIB_LIBS) -lm -o $@
$(B)/weirctl: $(call OBJ,$(wildcard tools/weirctl*.c)) $(B)/libweir.a
	$(call say,LD)$(CC) $(san) $(LDFLAGS) $^ -lcurl $(LIB_LIBS) -lm -o $@
$(B)/weir-decap: $(call OBJ,tools/weir-decap.c) $(B)/libweir.a
	$(call say,LD)$(CC) $(san) $(LDFLAGS) $^ $(BPF_LIBS) -o $@
$(B)/weirload: $(call OBJ,$(wildcard tools/weirload*.c)) $(B)/libweir.a
	$(call say,LD)$(CC) $(san) $(LDFLAGS) $^ -o $@

# --- BPF ---
$(B)/%.bpf.o: bpf/%.bpf.c
	$(call say,BPF)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@
$(B)/tests/%.bpf.o: tests/%.bpf.c
	$(call say,BPF)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@
$(B)/%.skel.h: $(B)/%.bpf.o
	$(call say,SKEL)$(BPFTOOL) gen skeleton $< name $(notdir $*)_bpf > $@

# --- tests ---
$(B)/tests/unit/%: $(B)/tests/unit/%.o $(B)/libweir.a
	$(call say,LD)$(CC) $(san) $(LDFLAGS) $^ -lcmocka $(LIB_LIBS) -lm -o $@
TEST_LIB := $(call OBJ,$(wildcard tests/lib/*.c))
$(B)/tests/bpf/%: $(B)/tests/bpf/%.o $(TEST_LIB) $(B)/libweir.a
	$(call say,LD)$(CC) $(san) $(LDFLAGS) $^ -lcmocka -lbpf -lm -o $@
$(PLANET): $(B)/%: $(B)/%.o $(call OBJ,tests/dataplane/bed.c tests/dataplane/bed_tables.c tests/lib/pkt.c tests/lib/dns.c $(wildcard user/dataplane/*.c)) \
		$(B)/libweir.a
	$(call say,LD)$(CC) $(san) $(LDFLAGS) $^ -lcmocka $(BPF_LIBS) -o $@
$(B)/tests/vm/verifier: $(call OBJ,tests/vm/verifier.c user/dataplane/features.c) $(B)/libweir.a
	$(call say,LD)$(CC) $(san) $(LDFLAGS) $^ -lbpf -lmnl -o $@
$(PROBET): $(B)/%: $(B)/%.o $(call OBJ,tests/probe/bed.c $(wildcard user/loop/*.c user/probe/*.c)) $(B)/libweir.a
	$(call say,LD)$(CC) $(san) $(LDFLAGS) $^ -lcmocka -luv -lcurl -lssl -lcrypto -o $@
$(SIGNT): $(B)/%: $(B)/%.o $(call OBJ,$(wildcard user/sign/*.c)) $(B)/libweir.a
	$(call say,LD)$(CC) $(san) $(LDFLAGS) $^ -lcmocka -lcrypto $(LIB_LIBS) -lm -o $@
$(ALERTT): $(B)/%: $(B)/%.o $(call OBJ,$(wildcard user/loop/*.c user/alert/*.c)) $(B)/libweir.a
	$(call say,LD)$(CC) $(san) $(LDFLAGS) $^ -lcmocka -luv -lcurl $(LIB_LIBS) -lm -o $@
$(STORET): $(B)/%: $(B)/%.o $(call OBJ,$(wildcard user/store/*.c)) $(B)/libweir.a
	$(call say,LD)$(CC) $(san) $(LDFLAGS) $^ -lcmocka -lsqlite3 $(LIB_LIBS) -lm -o $@
$(B)/tests/net/flood.o $(B)/tests/net/dns_flood.o: $(B)/tests/net/%.o: | $(B)/tests/net/%.skel.h
$(B)/tests/net/flood $(B)/tests/net/dns_flood: $(B)/tests/net/%: $(B)/tests/net/%.o
	$(call say,LD)$(CC) $(san) $(LDFLAGS) $^ -lbpf -o $@
$(B)/tests/net/ask $(B)/tests/net/dns_ask: $(B)/tests/net/%: $(B)/tests/net/%.o
	$(call say,LD)$(CC) $(san) $(LDFLAGS) $^ -o $@
$(B)/tests/net/keep: $(call OBJ,tests/net/keep.c $(wildcard user/store/*.c)) $(B)/libweir.a
	$(call say,LD)$(CC) $(san) $(LDFLAGS) $^ -lsqlite3 $(LIB_LIBS) -lm -o $@
$(B)/tests/net/%.so: tests/net/%.c
	$(call say,LD)mkdir -p $(@D) && $(CC) $(WEIR_FLAGS) $(CFLAGS) $(LDFLAGS) -shared -fPIC $< -o $@
$(B)/tests/bench/bench_compile $(B)/tests/bench/bench_sync: $(B)/%: $(B)/%.o \
		$(call OBJ,tests/bench/world.c $(wildcard user/dataplane/*.c)) $(B)/libweir.a
	$(call say,LD)$(CC) $(san) $(LDFLAGS) $^ $(BPF_LIBS) $(LIB_LIBS) -lm -o $@
$(B)/tests/bench/bench_probe: $(call OBJ,tests/bench/bench_probe.c tests/bench/figures.c $(wildcard user/loop/*.c user/probe/*.c)) \
		$(B)/libweir.a
	$(call say,LD)$(CC) $(san) $(LDFLAGS) $^ -luv -lcurl -lssl -lcrypto $(LIB_LIBS) -lm -o $@
BENCH_LIB := $(call OBJ,tests/bench/figures.c tests/bench/kinds.c)
$(BENCH:%=%.o) $(BENCH_LIB): | $(B)/tests/bench/harness.skel.h $(B)/tests/bench/veth.skel.h $(B)/tests/bench/dns.skel.h
$(B)/tests/bench/%: $(B)/tests/bench/%.o $(BENCH_LIB) $(TEST_LIB) $(B)/libweir.a
	$(call say,LD)$(CC) $(san) $(LDFLAGS) $^ -lbpf $(LIB_LIBS) -lm -o $@
FUZZ_FLAGS := -std=gnu11 -D_GNU_SOURCE -O1 -g -Iinclude -Iuser -Ibpf -Ibuild \
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined
build/fuzz/obj/%.o: %.c | build/weir.skel.h
	$(call say,FUZZ)mkdir -p $(@D) && $(CLANG) $(FUZZ_FLAGS) -MMD -MP -c $< -o $@
build/fuzz/%: build/fuzz/obj/tests/fuzz/%.o $(patsubst %,build/fuzz/obj/tests/lib/%.o,dns pkt) $(LIB_SRC:%.c=build/fuzz/obj/%.o)
	$(call say,LD)$(CLANG) $(FUZZ_FLAGS) $^ $(LIB_LIBS) $(FUZZ_LIBS) -lm -o $@
build/fuzz/fuzz_dns build/fuzz/fuzz_zone build/fuzz/fuzz_rdata: FUZZ_LIBS := -lldns

# The official clients of the vendors whose APIs there are, of the versions in the lock file.
NPM := build/api/node_modules/.package-lock.json
$(NPM): tests/api/package.json tests/api/package-lock.json
	$(call say,NPM)mkdir -p build/api && cp $^ build/api/ && \
		npm --prefix build/api ci --ignore-scripts --no-audit --no-fund --silent && touch $@

check: deps
	+@$(BUILD) unit
unit: $(UNIT)
	@tests/run.sh unit $(UNIT)
test: deps
	+@$(BUILD) run-tests
	@tests/run.sh all
run-tests:
	+@$(BUILD) $(BIN) $(UNIT) $(PROBET) $(SIGNT) $(STORET) $(ALERTT) $(BPFT) $(PLANET) $(NETT) $(FUZZ) $(VMT) $(NPM)
	+@$(BUILD) SAN=1 $(BIN:build/%=build/san/%) \
		$(UNIT:build/%=build/san/%) $(PROBET:build/%=build/san/%) $(SIGNT:build/%=build/san/%) $(STORET:build/%=build/san/%) $(ALERTT:build/%=build/san/%) \
		$(PLANET:build/%=build/san/%)
vmtest: deps
	+@$(BUILD) $(BIN) $(BPFT) $(VMT)
	@tests/run.sh vm $(KERNELS)
.PHONY: unit run-tests fuzzers
fuzzers: $(FUZZ)
demo: all
	@tools/demo.sh
bench: deps
	+@$(BUILD) $(BIN) $(BENCH) $(B)/tests/bench/bounce.bpf.o
	@tests/bench/run.sh '$(ROWS)'

C_FILES = $(shell git ls-files -co --exclude-standard '*.c' '*.h')
fmt:
	clang-format -i $(C_FILES)
fmt-check:
	@clang-format --dry-run -Werror $(C_FILES)

install: all
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/sbin $(B)/weir-agent $(B)/weir-decap
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin $(B)/weirctl
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man8 tools/man/*.8
	install -D -m 644 tools/weirctl.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/weirctl
	install -d $(DESTDIR)/etc/weir $(DESTDIR)/lib/systemd/system
	[ -e $(DESTDIR)/etc/weir/weir.yaml ] || install -m 600 tools/weir.yaml $(DESTDIR)/etc/weir/weir.yaml
	sed 's|@SBINDIR@|$(PREFIX)/sbin|' tools/weir-agent.service > $(DESTDIR)/lib/systemd/system/weir-agent.service
clean:
	rm -rf build

-include $(shell find build -name net.\* -prune -o -name '*.d' -type f -print 2>/dev/null)
