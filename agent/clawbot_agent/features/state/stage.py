"""The state: the bot's memory, where the gateway's user finds it."""

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.engine.stage import Phase, Plan, Stage
from clawbot_agent.features.state import image, local, shared
from clawbot_agent.features.state.errors import StateNoRoomError
from clawbot_agent.features.state.image import ImageFacts
from clawbot_agent.features.state.local import LocalFacts
from clawbot_agent.features.state.shared import SharedFacts
from clawbot_agent.host import Host

__all__ = ["StateStage"]

StateFacts = LocalFacts | ImageFacts | SharedFacts


class StateStage(Stage[StateFacts]):
    """A private directory for the bot's memory, mounted from the share unless it is local."""

    name = "state"
    title = "State directory"
    phase = Phase.NODE
    needs = ("share", "lease")
    # a copy of the image, e2fsck and a gateway that drains may all come together
    budget = 1500
    typical = 8
    # the share that it is on may be away again
    repairs_rest = False

    def probe(self, host: Host, config: BotConfig) -> StateFacts:
        """Look at what the backend is made of."""
        match config.state_backend:
            case "image":
                return image.look(host, config)
            case "share":
                return shared.look(host, config)
            case "local":
                return local.look(host, config)

    def plan(self, facts: StateFacts, config: BotConfig) -> Plan:
        """As the backend needs it."""
        match facts:
            case ImageFacts():
                return image.plan(facts, config)
            case SharedFacts():
                return shared.plan(facts, config)
            case LocalFacts():
                return local.plan(facts, config)

    def paced(self, error: ClawbotError) -> bool:
        """Room on the share is made by somebody in Azure; a look costs nothing."""
        return super().paced(error) and not isinstance(error, StateNoRoomError)
