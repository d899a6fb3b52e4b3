#!/bin/sh
# Writes the files for a local machine to DIRECTORY: the custom data, rendered by clawbot-controller
# as for Azure, and the agent's release archive.
#
#   stage.sh DIRECTORY
#
#   CLAWBOT_CONFIG       the bot's configuration; default: vagrant/bot.yaml
#   CLAWBOT_AGENT, CLAWBOT_SHA256
#                        https address and SHA-256 of a release archive; default: the archive that
#                        `make dist` left in dist/
#   CLAWBOT_CONTROLLER   path of clawbot-controller; default: the checkout's, else the one on PATH
#
# Prints the name of the archive in DIRECTORY, or nothing if the machine downloads it itself.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
inside=/opt/clawbot-release

die() {
    printf 'stage: %s\n' "$*" >&2
    exit 1
}

[ $# -eq 1 ] || die "exactly one DIRECTORY is required; see the comment at the start of $0"
stage=$1
config=${CLAWBOT_CONFIG:-$here/bot.yaml}
controller=${CLAWBOT_CONTROLLER:-$here/../.venv/bin/clawbot-controller}
[ -x "$controller" ] || controller=clawbot-controller
command -v "$controller" >/dev/null || die "no clawbot-controller: run 'make .venv/.installed'"

arch=$(uname -m)
[ "$arch" != arm64 ] || arch=aarch64

rm -rf "$stage"
mkdir -p "$stage"
if [ -n "${CLAWBOT_AGENT:-}" ]; then
    agent=$CLAWBOT_AGENT
    sha256=${CLAWBOT_SHA256:?is required with CLAWBOT_AGENT}
else
    # left by 'make dist'
    for archive in "$here"/../dist/clawbot-agent-*-"$arch".tar; do :; done
    [ -f "$archive" ] || die "no release for $arch in dist/: run 'make dist', or set CLAWBOT_AGENT"
    name=${archive##*/}
    cp "$archive" "$stage/$name"
    agent=$inside/$name
    # sha256sum of coreutils, or shasum of perl on macOS
    sha256=$({ sha256sum || shasum -a 256; } <"$archive" 2>/dev/null | cut -c 1-64)
fi
"$controller" render "$config" --agent "$agent" --sha256 "$sha256" >"$stage/user-data.new"
mv "$stage/user-data.new" "$stage/user-data"
printf '%s' "${name:-}"
