"""What can go wrong with Sysbox."""

from typing import Final

from clawbot_agent.core.errors import BRIEF, ClawbotError, FailureCause, RetryPolicy

__all__ = [
    "SysboxContainersRunningError",
    "SysboxInstallFailedError",
    "SysboxKernelError",
    "SysboxNoPackageError",
    "SysboxRuntimeMissingError",
    "SysboxSmokeFailedError",
]

# its services may just have been started; longer waits would hold up the image's build
_WHILE_STARTING: Final = RetryPolicy(first=1, longest=3, within=8)


class SysboxNoPackageError(ClawbotError):
    """There is no Sysbox package for this machine, or the file is another package."""

    code = "SYSBOX_NO_PACKAGE"
    cause = FailureCause.OPERATOR
    hint = "set sysbox.url and sysbox.sha256 to the right package, or sysbox.enabled to false"


class SysboxInstallFailedError(ClawbotError):
    """The package could not be installed; what was half installed is removed again."""

    code = "SYSBOX_INSTALL_FAILED"
    cause = FailureCause.INSTANCE
    hint = "/var/log/apt/term.log has the package's own output"


class SysboxKernelError(ClawbotError):
    """The package refuses this kernel."""

    code = "SYSBOX_KERNEL"
    cause = FailureCause.OPERATOR
    hint = "Sysbox needs Linux 5.5 or later and systemd; use a newer image of the distribution"


class SysboxContainersRunningError(ClawbotError):
    """The package wants to restart Docker and refuses because there are containers."""

    code = "SYSBOX_CONTAINERS_RUNNING"
    cause = FailureCause.INSTANCE
    hint = "remove all containers ('docker ps -a'), stopped ones too, and run again"


class SysboxRuntimeMissingError(ClawbotError):
    """The engine does not list the runtime although daemon.json names it."""

    code = "SYSBOX_RUNTIME_MISSING"
    cause = FailureCause.INSTANCE
    retry = BRIEF
    hint = "'journalctl -u docker' tells what the engine thinks of daemon.json"


class SysboxSmokeFailedError(ClawbotError):
    """A container with the runtime does not run."""

    code = "SYSBOX_SMOKE_FAILED"
    cause = FailureCause.UNCERTAIN
    retry = _WHILE_STARTING
    hint = "see 'journalctl -u sysbox -u sysbox-mgr -u sysbox-fs'; engine 29.5+ needs Sysbox 0.7.1"
