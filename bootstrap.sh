#!/bin/sh
# Installs clawbot-agent in its own virtual environment below /opt/clawbot, and its systemd units.
#
#   bootstrap.sh [--sha256 HEX] [--wheelhouse DIR] [--no-start] [--cloud-init] SOURCE
#
# SOURCE is the URL or path of a release archive (.tar with the wheels of the agent, its
# dependencies and pip) or of the agent's wheel, or clawbot-agent==VERSION from PyPI.
#   --sha256 HEX      Hash of SOURCE (on PyPI: of the wheel); required unless SOURCE is a path.
#   --wheelhouse DIR  Directory with the wheels of the dependencies and of pip; PyPI is not used.
#   --no-start        Enable the units but start none, for baking a VM image.
#   --cloud-init      Report a failure and its reason in cloud-init's status.
#
# Every package must match its hash in the lock in the agent's wheel. A new version is built beside
# the installed one, which is replaced only after the new one works, and is kept as the previous
# version. A second run with the same SOURCE downloads and changes nothing.
# Exit codes: 0 installed, 1 failed, 2 wrong usage, 3 a hash does not match.
set -eu

root=/opt/clawbot
command=clawbot-agent
units=/etc/systemd/system
work=$root/work
config=/etc/clawbot/config.yaml
minutes=15
sha256='' wheelhouse='' start=yes cloud_init='' reported='' venv='' locked='' switched=''
umask 022

say() { printf 'bootstrap: %s\n' "$*"; }
# also on the serial console: an instance without an agent may not be reachable otherwise
die() {
    code=$1
    shift
    reported=yes
    printf 'bootstrap: %s\n' "$*" >&2
    [ -t 2 ] || printf 'bootstrap: %s\n' "$*" 2>/dev/null >/dev/console || :
    [ -z "$cloud_init" ] || report_to_cloud_init "$*"
    exit "$code"
}
# cloud-init's status names failed scripts but not their output. So a script named after the reason
# fails too: this directory is run after the one with our caller.
report_to_cloud_init() {
    scripts=/var/lib/cloud/instance/scripts
    mkdir -p "$scripts"
    # only the last part of addresses and paths, because a file name has at most 255 bytes
    name=$(printf 'bootstrap: %s' "$1" | sed 's|[^ ]*/||g' | tr -cd '[:print:]' | cut -c1-250)
    printf '#!/bin/sh\nrm "%s"\nexit 1\n' "\$0" >"$scripts/$name"
    chmod 0755 "$scripts/$name"
}
finish() {
    [ -z "$locked" ] || rm -rf "$work"
    [ "$1" -eq 0 ] || [ -n "$reported" ] || die "$1" "ended unexpectedly with exit status $1"
}
usage() { die 2 "$*; see $0 --help"; }

quietly() { "$@" >"$work/log" 2>&1; }
last_lines() { tail -n 3 "$work/log" | tr -s ' \n' ' ' | cut -c1-500; }

# on a first boot the network may not be up yet, and another apt may hold the locks
retry() {
    pause=2
    until "$@"; do
        [ "$(date +%s)" -lt "$deadline" ] || die 1 "gave up after $minutes minutes: $(last_lines)"
        say "retrying in $pause s: $(last_lines)"
        sleep "$pause"
        [ "$pause" -ge 15 ] || pause=$((pause * 2))
    done
}

# $1: URL, $2: file, $3: SHA-256. The reason of a failure goes to standard output.
download() {
    python3 - "$@" "$deadline" <<'END'
import hashlib, sys, time, urllib.error, urllib.request

url, path, wanted, deadline = sys.argv[1:]
pause, mismatches = 2, 0


def fetch():
    digest = hashlib.sha256()
    with urllib.request.urlopen(url, timeout=30) as answer, open(path, "wb") as file:
        while block := answer.read(1 << 16):
            digest.update(block)
            file.write(block)
            if time.time() > float(deadline):
                raise OSError("download too slow")
        if answer.length:
            raise OSError(f"{answer.length} bytes missing at the end")
    return digest.hexdigest()


while True:
    code = 1
    try:
        if (found := fetch()) == wanted:
            sys.exit()
        # an error page of a proxy or CDN looks like this too, so retry twice
        code, why = 3, f" has SHA-256 {found}, not {wanted}: nothing was installed"
        mismatches += 1
        final = mismatches == 3
    except urllib.error.HTTPError as error:
        why = f": HTTP {error.code} {error.reason}"
        final = error.code in (400, 401, 404, 410)
    except Exception as error:
        why, final = f": {error or type(error).__name__}", False
    if final or time.time() + pause > float(deadline):
        print(f"{url}{why}")
        sys.exit(code)
    print(f"bootstrap: retrying in {pause} s: {url}{why}", file=sys.stderr)
    time.sleep(pause)
    pause = min(2 * pause, 15)
END
}

# $1: file, $2: SHA-256
check() {
    set -- "$1" "$2" "$(sha256sum <"$1" | cut -c1-64)"
    [ "$2" = "$3" ] || die 3 "$1 has SHA-256 $3, not $2: nothing was installed"
}

# sets $wheel to the wheel to install and, for an archive, $wheelhouse to its dependencies
obtain() {
    file=$1
    case $1 in
        https://* | http://*)
            file="$work/${1##*/}"
            why=$(download "$1" "$file" "$sha256") || die $? "$why"
            ;;
        "$command"==*)
            prepare_pip
            printf '%s --hash=sha256:%s\n' "$1" "$sha256" >"$work/wanted.txt"
            retry run_pip download --no-deps --require-hashes --only-binary :all: \
                --dest "$work/wheels" --requirement "$work/wanted.txt"
            file=
            ;;
        *) check "$1" "$sha256" ;;
    esac
    case $file in
        *.tar)
            mkdir "$work/wheels"
            tar -xf "$file" -C "$work/wheels" --no-same-owner
            wheelhouse="$work/wheels"
            ;;
    esac
    case $file in
        *.whl) wheel=$(realpath "$file") ;;
        *) for wheel in "$work"/wheels/clawbot_agent-*.whl; do :; done ;;
    esac
    [ -f "$wheel" ] || die 1 "$1: contains no wheel of $command"
}

# pip runs from outside the virtual environment, which gets no pip and no distribution packages
prepare_pip() {
    [ ! -d "$work/pip" ] || return 0
    for pip in "$wheelhouse"/pip-*.whl; do :; done
    if [ ! -f "$pip" ]; then
        [ -z "$wheelhouse" ] || die 1 "$wheelhouse: contains no wheel of pip"
        find_bundled_pip || install_bundled_pip
    fi
    python3 -m zipfile -e "$pip" "$work/pip"
}

# Debian and Ubuntu have the pip for new virtual environments in a separate package
find_bundled_pip() {
    for pip in /usr/share/python-wheels/pip-*.whl; do :; done
    [ -f "$pip" ]
}
install_bundled_pip() {
    say "installing python3-pip-whl"
    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l
    retry quietly apt-get -q -o APT::Update::Error-Mode=any -o Acquire::Retries=3 \
        -o Acquire::http::Timeout=20 update
    retry quietly apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
        install -y --no-install-recommends python3-pip-whl
    find_bundled_pip || die 1 "python3-pip-whl: contains no wheel of pip"
}

run_pip() {
    quietly env PYTHONPATH="$work/pip" PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 \
        "${venv:+$venv/bin/}python3" -m pip --quiet "$@" && return
    # a retry does not change a hash
    ! grep -q 'DO NOT MATCH THE HASHES' "$work/log" ||
        die 3 "a package does not match its hash: $(grep -e ' from ' -e ' Got ' "$work/log" |
            tr -s ' \n' ' ')"
    return 1
}

# The lock has version and hash of every package, so pip resolves nothing. Byte code is compiled
# later, because that takes longer than the rest.
build() {
    venv=$1
    rm -rf "$venv"
    mkdir -p "$venv"
    : >"$venv/unfinished"
    python3 -m venv --without-pip "$venv"
    python3 - "$wheel" >"$work/lock.txt" <<'END' || die 1 "$wheel: contains no lock"
import sys, zipfile

wheel = zipfile.ZipFile(sys.argv[1])
lock = [name for name in wheel.namelist() if name.endswith("/share/clawbot/requirements.lock")]
sys.stdout.write(wheel.read(lock[0]).decode())
END
    hash=$(sha256sum <"$wheel" | cut -c1-64)
    printf '%s @ file://%s --hash=sha256:%s\n' "$command" "$wheel" "$hash" >"$work/agent.txt"
    set -- install --no-deps --no-compile --require-hashes --only-binary :all: \
        --requirement "$work/lock.txt" --requirement "$work/agent.txt"
    if [ -n "$wheelhouse" ]; then
        run_pip "$@" --no-index --find-links "$wheelhouse" ||
            die 1 "pip: $(last_lines)"
    else
        retry run_pip "$@"
    fi
    works "$venv" || die 1 "the new $command does not start: $(last_lines)"
    # on a first installation there is no older agent to keep, and the sidecar must answer Azure
    [ ! -e "$root/current" ] || accepts "$venv" || refused
    # after a power cut the files on disk are complete, or still marked as unfinished
    sync -f "$venv"
    rm "$venv/unfinished"
}

works() { quietly "$1/bin/$command" --version; }
accepts() { [ ! -f "$config" ] || quietly "$1/bin/$command" config check "$config"; }
refused() { die 1 "the new $command refuses $config: $(last_lines)"; }

# rename is atomic: an agent exists at every moment
point() {
    [ "$(readlink "$1")" != "$2" ] || return 0
    ln -sfn "$2" "$1.new"
    mv -T "$1.new" "$1"
}

switch_to() {
    before=$(readlink "$root/current" || :)
    [ "$before" != "$1" ] || return 0
    [ ! -d "$before" ] || point "$root/previous" "$before"
    point "$root/current" "$1"
    switched=yes
}

shipped=$root/current/share/clawbot/systemd
# the sidecar's user, without privileges; D-Bus does not always know the users of DynamicUser=
ensure_user() {
    getent passwd clawbot-sidecar >/dev/null ||
        useradd --system --user-group --no-create-home --home-dir /nonexistent \
            --shell /usr/sbin/nologin clawbot-sidecar
}

install_units() {
    changed=
    for unit in "$shipped"/*.service "$shipped"/*.timer; do
        [ -f "$unit" ] || continue
        cmp -s "$unit" "$units/${unit##*/}" && continue
        install -m 0644 "$unit" "$units/.${unit##*/}.new"
        mv "$units/.${unit##*/}.new" "$units/${unit##*/}"
        changed=yes
    done
    # units of an earlier version that this one does not have
    for unit in "$root"/versions/*/share/clawbot/systemd/*; do
        name=${unit##*/}
        if [ -e "$units/$name" ] && [ ! -e "$shipped/$name" ]; then
            say "removing $name"
            systemctl --quiet disable --now "$name" || :
            rm -f "$units/$name"
            changed=yes
        fi
    done
    [ -z "$changed" ] || systemctl daemon-reload
    # also unchanged units: the last installation may have been interrupted before this
    for name in $(first_units); do
        systemctl --quiet is-enabled "$name" || systemctl --quiet enable "$name"
    done
}
# units with an [Install] section; the agent starts the others
first_units() {
    for unit in "$shipped"/*; do
        ! grep -q '^\[Install\]' "$unit" || printf '%s\n' "${unit##*/}"
    done
}

# without waiting: a first run takes minutes and would delay the end of cloud-init
start_units() {
    for name in $(first_units); do
        [ -z "$switched" ] || [ "$name" = "$command.service" ] ||
            systemctl --no-block try-restart "$name"
        systemctl --no-block start "$name"
    done
    # at idle priority, and for services that cannot write byte code themselves
    [ -z "$switched" ] || systemd-run --quiet --collect --property=CPUSchedulingPolicy=idle \
        "$target/bin/python3" -m compileall -qq "$target/lib" || :
}

prune() {
    for old in "$root"/versions/*; do
        case $old in
            "$(readlink "$root/current")" | "$(readlink "$root/previous" || :)") continue ;;
        esac
        # a service that upgrades do not restart may still run an older version
        grep -qsF "$old/" /proc/[0-9]*/cmdline || rm -rf "$old"
    done
}

while [ $# -gt 0 ]; do
    case $1 in
        --sha256 | --wheelhouse)
            [ $# -ge 2 ] || usage "$1 needs a value"
            case $1 in --sha256) sha256=$2 ;; *) wheelhouse=$(realpath "$2") ;; esac
            shift
            ;;
        --no-start) start= ;;
        --cloud-init) cloud_init=yes ;;
        -h | --help)
            sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
            exit 0
            ;;
        -*) usage "unknown option $1" ;;
        *) break ;;
    esac
    shift
done
[ $# -eq 1 ] || usage "exactly one SOURCE is required"
case $1 in
    https://* | http://* | "$command"==*) ;;
    *) [ -f "$1" ] || usage "$1: no such file" ;;
esac
[ -n "$sha256" ] || [ ! -f "$1" ] || sha256=$(sha256sum <"$1" | cut -c1-64)
case $sha256 in *[!0-9a-f]* | '') usage "$1 needs --sha256 in lower-case hexadecimal" ;; esac
[ ${#sha256} -eq 64 ] || usage "a SHA-256 has 64 digits, not ${#sha256}"
[ "$(id -u)" -eq 0 ] || die 1 "run as root"
python3 -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    die 1 "Python 3.11 or later is required"

trap 'finish $?' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$root/versions"
exec 9>>"$root/lock"
flock -w 600 9 || die 1 "another installation has held $root/lock for 10 min"
locked=yes
deadline=$(($(date +%s) + minutes * 60))
rm -rf "$work"
mkdir "$work"

target="$root/versions/$(printf %.16s "$sha256")"
if [ -e "$target/unfinished" ] || ! works "$target"; then
    wheel=''
    obtain "$1"
    prepare_pip
    build "$target"
fi
switch_to "$target"
ensure_user
install_units
prune
sync -f "$root"
# last: this link exists only for a complete installation
point "/usr/local/bin/$command" "$root/current/bin/$command"
say "$("/usr/local/bin/$command" --version) is installed"
[ -z "$start" ] || start_units
accepts "$target" || refused
