"""The state: resources by id, and their operations."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.bench.arm.errors import no_group, not_found
from tests.bench.arm.faults import Faults
from tests.bench.arm.machines import Instance, Machines
from tests.bench.arm.operations import Operation, Operations, Status
from tests.bench.arm.paths import GROUPS, parse
from tests.bench.azure.knobs import Knobs

if TYPE_CHECKING:
    # kinds import the world they are in
    from tests.bench.arm.kinds import Kind

SUCCEEDED: Final = "Succeeded"
OPERATOR_ID: Final = "9d2e6f40-5b1a-4c83-8e57-1f0a6c3b7d92"
"""Object id of the operator of the subscription."""
OPERATOR_CLIENT_ID: Final = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"


class _Knobs(Knobs):
    """Reset the knobs and the planned faults."""

    def __init__(self, plan: Faults, **defaults: object) -> None:
        self._plan = plan
        super().__init__(**defaults)

    def reset(self) -> None:
        super().reset()
        self._plan.clear()


def _knobs(plan: Faults) -> Knobs:
    """The adjustable state of the service; see `service.Arm`."""
    return _Knobs(
        plan,
        script=[],
        forbidden_for=0.0,
        retry_after=1,
        down=False,
        faults=[],
        lro_polls=1,
        lro_retry_after=0,
        denied=[],
        propagation=0.0,
        directory_delay=30.0,
        unregistered=[],
        unavailable_sizes=[],
    )


@dataclass(slots=True)
class Resource:
    """One resource.

    Args:
        id: in the case of its creation.
        type_name: in its provider's case.
        content: the body of its GET, without the common parts.
        state: its provisioningState.
        created: seconds since the epoch.
        private: data that is not returned.
    """

    id: str
    type_name: str
    content: dict[str, Any]
    state: str
    created: float
    private: dict[str, Any] = field(default_factory=dict)
    operation: Operation | None = None
    etag: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def name(self) -> str:
        """The last part of its id."""
        return self.id.rpartition("/")[2]

    @property
    def properties(self) -> dict[str, Any]:
        """Its properties, mutable."""
        found: dict[str, Any] = self.content.setdefault("properties", {})
        return found

    def look(self) -> None:
        """Count a poll of its operation."""
        if self.operation is not None and self.operation.look() is not Status.RUNNING:
            self.operation = None


class World:
    """All resources and operations.

    Args:
        machines: behind the instances of scale sets.
        clock: seconds since the epoch.
    """

    def __init__(self, machines: Machines, clock: Callable[[], float] = time.time) -> None:
        self.machines = machines
        self.clock = clock
        self.faults = Faults()
        self.knobs = _knobs(self.faults)
        self.lock = threading.RLock()
        # ends simulated timeouts
        self.closing = threading.Event()
        self.operations = Operations(lambda: int(self.knobs["lro_polls"]))
        self.resources: dict[str, Resource] = {}
        self.deleted_vaults: dict[str, Resource] = {}
        self.registering: dict[str, int] = {}
        # kinds of resources, by type in lower case
        self.kinds: dict[str, Kind] = {}
        # signature → instance whose console log it opens
        self.blobs: dict[str, Instance] = {}

    def find(self, identifier: str) -> Resource | None:
        """Return the resource with this id, ignoring case; None if missing."""
        return self.resources.get(identifier.lower())

    def require(self, identifier: str) -> Resource:
        """Return the resource with this id.

        Raises:
            ArmError: there is none.
        """
        found = self.find(identifier)
        if found is None:
            target = parse(identifier)
            if target.type_name.lower() == GROUPS.lower():
                raise no_group(target.name)
            raise not_found(target.type_name, "/".join(target.names), target.group)
        return found

    def of_type(self, type_name: str, *, scope: str = "") -> list[Resource]:
        """Return all resources of a type at or below a scope, oldest first."""
        return [item for item in self.under(scope) if item.type_name.lower() == type_name.lower()]

    def under(self, scope: str) -> Iterator[Resource]:
        """Return all resources at or below a scope."""
        start = scope.lower().rstrip("/")
        for key, item in list(self.resources.items()):
            if not start or key == start or key.startswith(f"{start}/"):
                yield item

    def add(self, resource: Resource) -> Resource:
        """Store a resource; it replaces one with the same id."""
        self.resources[resource.id.lower()] = resource
        return resource

    def remove(self, identifier: str) -> None:
        """Remove a resource and all below it, including role assignments."""
        for item in list(self.under(identifier)):
            del self.resources[item.id.lower()]

    def unregistered(self, namespace: str) -> bool:
        """Return whether a provider is not registered."""
        return namespace.lower() in {name.lower() for name in self.knobs["unregistered"]}
