#!/usr/bin/env bash
# Installs the official Python client of XAPI, pinned by version and hash, into a directory below the one that is named
# (target/tmp), and prints the path of the Python that has it. Quick where that is done. Tests drive it against the simulator.
set -euo pipefail
cd "$(dirname "$0")/.."

requirements=crates/asterism-xapi-sim/tests/python_client/requirements.txt
place=${1:?name a directory for the virtual environment}/xenapi-client

if ! cmp -s "$requirements" "$place/requirements.txt"; then
    rm -rf "$place"
    mkdir -p "$(dirname "$place")"
    fresh=$(mktemp -d "$place.XXXXXX")
    trap 'rm -rf "$fresh"' EXIT
    python3 -m venv "$fresh" >&2
    "$fresh/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
        --requirement "$requirements" >&2
    "$fresh/bin/python" -c 'import XenAPI' >&2
    cp "$requirements" "$fresh/requirements.txt"
    # Nothing in it that is used names its own place, so it can be moved there whole.
    mv -T "$fresh" "$place"
fi
echo "$place/bin/python"
