"""Errors of the state directory and the bot data in it."""

from clawbot_agent.core.errors import BRIEF, PATIENT, ClawbotError, FailureCause


class StateNotDirectoryError(ClawbotError):
    """The path of the state directory exists and is not a directory."""

    code = "STATE_NOT_A_DIRECTORY"
    cause = FailureCause.DATA
    hint = "move away what the message names, or set state.path to another directory"


class StateWouldBeHiddenError(ClawbotError):
    """The state directory has files in it, and empty bot data would be mounted over them."""

    code = "STATE_WOULD_BE_HIDDEN"
    cause = FailureCause.DATA
    hint = (
        "move the files away ('mv') and run 'clawbot-agent run', then stop the gateway, copy them "
        "into state.path and run it again; or set state.backend to local to use them in place"
    )


class StateNoSpaceError(ClawbotError):
    """The share does not have enough free space for the bot data."""

    code = "STATE_NO_SPACE"
    cause = FailureCause.DATA
    hint = "raise the share's quota, delete other files from it, or lower state.image_size"


class StateCopyError(ClawbotError):
    """The data image could not be copied."""

    code = "STATE_COPY_FAILED"
    cause = FailureCause.UNCERTAIN
    retry = BRIEF
    hint = "check that the share is reachable; the original data image is unchanged"


class StateToolError(ClawbotError):
    """A tool that creates or grows the data image failed."""

    code = "STATE_TOOL_FAILED"
    cause = FailureCause.UNCERTAIN
    retry = BRIEF
    hint = "see the tool's output at the end of the message, and 'dmesg' for I/O errors"


class StateDamagedError(ClawbotError):
    """The file system in the data image cannot be repaired by e2fsck."""

    code = "STATE_IMAGE_DAMAGED"
    cause = FailureCause.DATA
    hint = (
        "restore the share from a snapshot, or move the data image out of the share's directory "
        "'state' to start without bot data; /var/log/clawbot has e2fsck's output"
    )


class StateMountError(ClawbotError):
    """The bot data could not be mounted."""

    code = "STATE_MOUNT_FAILED"
    cause = FailureCause.UNCERTAIN
    retry = BRIEF
    hint = "see mount's output at the end of the message, and 'dmesg'"


class StateInUseError(ClawbotError):
    """The kernel of this instance still has the data image open from an earlier mount."""

    code = "STATE_IN_USE"
    cause = FailureCause.INSTANCE
    retry = PATIENT
    hint = (
        "wait until the share is reachable: the kernel then closes the data image; if 'losetup -a' "
        "still shows it, restart the instance"
    )
