# The one face of lwshm's build.  `make help` says what there is.
#
# Everything made lies in target/ (and cli/target, examples/target, benchmarks/target).  What a C
# compiler makes stands in build/native.mk; Java goes through Maven.
#
# SPDX-License-Identifier: Apache-2.0

# Maven runs would trip over one another; the C builds run in parallel by themselves.
.NOTPARALLEL:

# Empty when the caller said -j: the sub-makes then share its job server.
JOBS = $(if $(findstring j,$(firstword -$(MAKEFLAGS)))$(findstring --jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
# V=1 shows the compilers' commands.
NATIVE = $(MAKE) $(if $(V),,-s) --no-print-directory $(JOBS) -f build/native.mk

# Looked for when it is used, since the set-up may be what brings it.
ifndef JAVA_HOME
JAVA_HOME = $(patsubst %/bin/javac,%,$(realpath $(shell command -v javac)))
endif
MVN = JAVA_HOME=$(JAVA_HOME) mvn -B -ntp -q -Dstyle.color=never
# The command, examples and benchmarks are built together with the library, in one Maven run, so that
# they use this clone's and not whatever some clone installed in ~/.m2.
ALL = $(MVN) -f build/all/pom.xml -Dmaven.test.skip=true package -am

POM_VERSION := $(shell sed -n 's|^  <version>\(.*\)</version>|\1|p' pom.xml)
JAR := target/lwshm-$(POM_VERSION).jar
JAR_SOURCES := $(shell find src/main include -type f) pom.xml build/aol.properties build/liblwshm-jni.map

.PHONY: all lib jar cli examples demo stress test test-c test-java check bench dist install format clean help

all: lib jar cli ## build the C library, the jar and the lwshm command (the default)

setup-run setup-dist setup-check setup-postgres: setup-%:
	@build/setup.sh $*
.PHONY: setup-run setup-dist setup-check setup-postgres

# ---- building ----

lib: ## build liblwshm.so, liblwshm.a and lwshm.pc in target/native/plain; needs no Java
	@$(NATIVE) lib

install: ## install the C library: PREFIX=/usr/local, DESTDIR=
	@$(NATIVE) install

jar: setup-run $(JAR) ## build the jar, with this machine's native library in it

$(JAR): $(JAR_SOURCES) | setup-run
	$(MVN) -Dmaven.test.skip=true package
	@touch $@

cli: setup-run ## build the lwshm command, which bin/lwshm starts
	$(ALL) -pl :lwshm-cli

dist: setup-dist jar ## build target/dist/…jar with the native libraries of x86_64 and aarch64
	@build/dist.sh $(JAR) "$(NATIVE) JAVA_HOME=$(JAVA_HOME)"

# ---- running ----

examples: setup-run
	@$(NATIVE) examples
	$(ALL) -pl :lwshm-examples

DEMO_OPTIONS = $(if $(CLIENTS),--clients $(CLIENTS)) $(if $(SECONDS),--seconds $(SECONDS)) \
               $(if $(SCALE),--scale $(SCALE)) $(if $(KILLS),--kills $(KILLS))

demo: examples ## run the demo: CLIENTS=, SECONDS=, SCALE=, KILLS=
	@JAVA_HOME=$(JAVA_HOME) examples/demo.sh $(DEMO_OPTIONS)

stress: setup-run ## run jcstress on the lock's Java paths: STRESS='-m quick'
	$(ALL) -pl :lwshm-stress
	@cd target && ../build/in-ipc-namespace.sh $(JAVA_HOME)/bin/java -jar ../stress/target/stress.jar \
	    -r jcstress $(or $(STRESS),-m quick)

# ---- measuring ----

# Results stand in benchmarks/results/<processor>/; benchmarks/README.md tells what each target measures.
BENCH_RUN = $(JAVA_HOME)/bin/java -Dlwshm.code=$$(benchmarks/code.sh) -cp benchmarks/target/benchmarks.jar
BENCH_PACKAGE = org.lwshm.benchmarks
BENCH_OPTIONS = $(if $(ROUNDS),--rounds '$(ROUNDS)') $(if $(MILLISECONDS),--milliseconds '$(MILLISECONDS)') \
                $(if $(PROCESSES),--processes '$(PROCESSES)') $(if $(KINDS),--kinds '$(KINDS)') \
                $(if $(INSIDE),--inside '$(INSIDE)') $(if $(BETWEEN),--between '$(BETWEEN)')
LATER_JDK = $(or $(JAVA25_HOME),$(shell build/find-jdk.sh 22))
# No cluster is started if KINDS= leaves PostgreSQL out.
BESIDE_POSTGRES = $(if $(findstring postgres,$(or $(KINDS),postgres)),benchmarks/with-postgres.sh)

.PHONY: bench-programs bench-locks bench-postgres bench-contended bench-readme bench-all
bench-programs: setup-run
	$(ALL) -pl :lwshm-benchmarks
	@$(NATIVE) benchmarks

bench: bench-programs ## measure the lock without contention, in C and on each JDK: BENCH='LWLock -f 1' for some
	@LWSHM_LATER_JDK='$(LATER_JDK)' $(BENCH_RUN) $(BENCH_PACKAGE).Uncontended $(BENCH)

bench-locks: bench-programs ## measure lwshm's locks beside others, in C and Java: ROUNDS=, MILLISECONDS=
	@$(BENCH_RUN) $(BENCH_PACKAGE).Locks $(BENCH_OPTIONS)

bench-postgres: bench-programs setup-postgres ## measure them beside PostgreSQL's, in a cluster of its own: likewise
	@$(BESIDE_POSTGRES) $(BENCH_RUN) $(BENCH_PACKAGE).Postgres $(BENCH_OPTIONS)

bench-contended: bench-programs setup-postgres ## measure them with work inside and between: PROCESSES=, INSIDE=, BETWEEN=, KINDS=
	@$(BESIDE_POSTGRES) $(BENCH_RUN) $(BENCH_PACKAGE).Contended $(BENCH_OPTIONS)

bench-readme: bench-programs ## print all recorded ratios, and write the recorded results into README.md
	@$(BENCH_RUN) $(BENCH_PACKAGE).Readme

bench-all: ## run all of them, an hour or so
	@$(MAKE) --no-print-directory bench
	@$(MAKE) --no-print-directory bench-locks
	@$(MAKE) --no-print-directory bench-postgres
	@$(MAKE) --no-print-directory bench-contended
	@$(MAKE) --no-print-directory bench-readme

# ---- testing ----

test: test-c test-java test-readme test-demo ## run all tests: C, Java, the README's examples, the demo

test-c: setup-run ## run the C tests: plain, ASan and UBSan, TSan; ONLY=program, TEST=name
	@$(NATIVE) plain-tests asan-tests tsan-tests
	@build/run-c-tests.sh plain asan tsan

test-java: cli ## run the Java tests on this JDK and a later one; MVN_ARGS=-Dtest=Name
	@$(NATIVE) c-programs
	@JAVA_HOME=$(JAVA_HOME) build/run-java-tests.sh $(MVN_ARGS)

test-readme: examples ## the README's examples are the ones that are compiled, and they run
	@build/in-ipc-namespace.sh build/check-readme.sh

test-demo: examples ## the demo ends consistent though its clients are killed, and not without the undo
	@JAVA_HOME=$(JAVA_HOME) build/in-ipc-namespace.sh build/check-demo.sh

include build/check.mk
include build/chaos.mk
include build/spec.mk

# ---- the rest ----

clean: ## remove everything that was made
	rm -rf target cli/target examples/target benchmarks/target stress/target build/all/target

help: ## say this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
