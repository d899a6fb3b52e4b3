"""What can be wrong with the state."""

from clawbot_agent.core.errors import BRIEF, PATIENT, ClawbotError, FailureCause

__all__ = [
    "StateCopyError",
    "StateDamagedError",
    "StateInUseError",
    "StateMountError",
    "StateNoRoomError",
    "StateNotDirectoryError",
    "StateToolError",
    "StateWouldBeHiddenError",
]


class StateNotDirectoryError(ClawbotError):
    """There is something else than a directory at the state's path."""

    code = "STATE_NOT_A_DIRECTORY"
    cause = FailureCause.DATA
    hint = "remove what is there, or set state.path to the directory that is meant"


class StateWouldBeHiddenError(ClawbotError):
    """The state's path has files in it, and a new and empty state would be mounted over them."""

    code = "STATE_WOULD_BE_HIDDEN"
    cause = FailureCause.DATA
    hint = (
        "they are the memory of a bot with state.backend local: move them away (mv) and let the "
        "agent run, then stop the gateway, copy them into state.path and let it run again; or go "
        "back to backend local"
    )


class StateNoRoomError(ClawbotError):
    """The share has no room for the state."""

    code = "STATE_NO_SPACE"
    cause = FailureCause.DATA
    hint = "raise the share's quota, remove what else is on it, or lower state.image_size"


class StateCopyError(ClawbotError):
    """The state image could not be copied."""

    code = "STATE_COPY_FAILED"
    cause = FailureCause.UNCERTAIN
    retry = BRIEF
    hint = "the message says why; the image itself is untouched"


class StateToolError(ClawbotError):
    """A tool that makes or grows the state's file system failed."""

    code = "STATE_TOOL_FAILED"
    cause = FailureCause.UNCERTAIN
    retry = BRIEF
    hint = "the message ends with what the tool said"


class StateDamagedError(ClawbotError):
    """The file system in the state image cannot be repaired by e2fsck."""

    code = "STATE_IMAGE_DAMAGED"
    cause = FailureCause.DATA
    hint = (
        "what e2fsck said is in /var/log/clawbot; restore the share from a snapshot, or move the "
        "image away from the share's directory 'state' to start with an empty memory"
    )


class StateMountError(ClawbotError):
    """The state could not be mounted."""

    code = "STATE_MOUNT_FAILED"
    cause = FailureCause.UNCERTAIN
    retry = BRIEF
    hint = "the message ends with what mount said"


class StateInUseError(ClawbotError):
    """The kernel of this instance still has the state image open from a mount before."""

    code = "STATE_IN_USE"
    cause = FailureCause.INSTANCE
    retry = PATIENT
    hint = (
        "it lets go when the share answers; if 'losetup -a' still shows the image after that, "
        "restart the instance"
    )
