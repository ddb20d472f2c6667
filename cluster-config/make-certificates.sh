#!/usr/bin/env bash
# Makes the certificates of a cluster with the openssl command: an authority, each node's, an operator's, and one with which
# the controllers show themselves to hosts. Makes cluster.key besides, under which the nodes seal pools' passwords.
#
#   make-certificates.sh [--dir DIR] [--days N] ID=ADDRESS [ID=ADDRESS ...]
#
# ID is a node's node_id, ADDRESS the IP or DNS name it is reached at. Run again at will: what is there and valid for another
# thirty days stays, a certificate that is not is made anew with its key, and nodes can be added. Keys are readable by
# their owner only. ca.key signs for the whole cluster: keep it away from the nodes. cluster.key is the same on all nodes, and
# is made once: passwords that were sealed with another must be given again.
set -euo pipefail
umask 077

dir=certificates
days=825
renew_before_s=$((30 * 24 * 3600))

main() {
    local nodes=()
    while [ $# -gt 0 ]; do
        case $1 in
            --dir) dir=${2:?--dir needs a directory}; shift 2 ;;
            --days) days=${2:?--days needs a number}; shift 2 ;;
            -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
            [1-9]*=?*) nodes+=("$1"); shift ;;
            *) fail "'$1' is not a node; expected ID=ADDRESS, as 1=10.0.0.1" ;;
        esac
    done
    [ ${#nodes[@]} -gt 0 ] || fail "no nodes; expected ID=ADDRESS for each, as 1=10.0.0.1"
    [[ $days =~ ^[1-9][0-9]*$ ]] || fail "--days: '$days' is not a number of days"
    command -v openssl >/dev/null || fail "openssl is not installed"
    if [ -e "$dir/ca.pem" ] && [ ! -e "$dir/ca.key" ]; then
        fail "$dir/ca.key is not there: bring it back from where it is kept, since no other can sign for this cluster"
    fi

    mkdir -p "$dir"
    make_authority
    local node id address
    for node in "${nodes[@]}"; do
        id=${node%%=*} address=${node#*=}
        [[ $id =~ ^[1-9][0-9]*$ ]] || fail "'$id' is not a node_id; expected a number, 1 or more"
        make_leaf "node$id" ec "DNS:controller.asterism,DNS:node-$id.asterism,$(alternative_name "$address")" serverAuth,clientAuth
    done
    make_leaf operator ec DNS:operator.asterism clientAuth
    # RSA, since old switches know nothing else; a name of its own, since it opens hosts' databases and no more.
    make_leaf ovsdb rsa DNS:ovsdb.asterism clientAuth
    make_cluster_key
}

make_authority() {
    make_key ca ec
    if is_good ca; then
        say "ca.pem stays"
        return
    fi
    # Ten years, or as long as asked for: when the authority changes, all else does.
    openssl req -x509 -new -key "$dir/ca.key" -sha256 -days "$((days > 3650 ? days : 3650))" \
        -subj "/CN=Asterism authority" -config <(sections) -extensions authority -out "$dir/ca.pem.new"
    publish ca
}

# make_leaf NAME ec|rsa ALTERNATIVE_NAMES USES
make_leaf() {
    local name=$1 kind=$2 names=$3 uses=$4
    make_key "$name" "$kind"
    if is_good "$name" && has_names "$name" "$names"; then
        say "$name.pem stays"
        return
    fi
    openssl req -new -key "$dir/$name.key" -subj "/CN=$name" -config <(sections) |
        openssl x509 -req -sha256 -days "$days" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" \
            -set_serial "0x$(openssl rand -hex 16)" -extfile <(sections "$names" "$uses") -extensions leaf \
            -out "$dir/$name.pem.new" 2>/dev/null
    publish "$name"
}

make_key() {
    local key="$dir/$1.key"
    [ -s "$key" ] && return
    case $2 in
        ec) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$key.new" ;;
        rsa) openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out "$key.new" 2>/dev/null ;;
    esac
    mv "$key.new" "$key"
}

make_cluster_key() {
    local key="$dir/cluster.key"
    if [ -s "$key" ]; then
        say "cluster.key stays"
        return
    fi
    openssl rand -hex 32 >"$key.new"
    mv "$key.new" "$key"
    say "cluster.key made"
}

# A certificate appears whole or not at all.
publish() {
    chmod 0644 "$dir/$1.pem.new"
    mv "$dir/$1.pem.new" "$dir/$1.pem"
    say "$1.pem made"
}

# Whether a certificate is there, of its key, of our authority, and lasts.
is_good() {
    local certificate="$dir/$1.pem"
    [ -s "$certificate" ] &&
        openssl x509 -in "$certificate" -noout -checkend "$renew_before_s" >/dev/null 2>&1 &&
        [ "$(openssl x509 -in "$certificate" -noout -pubkey)" = "$(openssl pkey -in "$dir/$1.key" -pubout)" ] &&
        openssl verify -CAfile "$dir/ca.pem" "$certificate" >/dev/null 2>&1
}

# Whether a certificate has these alternative names and no others: a node may have moved.
has_names() {
    local certificate="$dir/$1.pem" name names have
    IFS=, read -ra names <<<"$2"
    have=$(openssl x509 -in "$certificate" -noout -ext subjectAltName | grep -oE 'DNS:|IP Address:' | wc -l)
    [ "$have" -eq ${#names[@]} ] || return 1
    for name in "${names[@]}"; do
        case $name in
            DNS:*) openssl x509 -in "$certificate" -noout -checkhost "${name#DNS:}" ;;
            IP:*) openssl x509 -in "$certificate" -noout -checkip "${name#IP:}" ;;
        esac | grep -q 'does match' || return 1
    done
}

alternative_name() {
    if [[ $1 =~ ^[0-9.]+$ || $1 == *:* ]]; then
        echo "IP:$1"
    else
        echo "DNS:$1"
    fi
}

# openssl's configuration, complete in itself, so that the system's has no say.
sections() {
    cat <<END
[req]
distinguished_name = name
prompt = no
[name]
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
END
    if [ $# -gt 0 ]; then
        echo "subjectAltName = $1"
        echo "extendedKeyUsage = $2"
    fi
}

say() {
    echo "$dir: $*"
}

fail() {
    echo "make-certificates.sh: $*" >&2
    exit 1
}

main "$@"
