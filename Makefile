# simspool: GNU make, out-of-tree objects in build/, no recursion. `make help` lists the targets.
#
# Sources are found by folder, so a new file needs no line here:
#   src/sim-*.c, src/sim.c   one program each        src/common/*.c   shared by programs
#   src/VERB/*.c             the rest of sim-VERB, where it is more than a file
#   lib/*/*.c                the library             lib/*/isa/*.c    compiled once per instruction set
#   tests/unit/test_*.c      one test program each
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

VERSION := 0.1.0
PREFIX ?= /usr/local
DESTDIR ?=
CC ?= cc
ifeq ($(origin CC),default)
CC := gcc
endif
# A second build tree for sanitizers and other compilers: make B=build/asan CFLAGS=...
B ?= build
V ?= 0
ifeq ($(V),0)
Q := @
say = @printf '  %-7s %s\n' $(1) $(2)
else
Q :=
say = @:
endif

OPT ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wcast-qual -Wwrite-strings -Wvla
WERROR ?=
# Bits are a promise: no contraction, no reassociation, no excess precision.
FPFLAGS := -ffp-contract=off -fno-fast-math -fno-math-errno -fno-trapping-math
CPPFLAGS_ALL := -Ilib -Isrc -I. -D_GNU_SOURCE -DSIM_VERSION='"$(VERSION)"' $(CPPFLAGS)
CFLAGS_ALL := -std=gnu11 $(OPT) $(FPFLAGS) $(WARN) $(WERROR) $(CFLAGS)
LIBS := -Wl,--as-needed -lsqlite3 -ljansson -lzip -lexpat -lpcre2-8 -lcurl -lz -lpthread -ldl -lm
# Programs that are sent to another machine (lib/remote/programs.h) bring what they need in lib/ beside them.
LIBS += -Wl,--disable-new-dtags,-rpath,'$$ORIGIN/lib'
ARCH := $(shell $(CC) -dumpmachine 2>/dev/null | cut -d- -f1)

# --- instruction sets ---------------------------------------------------------------------------
ifeq ($(ARCH),x86_64)
ISAS := base avx2 avx512
else
ISAS := base
endif
# gcc's first scheduler lets several vectors take turns where a loop has several (kernels/blocks.h); clang has no such option, nor the need.
INTERLEAVE := $(shell $(CC) -Werror -fschedule-insns -fsyntax-only -x c /dev/null 2>/dev/null && echo -fschedule-insns)
ISA_FLAGS_base :=
ISA_FLAGS_avx2 := -mavx2 -mfma $(INTERLEAVE)
ISA_FLAGS_avx512 := -mavx512f -mavx512dq -mavx512vl -mavx512bw -mfma -mprefer-vector-width=512 $(INTERLEAVE)

# --- files --------------------------------------------------------------------------------------
LIB_SRC := $(wildcard lib/*/*.c)
ISA_SRC := $(wildcard lib/*/isa/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o) $(foreach i,$(ISAS),$(ISA_SRC:%.c=$(B)/%.$(i).o))
# The headers of kernels/, as text: what generated source is made of.
KERNEL_TEXT := $(B)/gen/kernel_text
LIB_OBJ += $(KERNEL_TEXT).o
LIB := $(B)/libsimspool.a
# An archive: a program links what it uses of it, and nothing that drags in the rest.
COMMON_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard src/*/*.c))
COMMON := $(B)/libcommon.a
PROG_SRC := $(wildcard src/sim.c src/sim-*.c)
PROGS := $(PROG_SRC:src/%.c=bin/%)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNITS := $(UNIT_SRC:%.c=$(B)/%)
MAN := $(wildcard man/*.[1578])

all: $(if $(filter build,$(B)),$(PROGS),$(PROG_SRC:src/%.c=$(B)/bin/%))

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## all            build the programs into bin/
## demo           install what is missing, build, run the main job, show its result
## check          install what the tests need, build, run all tests
## check-gpu      the bits of a GPU against the CPU's; skipped with the reason where there is none
## check-asan     the tests again under the address and undefined-behaviour sanitizers
## check-conformance DIR=…   recalculate a folder of workbooks, table of agreement by function
## check-lanes DIR=… [BOOKS=100]   real workbooks made random: lanes against the scalar evaluator
## lint           warnings as errors (gcc, clang), cppcheck, shellcheck, mandoc, include directions
## bench          benchmarks beside their peers (bench/README.md)
## fuzz           fuzz the readers and parsers for SECONDS_EACH=60 each
## install        PREFIX=/usr/local DESTDIR=
## uninstall, clean, dist

# --- building -----------------------------------------------------------------------------------
# -isystem style dependencies (-MMD) follow every header; flags.stamp follows the flags.
STAMP := $(B)/flags.stamp
$(STAMP): force
	$(Q)mkdir -p $(@D); echo '$(CC) $(CFLAGS_ALL) $(CPPFLAGS_ALL)' | cmp -s - $@ || \
		echo '$(CC) $(CFLAGS_ALL) $(CPPFLAGS_ALL)' > $@

define isa_rule
$(B)/%.$(1).o: %.c $(STAMP)
	$$(call say,CC,$$<\ [$(1)])
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CPPFLAGS_ALL) -DISA=$(1) -DISA_$(1)=1 $$(CFLAGS_ALL) $$(ISA_FLAGS_$(1)) -MMD -MP -c -o $$@ $$<
endef
$(foreach i,$(ISAS),$(eval $(call isa_rule,$(i))))

$(B)/%.o: %.c $(STAMP)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(KERNEL_TEXT).c: $(wildcard kernels/*) tools/embed-kernels
	$(Q)mkdir -p $(@D)
	$(Q)tools/embed-kernels $(filter kernels/%,$^) > $@.tmp && mv $@.tmp $@

$(KERNEL_TEXT).o: $(KERNEL_TEXT).c $(STAMP)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c -o $@ $<

$(LIB): $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@; $(AR) rcs $@ $^

$(COMMON): $(COMMON_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@; $(AR) rcs $@ $^

bin/%: build/src/%.o $(COMMON) $(LIB)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/bin/%: $(B)/src/%.o $(COMMON) $(LIB)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

units: $(UNITS)
.SECONDARY:

force:
.PHONY: all help units force

-include Makefile.tests
-include $(shell find $(B) -name '*.d' 2>/dev/null)
