#!/bin/sh
# Puts into DIRECTORY what a local machine is made a bot from: the custom data, as
# clawbot-controller renders it for Azure too, and the agent's release archive.
#
#   stage.sh DIRECTORY
#
#   CLAWBOT_CONFIG   the bot's configuration; vagrant/bot.yaml when not set
#   CLAWBOT_AGENT, CLAWBOT_SHA256   https address and SHA-256 of a release archive. When not set,
#                    the archive in dist/, as `make dist` leaves it there
#   CLAWBOT_CONTROLLER   the command; else the checkout's own, else the one on the PATH
#
# Prints the name of the archive in DIRECTORY, or nothing when the machine fetches it itself.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
inside=/opt/clawbot-release

die() {
    printf 'stage: %s\n' "$*" >&2
    exit 1
}

[ $# -eq 1 ] || die "which directory? See the head of $0"
stage=$1
config=${CLAWBOT_CONFIG:-$here/bot.yaml}
controller=${CLAWBOT_CONTROLLER:-$here/../.venv/bin/clawbot-controller}
[ -x "$controller" ] || controller=clawbot-controller
command -v "$controller" >/dev/null || die "no clawbot-controller: 'make .venv/.installed' makes one"

arch=$(uname -m)
[ "$arch" != arm64 ] || arch=aarch64

rm -rf "$stage"
mkdir -p "$stage"
if [ -n "${CLAWBOT_AGENT:-}" ]; then
    agent=$CLAWBOT_AGENT
    sha256=${CLAWBOT_SHA256:?is needed with CLAWBOT_AGENT}
else
    # 'make dist' leaves one
    for archive in "$here"/../dist/clawbot-agent-*-"$arch".tar; do :; done
    [ -f "$archive" ] || die "no release for $arch in dist/: run 'make dist', or set CLAWBOT_AGENT"
    name=${archive##*/}
    cp "$archive" "$stage/$name"
    agent=$inside/$name
    # coreutils, or perl's on macOS
    sha256=$({ sha256sum || shasum -a 256; } <"$archive" 2>/dev/null | cut -c 1-64)
fi
"$controller" render "$config" --agent "$agent" --sha256 "$sha256" >"$stage/user-data.new"
mv "$stage/user-data.new" "$stage/user-data"
printf '%s' "${name:-}"
