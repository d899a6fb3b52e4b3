"""Azure Resource Manager without Azure: real protocol, Microsoft's schemas, and faults on demand.

Knows nothing of the product. In a process of its own it is one of the bench's services
(`tests.bench.azure.serve`); in a test's process it is `FakeArm`::

    with FakeArm() as arm:
        client = ComputeManagementClient(
            arm.credential(), SUBSCRIPTION_ID, base_url=arm.url, connection_verify=arm.ca_file
        )
        arm.faults.add("429", method="PUT", path="virtualNetworks")
"""

from tests.bench.arm.fake import FakeArm
from tests.bench.arm.faults import Fault, FaultKind
from tests.bench.arm.machines import InMemoryMachines, Instance, Machines, Model, Output

__all__ = [
    "FakeArm",
    "Fault",
    "FaultKind",
    "InMemoryMachines",
    "Instance",
    "Machines",
    "Model",
    "Output",
]
