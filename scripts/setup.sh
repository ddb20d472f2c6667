#!/usr/bin/env bash
# Sees to what building, testing and the laboratory need: installs it (as root on Debian and its kin) or names the one
# command that does. Then chooses which RocksDB is linked. Quick where everything is there.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
    # to build
    g++ pkg-config libssl-dev libclang-dev librocksdb-dev
    # to drive the official XAPI client against the simulator
    python3 python3-venv
    # to run hosts in the laboratory
    openvswitch-switch openssl iproute2 nftables iputils-ping ethtool uidmap procps util-linux
)

main() {
    if command -v dpkg-query >/dev/null; then
        install_missing
    else
        say "not a Debian system: see to what these Debian packages hold: ${packages[*]}"
    fi
    choose_rocksdb
}

install_missing() {
    local missing=()
    for package in "${packages[@]}"; do
        dpkg-query --show --showformat '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    if [ "$(id -u)" -ne 0 ]; then
        say "missing packages; install them with: sudo apt-get install --no-install-recommends ${missing[*]}"
        exit 1
    fi
    say "installing ${missing[*]}"
    keep_services_down
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q >&2
    apt-get install -q -y --no-install-recommends "${missing[@]}" >&2
}

# The laboratory starts switches of its own; the packages' services would only stand beside them.
keep_services_down() {
    local policy=/usr/sbin/policy-rc.d
    [ -e $policy ] && return
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod +x $policy
    # shellcheck disable=SC2064
    trap "rm -f $policy" EXIT
}

# The crate `rocksdb` speaks to versions 7.8 and 7.9. Where the system has one of them, linking takes a minute; else its
# bundled source is compiled, which takes half an hour on two cores. The choice stands in a file that cargo includes
# (.cargo/config.toml), so that a bare `cargo build` makes the same one. Variables of the environment go first.
choose_rocksdb() {
    local chosen=.cargo/rocksdb.toml version
    version=$(pkg-config --modversion rocksdb 2>/dev/null || true)
    if [ -n "${ROCKSDB_LIB_DIR:-}" ]; then
        say "RocksDB: the one in ROCKSDB_LIB_DIR, $ROCKSDB_LIB_DIR"
    elif [[ $version == 7.[89].* ]]; then
        say "RocksDB: the system's $version"
        keep_file $chosen <<END
[env]
ROCKSDB_LIB_DIR = "$(pkg-config --variable=libdir rocksdb)"
ROCKSDB_INCLUDE_DIR = "$(pkg-config --variable=includedir rocksdb)"
END
    else
        say "RocksDB: the bundled source (the system has ${version:-none}, not 7.8 or 7.9); its first build takes long"
        rm -f $chosen
    fi
}

# Writes a file unless it says so already, since cargo looks at its time.
keep_file() {
    local content
    content=$(cat)
    [ -e "$1" ] && [ "$(cat "$1")" = "$content" ] || printf '%s\n' "$content" >"$1"
}

say() {
    echo "setup: $*" >&2
}

main
