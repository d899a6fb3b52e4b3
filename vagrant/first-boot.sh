#!/bin/sh
# Prepares a machine that Vagrant made to boot as one in Azure does: at its next boot
# cloud-init finds the custom data $1 and takes the machine for a new instance.
#
# cloud-init gets it as the seed of its data source NoCloud. Vagrant's own cloud_init option
# is experimental and for VirtualBox alone. Run as root; with the same custom data again it
# changes nothing.
set -eu

seed=/var/lib/cloud/seed/nocloud
user_data=$1

command -v cloud-init >/dev/null || {
    echo "first-boot: this box has no cloud-init; take one that has, such as cloud-image/ubuntu-24.04" >&2
    exit 1
}

# other custom data is another instance, for which cloud-init does everything once
instance=clawbot-$(sha256sum "$user_data" | cut -c 1-16)

# what it remembers of the box's own data source would win over a new one
[ "$(cat /var/lib/cloud/data/instance-id 2>/dev/null)" = "$instance" ] || cloud-init clean --logs

mkdir -p "$seed"
install -m 0600 "$user_data" "$seed/user-data"
printf 'instance-id: %s\nlocal-hostname: bot\n' "$instance" >"$seed/meta-data"

# no other source: a box may bring a seed of its own, on a disk (fs_label) or in a directory.
# The network stays as the box and Vagrant have set it up.
cat >/etc/cloud/cloud.cfg.d/99-clawbot-local.cfg <<'END'
datasource_list: [NoCloud, None]
datasource:
  NoCloud:
    fs_label: null
network:
  config: disabled
END
rm -f /etc/cloud/cloud-init.disabled
