#!/bin/sh
# Creates the gateway token of a machine without Key Vault, in a file that only root can read. The
# value appears in no custom data, command line or log. An existing token is kept. Run as root.
set -eu

directory=/etc/clawbot/secrets
token=$directory/openclaw-gateway-token

[ ! -s "$token" ] || exit 0
umask 022
mkdir -p "${directory%/*}"
umask 077
mkdir -p "$directory"
od -A n -N 32 -t x1 /dev/urandom | tr -d ' \n' >"$token.new"
mv "$token.new" "$token"
