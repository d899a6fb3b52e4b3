#!/bin/sh
# Prepares a Vagrant machine to boot like one in Azure: at its next boot cloud-init reads the custom
# data $1 and treats the machine as a new instance.
#
# The custom data is the seed of cloud-init's data source NoCloud, because Vagrant's option
# cloud_init is experimental and for VirtualBox only. Run as root. A second run with the same custom
# data changes nothing.
set -eu

seed=/var/lib/cloud/seed/nocloud
user_data=$1

command -v cloud-init >/dev/null || {
    echo "first-boot: this box has no cloud-init: use a box such as cloud-image/ubuntu-24.04" >&2
    exit 1
}

# different custom data is a new instance, for which cloud-init runs everything once
instance=clawbot-$(sha256sum "$user_data" | cut -c 1-16)

# cloud-init's cache of the box's own data source would take precedence
[ "$(cat /var/lib/cloud/data/instance-id 2>/dev/null)" = "$instance" ] || cloud-init clean --logs

mkdir -p "$seed"
install -m 0600 "$user_data" "$seed/user-data"
printf 'instance-id: %s\nlocal-hostname: bot\n' "$instance" >"$seed/meta-data"

# no other source: a box may have its own seed, on a disk (fs_label) or in a directory.
# The network configuration of the box and Vagrant is kept.
cat >/etc/cloud/cloud.cfg.d/99-clawbot-local.cfg <<'END'
datasource_list: [NoCloud, None]
datasource:
  NoCloud:
    fs_label: null
network:
  config: disabled
END
rm -f /etc/cloud/cloud-init.disabled
