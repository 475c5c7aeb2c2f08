# check.mk - what must hold besides the tests.
#
# SPDX-License-Identifier: Apache-2.0

# Releases differ in what they make of the same style; 14 is Debian 12's.
CLANG_FORMAT ?= $(shell command -v clang-format-14 || echo clang-format)
C_FILES = $(shell find include src examples benchmarks/src -name '*.[ch]')

.PHONY: check-version check-layers check-format check-warnings check-javadoc check-install check-aarch64

check: setup-check check-version check-layers check-format check-warnings check-javadoc check-install check-aarch64 ## formatting, warnings, layers, Javadoc, install, aarch64
	@echo "check: all good"

# The version stands in two files; it is one.
check-version:
	@version=$$(sed -n 's/^#define LWSHM_VERSION "\(.*\)"/\1/p' include/lwshm/version.h); \
	if [ "$$version" != "$(POM_VERSION:-SNAPSHOT=)" ]; then \
	    echo "include/lwshm/version.h says $$version, pom.xml $(POM_VERSION)"; exit 1; fi

check-layers: ## who may include and import whom
	@build/check-layers-test.sh
	@build/check-layers.sh

check-format: setup-check ## formatting of C and Java; `make format` mends it
	@$(CLANG_FORMAT) --dry-run --Werror $(C_FILES)
	@$(MVN) spotless:check

format: setup-check ## format C and Java
	@$(CLANG_FORMAT) -i $(C_FILES)
	@$(MVN) spotless:apply

# gcc's warnings and javac's are errors in every build; here come clang's and the headers'.
check-warnings: setup-check jar ## clang too, and every public header on its own, in C and C++
	@$(NATIVE) JAVA_HOME=$(JAVA_HOME) clang-lib clang-tests clang-jni headers

check-javadoc: setup-run ## Javadoc of the public API with doclint; a warning is an error
	@$(MVN) -Dmaven.test.skip=true process-classes javadoc:javadoc-no-fork

check-install: setup-check ## install into a folder of its own, and build a program against it
	@build/check-install.sh "$(NATIVE)"

check-aarch64: setup-check jar ## cross-compile for aarch64 and run the C tests there
	@$(NATIVE) JAVA_HOME=$(JAVA_HOME) aarch64-tests aarch64-jni
	@build/run-c-tests.sh aarch64
