#!/bin/sh
# Makes the gateway token of a machine without a Key Vault, on that machine: a file for root
# alone. The value is in no custom data, on no command line and in no log. A token that is
# there stays. Run as root.
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
