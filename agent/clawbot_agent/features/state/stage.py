"""Stage `state`: the bot data, where the gateway's user finds it."""

from clawbot_agent.config.model import BotConfig
from clawbot_agent.core.errors import ClawbotError
from clawbot_agent.engine.stage import Phase, Plan, Stage
from clawbot_agent.features.state import directory, image, shared
from clawbot_agent.features.state.directory import LocalFacts
from clawbot_agent.features.state.errors import StateNoSpaceError
from clawbot_agent.features.state.image import ImageFacts
from clawbot_agent.features.state.shared import SharedFacts
from clawbot_agent.host import Host

StateFacts = LocalFacts | ImageFacts | SharedFacts


class StateStage(Stage[StateFacts]):
    """A private directory for the bot data, mounted from the share unless the backend is local."""

    name = "state"
    title = "State directory"
    phase = Phase.NODE
    needs = ("share", "lease")
    # copying the data image, e2fsck and draining the gateway may all happen in one run
    budget = 1500
    typical = 8
    # the share below it may fail again soon
    repairs_back_off = False

    def probe(self, host: Host, config: BotConfig) -> StateFacts:
        """Read what the configured backend consists of."""
        match config.state_backend:
            case "image":
                return image.probe(host, config)
            case "share":
                return shared.probe(host, config)
            case "local":
                return directory.probe_local(host, config)

    def plan(self, facts: StateFacts, config: BotConfig) -> Plan:
        """Plan with the backend's own planner."""
        match facts:
            case ImageFacts():
                return image.plan(facts, config)
            case SharedFacts():
                return shared.plan(facts, config)
            case LocalFacts():
                return directory.plan_local(facts, config)

    def backs_off(self, error: ClawbotError) -> bool:
        """Do not back off for a full share: its quota is raised in Azure, and a retry is cheap."""
        return super().backs_off(error) and not isinstance(error, StateNoSpaceError)
