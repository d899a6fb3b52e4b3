"""The wire server: as much as an agent needs to learn its goal state and report health.

Shape: canonical/cloud-init, sources/helpers/azure.py, and Azure/WALinuxAgent, protocol/wire.py.
Knobs: ``script`` (statuses for the next requests), ``down`` (connections are dropped).
"""

from collections.abc import Mapping
from typing import Final

from tests.bench.azure.imds_document import SCALE_SET
from tests.bench.azure.knobs import Knobs
from tests.bench.azure.messages import DROP, Reply, Request

_XML: Final = ("Content-Type", "text/xml; charset=utf-8")
_VERSIONS: Final = """\
<?xml version="1.0" encoding="utf-8"?>
<Versions>
  <Preferred><Version>2015-04-05</Version></Preferred>
  <Supported><Version>2015-04-05</Version><Version>2012-11-30</Version></Supported>
</Versions>
"""
_GOAL_STATE: Final = f"""\
<?xml version="1.0" encoding="utf-8"?>
<GoalState xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <Version>2012-11-30</Version>
  <Incarnation>1</Incarnation>
  <Machine>
    <ExpectedState>Started</ExpectedState>
    <StopRolesDeadlineHint>300000</StopRolesDeadlineHint>
    <ExpectHealthReport>FALSE</ExpectHealthReport>
  </Machine>
  <Container>
    <ContainerId>4f1c6a52-7b0d-4c1e-9f2a-6d8e0b3c5a71</ContainerId>
    <RoleInstanceList>
      <RoleInstance>
        <InstanceId>{SCALE_SET}_0</InstanceId>
        <State>Started</State>
      </RoleInstance>
    </RoleInstanceList>
  </Container>
</GoalState>
"""


class WireServer:
    """Answers at 168.63.129.16."""

    def __init__(self) -> None:
        self.knobs = Knobs(script=[], down=False)

    def change(self, state: Mapping[str, object]) -> None:
        """Take a state change."""
        self.knobs.change(state)

    def snapshot(self) -> dict[str, object]:
        """The knobs."""
        return self.knobs.snapshot()

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        if self.knobs["down"]:
            return DROP
        if status := self.knobs.next_status():
            return Reply(status)
        known = {
            ("GET", "", "versions"): _xml(_VERSIONS),
            ("GET", "machine", "goalstate"): _xml(_GOAL_STATE),
            ("POST", "machine", "health"): Reply(200),
        }
        asked = (request.method, request.path.strip("/"), request.parameter("comp") or "")
        return known.get(asked, Reply(404))


def _xml(text: str) -> Reply:
    return Reply(200, (_XML,), text.encode())
