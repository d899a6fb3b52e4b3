#!/bin/sh
# Waits until cloud-init and then the agent's run have ended, and shows how. Run as root.
set -eu

cloud-init status --wait >/dev/null || {
    cloud-init status --long
    exit 1
}
# a run that came before the token was there has failed; the next one need not be waited for
clawbot-agent status --compact --wait --timeout 2700 || clawbot-agent run --stage all
