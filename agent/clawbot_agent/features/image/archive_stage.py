"""The built image on the share: the next instance loads in seconds what this one built.

It comes last, when the bot already serves, and the bot is none the worse without it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clawbot_agent.config.model import BotConfig
from clawbot_agent.engine.actions import RemovePath
from clawbot_agent.engine.stage import Phase, Plan, Stage
from clawbot_agent.features.image.archive import (
    KEPT_ARCHIVES,
    SaveImage,
    archive_of,
    is_archive,
    is_leftover,
)
from clawbot_agent.features.image.recipe import recipe
from clawbot_agent.host import Host

if TYPE_CHECKING:
    from clawbot_agent.engine.actions import Action

# another instance may be writing a younger one
_OLD_SECONDS: Final = 3600

__all__ = ["ArchiveFacts", "ImageArchiveStage"]


@dataclass(frozen=True, slots=True)
class ArchiveFacts:
    """What images the share holds.

    Attributes:
        wanted: where the configured image's archive belongs.
        archives: those that are there, newest first.
        leftovers: of writes that were cut off.
    """

    wanted: Path
    archives: tuple[Path, ...] = ()
    leftovers: tuple[Path, ...] = ()


class ImageArchiveStage(Stage[ArchiveFacts]):
    """The image of this bot, kept for its next instance."""

    name = "image-archive"
    title = "OpenClaw image on the share"
    phase = Phase.NODE
    needs = ("share", "gateway")
    budget = 600
    typical = 40

    def skip_reason(self, config: BotConfig) -> str | None:
        """Without a build there is nothing worth keeping."""
        image = config.openclaw.image
        if image.source == "pull":
            return "the image is pulled, not built"
        return None if image.archive else "openclaw.image.archive is false"

    def required(self, config: BotConfig) -> bool:
        """The bot serves without it."""
        del config
        return False

    def probe(self, host: Host, config: BotConfig) -> ArchiveFacts:
        """List the share's images."""
        architecture = str((host.docker.info() or {}).get("Architecture", "unknown"))
        wanted = archive_of(config, recipe(config), architecture=architecture)
        paths = [wanted.parent / name for name in host.files.list(wanted.parent)]
        stats = [(path, host.files.stat(path)) for path in paths]
        found = [(path, stat) for path, stat in stats if stat is not None and stat.kind == "file"]
        newest = sorted(found, key=lambda item: item[1].modified, reverse=True)
        young = host.clock.now().timestamp() - _OLD_SECONDS
        return ArchiveFacts(
            wanted=wanted,
            archives=tuple(path for path, _ in newest if is_archive(path.name)),
            leftovers=tuple(
                path for path, stat in newest if is_leftover(path.name) and stat.modified < young
            ),
        )

    def plan(self, facts: ArchiveFacts, config: BotConfig) -> Plan:
        """Save a missing one; keep one more to go back to."""
        actions: list[Action] = [
            RemovePath(path, "left by a write that was cut off") for path in facts.leftovers
        ]
        if facts.wanted not in facts.archives:
            actions.append(SaveImage(config.image_tag, facts.wanted))
        others = [path for path in facts.archives if path != facts.wanted]
        actions += [
            RemovePath(path, "not needed to go back") for path in others[KEPT_ARCHIVES - 1 :]
        ]
        return Plan(f"{config.image_tag} is on the share", tuple(actions))
