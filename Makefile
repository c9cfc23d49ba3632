# Thin: every target asks scripts/setup.sh for what the machine lacks and hands over to xtask.
# `make run` starts Sotto, `make test` checks everything that CI checks; `make help` lists the rest.

# Asked anew by every recipe, because setup may have chosen another compiler a moment ago.
XTASK = env $(shell scripts/toolchain.sh) cargo xtask

.DEFAULT_GOAL := help
.PHONY: help setup setup-run run test check watch sizes bench soak sim fuzz release

help: ## what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

setup: ## install what run and test need (done by them, too)
	@scripts/setup.sh test

setup-run:
	@scripts/setup.sh run

run: setup-run ## build and start Sotto on ./data (or SOTTO_DATA_DIR), print its URL
	@$(XTASK) run

test: setup ## format, clippy, all tests, the site and its size budgets, browser journeys
	@$(XTASK) test

check: setup-run ## format, clippy and the quick tests of the crates you name: make check P="sotto-client"
	@$(XTASK) check $(P)

watch: setup-run ## run, and again after every change
	@$(XTASK) watch

sizes: setup-run ## what a browser loads; fails when a budget is exceeded
	@$(XTASK) sizes

bench: setup ## steps of the engine, publishing beside the bare disk, the worker's Argon2id beside the native one
	@$(XTASK) bench

soak: setup ## the long tests: make soak N=1000
	@$(XTASK) soak $(N)

sim: setup ## seeds of the simulated world: make sim SEEDS=2000 FROM=200, or one again with its history: make sim SEED=38
	@$(XTASK) sim

fuzz: setup-run ## decoders under libFuzzer (needs cargo-fuzz): make fuzz FUZZ_SECONDS=600 T="frames content"
	@$(XTASK) fuzz $(T)

release: setup-run ## the released binary and its site under target/dist
	@$(XTASK) release
