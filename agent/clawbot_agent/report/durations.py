"""How long stages took that changed something: what a later run on this disk is measured by."""

import json
from pathlib import Path
from typing import Final

from clawbot_agent.engine.events import Event, Kind
from clawbot_agent.host.files import Files, FileWriteError
from clawbot_agent.records.status import RunStatus, StageStatus, State

__all__ = ["Durations", "read_durations"]

# a stage that does only a part of its work this time says little about the whole of it
_FADING: Final = 0.8


class Durations:
    """Notes the seconds of a run's stages when the run is over."""

    def __init__(self, path: Path, files: Files) -> None:
        """Keep them in `path`."""
        self._path = path
        self._files = files

    def __call__(self, event: Event, status: RunStatus) -> None:
        """Write the file when a stage did all it had to in one go."""
        if event.kind is not Kind.RUN_FINISHED:
            return
        found = {stage.name: _seconds(stage) for stage in status.stages if _tells(stage)}
        if not found:
            return
        merged = {**read_durations(self._path, self._files), **found}
        try:
            self._files.write(self._path, json.dumps(merged, indent=2) + "\n", mode=0o644)
        except FileWriteError:
            # only a percentage gets less exact
            return


def _tells(stage: StageStatus) -> bool:
    return stage.state is State.CHANGED and stage.attempts == 1 and stage.seconds is not None


def _seconds(stage: StageStatus) -> float:
    return round(max(stage.seconds or 0.0, _FADING * stage.expected), 1)


def read_durations(path: Path, files: Files) -> dict[str, float]:
    """Seconds by stage; empty on a fresh disk, or when the file is not ours."""
    try:
        found = json.loads(files.read_text(path) or "{}")
        return {str(name): float(seconds) for name, seconds in found.items()}
    except (ValueError, TypeError, AttributeError):
        return {}
