#!/bin/sh
# Installs clawbot-agent into a venv of its own under /opt/clawbot and puts it on the PATH.
#
#   bootstrap.sh [--wheelhouse DIR] REQUIREMENT
#
# REQUIREMENT is what pip understands: a wheel, a checkout, or "clawbot-agent==0.1.0". With
# --wheelhouse (wheels of all it needs, and of pip) nothing is fetched from a package index.
# Running it again with the same wheel changes nothing; another version is built beside the
# present one, which stays until the new one works.
set -eu

root=/opt/clawbot
command=clawbot-agent
wheelhouse=

say() { printf 'bootstrap: %s\n' "$*"; }
die() {
    printf 'bootstrap: %s\n' "$*" >&2
    exit 1
}

# for ten minutes: on a first boot another apt may hold the locks for that long
retry() {
    until=$(($(date +%s) + 600))
    pause=2
    until "$@"; do
        [ "$(date +%s)" -lt "$until" ] || die "gave up after ten minutes: $*"
        say "failed, once more in $pause s: $*"
        sleep "$pause"
        [ "$pause" -ge 15 ] || pause=$((pause * 2))
    done
}

ensure_python() {
    python3 -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        die "python3 must be there and at least 3.11"
}

# Debian and Ubuntu keep the pip for new venvs in a package of its own
ensure_ensurepip() {
    python3 -c 'import ensurepip' 2>/dev/null && return
    say "installing python3-venv"
    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l
    retry apt-get -qq -o APT::Update::Error-Mode=any -o Acquire::Retries=3 \
        -o Acquire::http::Timeout=20 update
    retry apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
        install -y --no-install-recommends python3-venv >/dev/null
}

# the same bytes give the same directory, so an interrupted installation is known by what works
name_of() {
    if [ -f "$1" ]; then
        sha256sum "$1" | cut -c1-16
    elif [ -d "$1" ]; then
        find "$1/agent" "$1/systemd" "$1/pyproject.toml" -type f -exec sha256sum {} + |
            sort | sha256sum | cut -c1-16
    else
        printf '%s' "$1" | sha256sum | cut -c1-16
    fi
}

install_into() {
    # $1: directory, $2: requirement
    if "$1/bin/$command" --version >/dev/null 2>&1; then
        say "already built in $1"
        return
    fi
    rm -rf "$1"
    if [ -n "$wheelhouse" ]; then
        # a wheel of pip runs as it is: no package, no copy in the venv
        for pip in "$wheelhouse"/pip-*.whl; do :; done
        [ -f "$pip" ] || die "$wheelhouse holds no wheel of pip"
        python3 -m venv --without-pip "$1"
        PYTHONPATH=$pip "$1/bin/python" -m pip install --quiet --disable-pip-version-check \
            --no-index --find-links "$wheelhouse" "$2"
    else
        ensure_ensurepip
        python3 -m venv "$1"
        retry "$1/bin/pip" install --quiet --retries 3 "$2"
    fi
    "$1/bin/$command" --version >/dev/null || die "the new $command does not start; the old one stays"
}

switch_to() {
    # rename is atomic: there is no moment without an agent
    ln -sfn "$1" "$root/current.new"
    mv -T "$root/current.new" "$root/current"
    ln -sfn "$root/current/bin/$command" "/usr/local/bin/$command"
}

install_units() {
    # cmp first: systemd reads its units again only when one has changed
    for unit in "$root"/current/share/clawbot/systemd/*.service; do
        target_unit="/etc/systemd/system/${unit##*/}"
        if ! cmp -s "$unit" "$target_unit"; then
            install -m 0644 "$unit" "$target_unit"
            systemctl daemon-reload
        fi
        # also when it was there: the last installation may have been cut off before this
        systemctl enable --quiet "${unit##*/}"
    done
}

while [ $# -gt 0 ]; do
    case $1 in
        --wheelhouse)
            [ $# -ge 2 ] || die "--wheelhouse needs a directory"
            wheelhouse=$2
            shift 2
            ;;
        -h | --help)
            sed -n '2,9s/^# \{0,1\}//p' "$0"
            exit 0
            ;;
        -*) die "unknown option $1" ;;
        *) break ;;
    esac
done
[ $# -eq 1 ] || die "what to install? See $0 --help"
[ "$(id -u)" -eq 0 ] || die "run as root"

ensure_python
mkdir -p "$root/versions"
target="$root/versions/$(name_of "$1")"
install_into "$target" "$1"
switch_to "$target"
install_units
say "$("/usr/local/bin/$command" --version) is installed"
