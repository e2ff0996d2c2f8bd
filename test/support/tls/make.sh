#!/usr/bin/env bash
# Makes the CA ca.pem and what it signs, all for key.pem. Its own key is thrown away.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
touch index.txt
printf '[ca]\ndefault_ca = it\n[it]\ndatabase = index.txt\nnew_certs_dir = .\nrand_serial = yes\ndefault_md = sha256\npolicy = any\nunique_subject = no\n[any]\ncommonName = supplied\n' > ca.cnf
openssl ecparam -name prime256v1 -genkey -noout -out ca.key

sign() { # name, subject, extensions, from, until, how
  openssl req -new -key "${6:-$here/key.pem}" -subj "/CN=$2" -out request
  printf '%s\n' "$3" > extensions
  openssl ca -batch -config ca.cnf -notext -keyfile ca.key ${7:--cert "$here/ca.pem"} -in request \
    -startdate "$4" -enddate "$5" -extfile extensions -out "$here/$1.pem"
}
long='20200101000000Z 21200101000000Z'
sign ca 'CA of the tests of flag-promotions' $'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign' $long ca.key -selfsign
sign localhost localhost 'subjectAltName=DNS:localhost' $long
sign elsewhere db.elsewhere.example 'subjectAltName=DNS:db.elsewhere.example' $long
sign expired localhost 'subjectAltName=DNS:localhost' 20200101000000Z 20210101000000Z
sign future localhost 'subjectAltName=DNS:localhost' 21190101000000Z 21200101000000Z
