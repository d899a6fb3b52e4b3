#!/bin/sh
# Launches a Multipass machine that becomes a bot from the same custom data as in Azure; share, bot
# data and secrets are on the machine itself (bot.yaml). See docs/how-to/local-machine.md.
#
#   multipass.sh [NAME]       default of NAME: bot
#
# Environment variables select the release, see stage.sh. CLAWBOT_CPUS (2), CLAWBOT_MEMORY (4G) and
# CLAWBOT_DISK (20G) set the machine's size.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
inside=/opt/clawbot-release
stage=$here/.stage

die() {
    printf 'multipass.sh: %s\n' "$*" >&2
    exit 1
}

case ${1:-} in
    -h | --help)
        sed -n '2,8s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    -*) die "unknown option $1; see $0 --help" ;;
esac
[ $# -le 1 ] || die "at most one NAME is allowed; see $0 --help"
machine=${1:-bot}
command -v multipass >/dev/null || die "multipass is not installed"

# the token is created inside, by a script that does not contain it
inside_run() { multipass exec "$machine" -- sudo sh -c "$(cat "$here/$1")"; }

archive=$("$here/stage.sh" "$stage")
# on standard input: Multipass as a snap cannot read every directory of its user
multipass launch 24.04 --name "$machine" --cpus "${CLAWBOT_CPUS:-2}" \
    --memory "${CLAWBOT_MEMORY:-4G}" --disk "${CLAWBOT_DISK:-20G}" --timeout 1800 \
    --cloud-init - <"$stage/user-data"
inside_run local-token.sh
if [ -n "$archive" ]; then
    # the first boot preceded the archive; the custom data retries at the next boot
    multipass exec "$machine" -- sudo mkdir -p "$inside"
    multipass transfer "$stage/$archive" "$machine:/tmp/$archive"
    multipass exec "$machine" -- sudo mv "/tmp/$archive" "$inside/$archive"
    multipass restart "$machine"
fi
inside_run wait.sh

address=$(multipass exec "$machine" -- hostname -I | cut -d ' ' -f 1)
cat <<END

OpenClaw: http://$address/
gateway token: multipass exec $machine -- sudo cat /etc/clawbot/secrets/openclaw-gateway-token
delete the bot: multipass delete --purge $machine
END
