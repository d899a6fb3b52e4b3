"""The wire server, as far as agents need it for their goal state and health reports.

Shape: canonical/cloud-init, sources/helpers/azure.py, and Azure/WALinuxAgent, protocol/wire.py.
Knobs: ``script`` (statuses for the next requests), ``down`` (connections are dropped).
``instances`` maps a client address to the instance there, ``{"name"}``; null removes it and its
reports. The state's ``health`` lists the reports, oldest first.
"""

import re
import threading
import time
import uuid
from collections.abc import Mapping
from typing import Final

from tests.bench.azure.imds_document import SCALE_SET
from tests.bench.azure.knobs import Knobs, split_registrations
from tests.bench.azure.messages import DROP, Reply, Request

_XML: Final = ("Content-Type", "text/xml; charset=utf-8")
_VERSIONS: Final = """\
<?xml version="1.0" encoding="utf-8"?>
<Versions>
  <Preferred><Version>2015-04-05</Version></Preferred>
  <Supported><Version>2015-04-05</Version><Version>2012-11-30</Version></Supported>
</Versions>
"""
_GOAL_STATE: Final = """\
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
    <ContainerId>{container}</ContainerId>
    <RoleInstanceList>
      <RoleInstance>
        <InstanceId>{instance}</InstanceId>
        <State>Started</State>
      </RoleInstance>
    </RoleInstanceList>
  </Container>
</GoalState>
"""


_REPORTED: Final = ("State", "SubStatus", "Description")


class WireServer:
    """Serves 168.63.129.16."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[str, str] = {}
        self._health: list[dict[str, object]] = []
        self.knobs = Knobs(script=[], down=False)

    def change(self, state: Mapping[str, object]) -> None:
        """Apply a state change."""
        knobs, instances = split_registrations(state, "instances", ("name",))
        self.knobs.change(knobs)
        with self._lock:
            for address, instance in instances.items():
                self._health = [item for item in self._health if item["client"] != address]
                if instance is None:
                    self._names.pop(address, None)
                else:
                    self._names[address] = instance["name"]

    def snapshot(self) -> dict[str, object]:
        """Return the knobs, the instances and their reports."""
        with self._lock:
            known = {"instances": dict(self._names), "health": list(self._health)}
        return {**self.knobs.snapshot(), **known}

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        if self.knobs["down"]:
            return DROP
        if status := self.knobs.next_status():
            return Reply(status)
        match (request.method, request.path.strip("/"), request.parameter("comp")):
            case ("GET", "", "versions"):
                return _xml(_VERSIONS)
            case ("GET", "machine", "goalstate"):
                return _xml(self._goal_state(request.client))
            case ("POST", "machine", "health"):
                self._remember(request)
                return Reply(200)
        return Reply(404)

    def _goal_state(self, client: str) -> str:
        container = uuid.uuid5(uuid.NAMESPACE_DNS, client)
        instance = self._names.get(client, f"{SCALE_SET}_0")
        return _GOAL_STATE.format(container=container, instance=instance)

    def _remember(self, request: Request) -> None:
        text = request.body.decode(errors="replace")
        found = {tag: re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL) for tag in _REPORTED}
        report: dict[str, object] = {
            tag.lower(): match.group(1) for tag, match in found.items() if match
        }
        with self._lock:
            self._health.append({"client": request.client, "time": time.time(), **report})


def _xml(text: str) -> Reply:
    return Reply(200, (_XML,), text.encode())
