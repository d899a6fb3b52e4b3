"""Files and directories that have to be of one mode and owner: what differs, what puts it right."""

from dataclasses import dataclass, field
from pathlib import Path

from clawbot_agent.core.secret import Secret
from clawbot_agent.engine.actions import Action, MakeDirectory, RemovePath, WriteFile
from clawbot_agent.host.files import FileStat

__all__ = ["Stored", "directory_actions", "file_actions"]


@dataclass(frozen=True, slots=True)
class Stored:
    """What is at a path; `text` is None for what is no file."""

    stat: FileStat
    text: Secret | None = field(default=None, repr=False)


def directory_actions(path: Path, found: Stored | None, *, mode: int, uid: int) -> list[Action]:
    """What makes `path` a directory of this mode, owned by `uid` and the group of that number."""
    actions: list[Action] = []
    if found is not None and found.stat.kind != "directory":
        actions.append(RemovePath(path, f"it is a {found.stat.kind}, not a directory"))
        found = None
    if why := _difference(found, mode=mode, uid=uid):
        actions.append(MakeDirectory(path, mode, why, uid, uid))
    return actions


def file_actions(
    path: Path, found: Stored | None, wanted: Secret | None, *, mode: int, uid: int
) -> list[Action]:
    """What makes `path` hold `wanted`, or not be there when that is None."""
    if wanted is None:
        return [] if found is None else [RemovePath(path, "not configured")]
    actions: list[Action] = []
    if found is not None and found.stat.kind == "directory":
        actions.append(RemovePath(path, "it is a directory, not a file"))
        found = None
    why = _difference(found, mode=mode, uid=uid)
    if found is not None and found.text != wanted:
        why = "other content"
    return [*actions, WriteFile(path, wanted.reveal(), mode, why, uid, uid)] if why else actions


def _difference(found: Stored | None, *, mode: int, uid: int) -> str:
    """What is not as it should be; empty when all is."""
    if found is None:
        return "missing"
    if (found.stat.uid, found.stat.gid) != (uid, uid):
        return f"owner is {found.stat.uid}:{found.stat.gid}"
    return "" if found.stat.mode == mode else f"mode is {found.stat.mode:04o}"
