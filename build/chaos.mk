# chaos.mk - kill -9 at every instruction and at random, and what else is taken for death.
#
# SPDX-License-Identifier: Apache-2.0

CHAOS_LIB     := target/chaos/lib
CHAOS_CLASSES := target/chaos/classes
CHAOS_SOURCES := $(wildcard src/test/java/org/lwshm/chaos/*.java)

.PHONY: chaos chaos-faults chaos-postmaster chaos-keep-data

chaos: setup-run jar $(CHAOS_CLASSES)/.made chaos-faults ## kill everywhere and at random: KILLS=300, STOP_SECONDS=60, JVM_EVERY=3
	@$(NATIVE) JAVA_HOME=$(JAVA_HOME) c-programs plain-jni
	@KILLS=$(or $(KILLS),300) STOP_SECONDS=$(or $(STOP_SECONDS),60) \
	    MEMBERSHIP_JVM_EVERY=$(or $(JVM_EVERY),3) build/in-ipc-namespace.sh \
	    build/run-chaos.sh "$(JAVA_HOME)/bin/java" "$(CHAOS_CLASSES):$(JAR):$(CHAOS_LIB)/*"

chaos-faults: setup-run ## the chaos programs find planted faults; ONLY=name for one
	@$(NATIVE) c-programs
	@build/in-ipc-namespace.sh build/run-chaos-faults.sh $(ONLY)

chaos-postmaster: setup-run jar $(CHAOS_CLASSES)/.made ## kill a postmaster and its children at random: KILLS=300, SEED=
	@$(NATIVE) c-programs
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && build/in-ipc-namespace.sh \
	    "$(JAVA_HOME)/bin/java" -cp "$(CHAOS_CLASSES):$(JAR):$(CHAOS_LIB)/*" org.lwshm.chaos.PostmasterChaos \
	    "$$dir" "$(JAVA_HOME)/bin/java" "$(CHAOS_CLASSES):$(JAR):$(CHAOS_LIB)/*" \
	    "$(CURDIR)/target/native/plain/test/postmaster/worker_program" "$(or $(KILLS),300)" "$(or $(SEED),0)"

chaos-keep-data: setup-run jar cli $(CHAOS_CLASSES)/.made ## kill all of `lwshm run --keep-data` at once: TIMES=300, SEED=
	@$(NATIVE) c-programs
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && JAVA_HOME=$(JAVA_HOME) build/in-ipc-namespace.sh \
	    "$(JAVA_HOME)/bin/java" -cp "$(CHAOS_CLASSES):$(JAR):$(CHAOS_LIB)/*" org.lwshm.chaos.KeepDataChaos \
	    "$$dir" bin/lwshm "$(CURDIR)/target/native/plain/test/postmaster/worker_program" \
	    "$(or $(TIMES),300)" "$(or $(SEED),0)"

$(CHAOS_CLASSES)/.made: $(CHAOS_SOURCES) $(JAR)
	@$(MVN) org.apache.maven.plugins:maven-dependency-plugin:3.11.0:copy-dependencies \
	    -DincludeGroupIds=org.slf4j -DoutputDirectory=$(CHAOS_LIB)
	@mkdir -p $(@D)
	@$(JAVA_HOME)/bin/javac -encoding UTF-8 -Xlint:all -Werror -d $(@D) -cp "$(JAR):$(CHAOS_LIB)/*" $(CHAOS_SOURCES)
	@touch $@
