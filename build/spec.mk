# spec.mk - the models of the lock protocol; spec/README.md says what they are.
#
# SPDX-License-Identifier: Apache-2.0

.PHONY: spec spec-full

spec: ## check the models of the protocol and their mutants: SPEC='name …'
	@build/setup.sh spec
	@spec/run.sh $(SPEC)

spec-full: ## the same with the large models too: 6 GB each at most
	@build/setup.sh spec
	@spec/run.sh --full
