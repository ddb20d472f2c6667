# Each target is one line of cargo or of a script. `make` alone lists them.

# Where build output goes: CARGO_TARGET_DIR if that is set, else ASTERISM_BUILD_CACHE, else target/. A directory outside
# of the clone lets several clones share the compiled dependencies.
ifdef ASTERISM_BUILD_CACHE
export CARGO_TARGET_DIR ?= $(ASTERISM_BUILD_CACHE)
endif

.DEFAULT_GOAL := help
.PHONY: help setup build deb demo test lint fmt bench chaos chaos-self-test

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install or name what is missing, choose which RocksDB is linked
	@scripts/setup.sh

build: setup ## build the programs, optimised
	cargo build --release --workspace --bins

deb: build ## Debian packages of the daemon and of the CLI, in target/deb
	scripts/deb.sh

demo: build ## three controllers, nine hosts, and what they survive, in the laboratory
	cargo run --release --bin asterism-lab -- demo

test: setup ## all that CI runs: lint, then every test there is
	scripts/test.sh

lint: setup ## formatting, clippy and documentation, without a single warning
	scripts/lint.sh

fmt: ## format all code
	cargo fmt --all

bench: build ## measure planning, memory of the state, and every promise ten times in the laboratory (hours)
	cargo bench --package asterism-planner --bench scale
	cargo run --release --bin asterism-lab -- scenario crates/asterism-lab/scenarios --runs 10 --long --out target/bench

chaos: setup ## five minutes of whole clusters in virtual time, from seeds that nobody has tried
	cargo run --release --bin asterism-chaos -- sim --fresh 300

chaos-self-test: setup ## break the chaos harness's own fakes, and see that its oracles notice
	cargo run --release --bin asterism-chaos -- self-test
