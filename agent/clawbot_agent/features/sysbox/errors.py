"""Errors of the stage `sysbox`."""

from typing import Final

from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause, RetryPolicy

# Sysbox's services may just have started; longer waits would delay the build of the image
_WHILE_STARTING: Final = RetryPolicy(first=1, longest=3, within=8)


class SysboxNoPackageError(ClawbotError):
    """No Sysbox package is known for this machine, or the file is a different package."""

    code = "SYSBOX_NO_PACKAGE"
    cause = FailureCause.OPERATOR
    hint = "set sysbox.url and sysbox.sha256 to the right package, or sysbox.enabled to false"


class SysboxInstallFailedError(ClawbotError):
    """The package cannot be installed; a half-installed package is removed."""

    code = "SYSBOX_INSTALL_FAILED"
    cause = FailureCause.INSTANCE
    hint = "see /var/log/apt/term.log for the package's output, then run 'clawbot-agent run'"


class SysboxKernelError(ClawbotError):
    """The package does not support this kernel."""

    code = "SYSBOX_KERNEL"
    cause = FailureCause.OPERATOR
    hint = "use a VM image with systemd and Linux 5.5 or later"


class SysboxContainersRunningError(ClawbotError):
    """The package must restart Docker and refuses to while containers exist."""

    code = "SYSBOX_CONTAINERS_RUNNING"
    cause = FailureCause.INSTANCE
    hint = (
        "remove all containers, also stopped ones ('docker ps --all'), then run 'clawbot-agent run'"
    )


class SysboxRuntimeMissingError(ClawbotError):
    """The engine does not use the runtime as daemon.json says."""

    code = "SYSBOX_RUNTIME_MISSING"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = "see 'journalctl -u docker' for errors in /etc/docker/daemon.json"


class SysboxSmokeFailedError(ClawbotError):
    """A test container with the runtime fails."""

    code = "SYSBOX_SMOKE_FAILED"
    cause = FailureCause.UNCERTAIN
    retry = _WHILE_STARTING
    hint = (
        "see 'journalctl -u sysbox -u sysbox-mgr -u sysbox-fs'; Docker 29.5 and later need Sysbox "
        "0.7.1 or later"
    )
