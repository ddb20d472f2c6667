#!/usr/bin/env bash
# All that CI runs. Nothing is skipped: what a machine can't do is a failure that says what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

step() {
    echo "== $* (after ${SECONDS} s)"
    "$@"
}

# The official client that the XAPI simulator is driven with.
step scripts/xenapi-client.sh "${CARGO_TARGET_DIR:-target}/tmp"
step scripts/lint.sh
# The laboratory's tests start the real programs.
step cargo build --workspace --bins --locked
step cargo test --workspace --doc --locked
if cargo nextest --version >/dev/null 2>&1; then
    step cargo nextest run --workspace --locked
else
    echo "cargo-nextest is not there: cargo's own runner does, slower"
    # The laboratory's tests want the machine for themselves (.config/nextest.toml says so to nextest).
    step cargo test --workspace --exclude asterism-lab --lib --bins --tests --locked
    step cargo test --package asterism-lab --lib --bins --tests --locked -- --test-threads 1
fi
echo "== all of it in ${SECONDS} s"
