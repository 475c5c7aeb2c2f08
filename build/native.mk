# native.mk - everything that a C compiler makes.  The Makefile calls this one with -j.
#
# Each variant (a compiler with its flags) has a tree of its own, target/native/<variant>:
#     obj/…  liblwshm.a  test/…         and, for plain, liblwshm.so and lwshm.pc
#
# Targets: <variant>-lib, <variant>-tests, <variant>-jni, and what the Makefile names.
#
# SPDX-License-Identifier: Apache-2.0

OUT := target/native
comma := ,

# ---- sources: found, never listed ----

find = $(sort $(shell find $(1) -name '$(2)' 2>/dev/null))

LIB_SOURCES     := $(call find,src/main/c/os src/main/c/core,*.c)
JNI_SOURCES     := $(call find,src/main/c/jni,*.c)
TEST_FRAME      := $(sort $(wildcard src/test/c/*.c))
TEST_SOURCES    := $(call find,src/test/c,*_test.c)
PROGRAM_SOURCES := $(call find,src/test/c,*_program.c)
CHAOS_FRAME     := $(filter-out %_program.c,$(sort $(wildcard src/test/c/chaos/*.c))) \
                   $(patsubst %,src/test/c/%.c,member_scenes raw_directory tracing)
EXAMPLE_SOURCES := $(sort $(wildcard examples/src/main/c/*.c))
BENCHMARK_SOURCES := $(sort $(wildcard benchmarks/src/main/c/*.c))
PUBLIC_HEADERS  := $(sort $(wildcard include/lwshm/*.h))

# The version has one home: include/lwshm/version.h.
VERSION := $(shell sed -n 's/^\#define LWSHM_VERSION "\(.*\)"/\1/p' include/lwshm/version.h)
SONAME  := liblwshm.so.$(firstword $(subst ., ,$(VERSION)))

# ---- flags ----

# V=1 shows whole commands; otherwise a line says what is made.
say = $(if $(V),,@echo "  $(1)";)

ifeq ($(origin CC),default)
CC := gcc
endif
WERROR   ?= -Werror
WARNINGS := -Wall -Wextra $(WERROR)
CFLAGS   ?= -O2 -g
override CFLAGS += -std=gnu11 -fPIC -pthread $(WARNINGS)
DEPENDS  := -MMD -MP
# What the library sees has no JDK in it: os and core must not need one.
LIB_INCLUDES  := -Iinclude -Isrc/main/c
TEST_INCLUDES := $(LIB_INCLUDES) -Isrc/test/c
JNI_HEADERS   ?= target/generated/jni
JNI_INCLUDES  := $(LIB_INCLUDES) -I$(JNI_HEADERS) -I$(JAVA_HOME)/include -I$(JAVA_HOME)/include/linux

# ---- a variant: $(1) name, $(2) compiler, $(3) more flags, $(4) the tests it is for ----

define variant
$(1)_LIB      := $(OUT)/$(1)/liblwshm.a
$(1)_OBJECTS  := $(LIB_SOURCES:src/main/c/%.c=$(OUT)/$(1)/obj/%.o)
$(1)_JNI      := $(JNI_SOURCES:src/main/c/%.c=$(OUT)/$(1)/obj/%.o)
$(1)_FRAME    := $(TEST_FRAME:src/test/c/%.c=$(OUT)/$(1)/obj/test/%.o)
$(1)_TESTS    := $(patsubst src/test/c/%.c,$(OUT)/$(1)/test/%,$(4))

.PHONY: $(1)-lib $(1)-tests $(1)-jni
$(1)-lib: $$($(1)_LIB)
$(1)-tests: $$($(1)_TESTS)
$(1)-jni: $(OUT)/$(1)/liblwshm-jni.so

# Made anew, so that no object of a source that is gone stays inside.
$$($(1)_LIB): $$($(1)_OBJECTS)
	@rm -f $$@
	@$(AR) rcs $$@ $$^

$(OUT)/$(1)/liblwshm-jni.so: $$($(1)_OBJECTS) $$($(1)_JNI) build/liblwshm-jni.map
	$$(call say,LINK $$@)$(2) $$(CFLAGS) $(3) -shared -Wl,-z,defs -Wl,--version-script=build/liblwshm-jni.map \
	    -o $$@ $$(filter %.o,$$^)

$$($(1)_JNI): $(OUT)/$(1)/obj/%.o: src/main/c/%.c
	@mkdir -p $$(@D)
	$$(call say,CC   $$@)$(2) $$(CFLAGS) $(3) $$(DEPENDS) $$(JNI_INCLUDES) -c $$< -o $$@

$$($(1)_OBJECTS): $(OUT)/$(1)/obj/%.o: src/main/c/%.c
	@mkdir -p $$(@D)
	$$(call say,CC   $$@)$(2) $$(CFLAGS) $(3) $$(DEPENDS) $$(LIB_INCLUDES) -c $$< -o $$@

$(OUT)/$(1)/obj/test/%.o: src/test/c/%.c
	@mkdir -p $$(@D)
	$$(call say,CC   $$@)$(2) $$(CFLAGS) $(3) $$(DEPENDS) $$(TEST_INCLUDES) -c $$< -o $$@

$(OUT)/$(1)/test/%_test: $(OUT)/$(1)/obj/test/%_test.o $$($(1)_FRAME) $$($(1)_LIB)
	@mkdir -p $$(@D)
	$$(call say,LINK $$@)$(2) $$(CFLAGS) $(3) $$($(1)_LINK) $$^ -o $$@

# It loads the library a second time.
$(OUT)/$(1)/test/core/two_copies_test: | $(OUT)/plain/liblwshm.so

# Programs of one folder may have a frame in common, which is what else lies there.
$$(filter $(OUT)/$(1)/test/chaos/%,$$($(1)_TESTS)): \
    $(CHAOS_FRAME:src/test/c/%.c=$(OUT)/$(1)/obj/test/%.o)

$(OUT)/$(1)/test/%_program: $(OUT)/$(1)/obj/test/%_program.o $$($(1)_LIB)
	@mkdir -p $$(@D)
	$$(call say,LINK $$@)$(2) $$(CFLAGS) $(3) $$($(1)_LINK) $$(filter %.o,$$^) $$($(1)_LIB) -o $$@
endef

SANITIZE := -fno-omit-frame-pointer -fno-sanitize-recover=all

$(eval $(call variant,plain,$(CC),,$(TEST_SOURCES) $(PROGRAM_SOURCES)))
$(eval $(call variant,clang,clang,,$(TEST_SOURCES) $(PROGRAM_SOURCES)))
$(eval $(call variant,asan,$(CC),-O1 $(SANITIZE) -fsanitize=address$(comma)undefined,$(TEST_SOURCES) $(PROGRAM_SOURCES)))
$(eval $(call variant,tsan,$(CC),-O1 $(SANITIZE) -fsanitize=thread,$(filter %_threads_test.c,$(TEST_SOURCES))))
$(eval $(call variant,aarch64,aarch64-linux-gnu-gcc,,$(TEST_SOURCES) $(PROGRAM_SOURCES)))

# Static, so that the emulator needs no sysroot.
aarch64_LINK := -static

# Objects are kept between runs, and belong to the Makefile as much as to their sources.
.SECONDARY:
-include $(shell find $(OUT) -name '*.d' 2>/dev/null)

# ---- the C library as it is installed ----

PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include

.PHONY: lib install c-programs examples headers
lib: plain-lib $(OUT)/plain/liblwshm.so $(OUT)/plain/lwshm.pc

$(OUT)/plain/liblwshm.so: $(plain_OBJECTS) build/liblwshm.map
	$(call say,LINK $@)$(CC) $(CFLAGS) -shared -Wl,-soname,$(SONAME) -Wl,-z,defs \
	    -Wl,--version-script=build/liblwshm.map -o $@ $(plain_OBJECTS)
	@ln -sf liblwshm.so $(@D)/$(SONAME)

# Always made anew: PREFIX may differ from the last time.
.PHONY: $(OUT)/plain/lwshm.pc
$(OUT)/plain/lwshm.pc: build/lwshm.pc.in
	@mkdir -p $(@D)
	@sed -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	    -e 's|@VERSION@|$(VERSION)|' $< > $@

install: lib
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR)/lwshm
	install -m 644 $(PUBLIC_HEADERS) $(DESTDIR)$(INCLUDEDIR)/lwshm
	install -m 644 $(OUT)/plain/liblwshm.a $(DESTDIR)$(LIBDIR)
	install -m 755 $(OUT)/plain/liblwshm.so $(DESTDIR)$(LIBDIR)/liblwshm.so.$(VERSION)
	ln -sf liblwshm.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/liblwshm.so
	install -m 644 $(OUT)/plain/lwshm.pc $(DESTDIR)$(LIBDIR)/pkgconfig

# The programs that tests in Java start.
c-programs: $(PROGRAM_SOURCES:src/test/c/%.c=$(OUT)/plain/test/%)

# ---- the C programs among the examples: one a file, with the public headers alone ----

EXAMPLES := $(EXAMPLE_SOURCES:examples/src/main/c/%.c=examples/target/bin/%)
examples: $(EXAMPLES)

examples/target/bin/%: examples/src/main/c/%.c $(plain_LIB)
	@mkdir -p $(@D)
	$(call say,CC   $@)$(CC) $(CFLAGS) $(DEPENDS) -MF $@.d -Iinclude $< $(plain_LIB) -o $@

-include $(EXAMPLES:=.d)

# ---- and among the benchmarks, likewise ----

BENCHMARKS := $(BENCHMARK_SOURCES:benchmarks/src/main/c/%.c=benchmarks/target/bin/%)
.PHONY: benchmarks
benchmarks: $(BENCHMARKS)

benchmarks/target/bin/%: benchmarks/src/main/c/%.c $(plain_LIB)
	@mkdir -p $(@D)
	$(call say,CC   $@)$(CC) $(CFLAGS) $(DEPENDS) -MF $@.d -Iinclude $< $(plain_LIB) -o $@

-include $(BENCHMARKS:=.d)

# ---- every public header stands alone, in C and in C++ ----

headers: $(PUBLIC_HEADERS:include/%.h=$(OUT)/headers/%.ok)

$(OUT)/headers/%.ok: include/%.h $(PUBLIC_HEADERS)
	@mkdir -p $(@D)
	$(if $(V),,@)echo '#include "$*.h"' | $(CC) $(WARNINGS) -pedantic -std=c11 -Iinclude -fsyntax-only -x c -
	$(if $(V),,@)if command -v g++ > /dev/null; then \
	    echo '#include "$*.h"' | g++ $(WARNINGS) -std=c++11 -Iinclude -fsyntax-only -x c++ -; fi
	@touch $@
