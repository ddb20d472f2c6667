#!/usr/bin/env bash
# Makes the Debian packages asterismd and asterctl of programs that are built already.
#
#   deb.sh [--binaries DIR] [--out DIR] [--compression xz|none]
#
# Needs dpkg-deb, and neither root nor debhelper.
set -euo pipefail
cd "$(dirname "$0")/.."

binaries="${CARGO_TARGET_DIR:-target}/release" out=target/deb compression=xz
while [ $# -gt 0 ]; do
    case "$1" in
        --binaries) binaries=$2 ;;
        --out) out=$2 ;;
        --compression) compression=$2 ;;
        *) echo "deb.sh: unknown option $1; expected --binaries, --out or --compression" >&2; exit 2 ;;
    esac
    shift 2
done

packaging=cluster-config/packaging
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
architecture=$(dpkg --print-architecture)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

main() {
    for program in asterismd asterctl; do
        [ -x "$binaries/$program" ] || { echo "deb.sh: $binaries/$program is not there: build it first" >&2; exit 1; }
    done
    mkdir -p "$out"
    asterctl_package
    asterismd_package
}

asterctl_package() {
    local root=$stage/asterctl
    install -D -m 0755 "$binaries/asterctl" "$root/usr/bin/asterctl"
    mkdir -p "$root/usr/share/man/man1" "$root/usr/share/bash-completion/completions" \
        "$root/usr/share/zsh/vendor-completions" "$root/usr/share/fish/vendor_completions.d"
    "$binaries/asterctl" manual "$root/usr/share/man/man1" >/dev/null
    gzip -9n "$root"/usr/share/man/man1/*.1
    "$binaries/asterctl" completions bash >"$root/usr/share/bash-completion/completions/asterctl"
    "$binaries/asterctl" completions zsh >"$root/usr/share/zsh/vendor-completions/_asterctl"
    "$binaries/asterctl" completions fish >"$root/usr/share/fish/vendor_completions.d/asterctl.fish"
    control "$root" asterctl "administers Asterism clusters" ""
    build "$root" asterctl
}

asterismd_package() {
    local root=$stage/asterismd doc
    doc=$root/usr/share/doc/asterismd
    install -D -m 0755 "$binaries/asterismd" "$root/usr/bin/asterismd"
    mkdir -p "$root/usr/share/man/man8"
    "$binaries/asterismd" --manual | gzip -9n >"$root/usr/share/man/man8/asterismd.8.gz"
    install -D -m 0644 cluster-config/asterismd.service "$root/usr/lib/systemd/system/asterismd.service"
    install -D -m 0644 $packaging/default "$root/etc/default/asterismd"
    install -d "$doc/examples/monitoring"
    install -m 0644 cluster-config/*.toml cluster-config/firewall.nft "$doc/examples/"
    install -m 0644 cluster-config/monitoring/* "$doc/examples/monitoring/"
    install -m 0644 cluster-config/README.md docs/OPERATIONS.md docs/METRICS.md "$doc/"
    control "$root" asterismd "highly available SDN controller for private networks between VMs" "Recommends: asterctl"
    echo /etc/default/asterismd >"$root/DEBIAN/conffiles"
    for script in postinst prerm postrm; do
        install -m 0755 "$packaging/$script" "$root/DEBIAN/$script"
    done
    build "$root" asterismd
}

# control ROOT NAME SUMMARY FURTHER_FIELDS
control() {
    mkdir -p "$1/DEBIAN"
    {
        echo "Package: $2"
        echo "Version: $version"
        echo "Architecture: $architecture"
        echo "Maintainer: The Asterism developers <asterism@localhost>"
        echo "Section: net"
        echo "Priority: optional"
        echo "Depends: $(libraries "$1/usr/bin/$2")"
        [ -z "$4" ] || echo "$4"
        echo "Description: $3"
        echo " Asterism makes private layer-2 networks between virtual machines on many hosts"
        echo " and many pools, with Open vSwitch, and goes on when controllers or hosts die."
    } >"$1/DEBIAN/control"
    install -D -m 0644 $packaging/copyright "$1/usr/share/doc/$2/copyright"
}

# The packages that hold a program's libraries, as they are installed here.
libraries() {
    ldd "$1" | awk '$3 ~ /^\// { print $3 }' | while read -r library; do
        { dpkg-query --search "$library" || dpkg-query --search "/usr$library"; } 2>/dev/null | cut -d: -f1 | head -n 1
    done | sort -u | paste -sd, | sed 's/,/, /g'
}

build() {
    dpkg-deb --root-owner-group -Z"$compression" --build "$1" "$out/${2}_${version}_${architecture}.deb"
}

main
