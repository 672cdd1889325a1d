#!/usr/bin/env bash
# Makes the throw-away certificates that tests and the demo run with; certs/README.md says what each file is for.
set -euo pipefail
umask 077

usage() {
    cat <<'EOF'
Usage: make-dev-pki.sh [--agent-id ID] [--name HOST]... [--days N] [--force] DIR

Makes a throw-away PKI (P-256) in DIR for tests and the demo. Never use it in production.
A complete DIR made with the same options is left as it is, unless its certificates are soon due for renewal.

  --agent-id ID   common name of the agent's client certificate (agent-1)
  --name HOST     another DNS name or IPv4 address for the server certificates
  --days N        how long the good certificates are valid (30)
  --force         make everything anew, new authorities too
  --help          this text
EOF
}

fail() { echo "make-dev-pki.sh: $*" >&2; exit "${2:-1}"; }
usage_error() { echo "make-dev-pki.sh: $1; see --help" >&2; exit 2; }

agent_id=agent-1 days=30 force=no dir='' names='DNS:localhost,IP:127.0.0.1,IP:::1'
while (($#)); do
    [[ $1 =~ ^--(agent-id|name|days)$ && $# -lt 2 ]] && usage_error "$1 needs a value"
    case $1 in
    --help | -h) usage; exit 0 ;;
    --force) force=yes ;;
    --agent-id) agent_id=$2; shift ;;
    --days) days=$2; shift ;;
    --name)
        if [[ $2 =~ ^[0-9.]+$ ]]; then names+=",IP:$2"; else names+=",DNS:$2"; fi
        shift ;;
    -*) usage_error "unknown option $1" ;;
    *) [[ -z $dir ]] || usage_error 'more than one folder given'; dir=$1 ;;
    esac
    shift
done
[[ -n $dir ]] || usage_error 'no folder given'
[[ $agent_id =~ ^[A-Za-z0-9._:-]{1,64}$ ]] || usage_error 'an agent id is 1 to 64 of A-Z a-z 0-9 . _ : -'
[[ $days =~ ^[0-9]{1,4}$ ]] || usage_error '--days takes a number'
command -v openssl >/dev/null || fail 'the openssl command is needed: install the package openssl'

# The last file made, holding what the rest was made with.
complete=.complete
settings="2 $agent_id $names $days" # the number rises with each file that is added below
# A third of their life, at which an agent renews by itself (and would write here), and a day.
if [[ $force == no && -e $dir/$complete && $(<"$dir/$complete") == "$settings" ]] &&
    openssl x509 -checkend $((days * 28800 + 86400)) -noout -in "$dir/agent.crt" >/dev/null 2>&1; then
    exit 0
fi
mkdir -p "$dir"
cd "$dir"
rm -f "$complete"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# OpenSSL writes chatter to stderr; it is shown only where something fails.
quiet() { openssl "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "openssl $1 failed"; }; }

cat >"$work/openssl.cnf" <<EOF
[req]
distinguished_name = name
prompt = no
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = $names
[server_wrong_name]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:elsewhere.invalid
[client]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
[issuer]
database = $work/index
serial = $work/serial
new_certs_dir = $work
default_md = sha256
policy = anything
unique_subject = no
[anything]
commonName = supplied
organizationName = optional
EOF
export OPENSSL_CONF="$work/openssl.cnf"
: >"$work/index"

# authority NAME "Common Name"
authority() {
    quiet req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days 3650 \
        -subj "/O=Workestra Relay development/CN=$2" -extensions authority -keyout "$1.key" -out "$1.crt"
}

# issue AUTHORITY NAME "Common Name" EXTENSIONS [FROM TO]      FROM, TO: YYYYMMDDHHMMSSZ
issue() {
    local validity=(-days "$days")
    (($# == 6)) && validity=(-startdate "$5" -enddate "$6")
    quiet req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$3" \
        -keyout "$2.key" -out "$work/request"
    openssl rand -hex 16 >"$work/serial" # random serials: several PKIs may meet in one trust store
    quiet ca -batch -notext -config "$OPENSSL_CONF" -name issuer -cert "$1.crt" -keyfile "$1.key" \
        -extensions "$4" "${validity[@]}" -in "$work/request" -out "$2.crt"
}

authority cloud-ca 'Development cloud CA'
authority corp-ca 'Development corporate CA'
authority other-ca 'Some other CA'

issue cloud-ca cloud-server localhost server
issue cloud-ca cloud-server-wrong-name elsewhere.invalid server_wrong_name
issue cloud-ca cloud-server-expired localhost server 20200101000000Z 20200201000000Z
issue other-ca cloud-server-other-ca localhost server
issue corp-ca exchange-server localhost server
issue corp-ca exchange-server-wrong-name elsewhere.invalid server_wrong_name
issue corp-ca exchange-server-expired localhost server 20200101000000Z 20200201000000Z
issue corp-ca exchange-server-not-yet-valid localhost server 20900101000000Z 20900201000000Z
issue other-ca exchange-server-other-ca localhost server
quiet req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days "$days" -subj /CN=localhost \
    -extensions server -keyout exchange-server-self-signed.key -out exchange-server-self-signed.crt

issue cloud-ca agent "$agent_id" client
issue cloud-ca agent-2 "$agent_id-2" client
issue cloud-ca agent-revoked "$agent_id-revoked" client
issue cloud-ca agent-expired "$agent_id" client 20200101000000Z 20200201000000Z
issue cloud-ca agent-renewal-due "$agent_id" client "$(date -u -d '-20 days' +%Y%m%d%H%M%SZ)" "$(date -u -d '+1 day' +%Y%m%d%H%M%SZ)"
issue other-ca agent-other-ca "$agent_id" client

chmod 644 ./*.crt
chmod 600 ./*.key
echo "$settings" >"$complete"
