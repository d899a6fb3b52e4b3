"""Azure Resource Manager without Azure: real protocol, Microsoft's schemas, and faults on demand.

Knows nothing of the product. In a process of its own it is one of the bench's services
(`tests.bench.azure.serve`), with nothing but Python; in a test's process it is `fake.FakeArm`::

    with FakeArm() as arm:
        client = ComputeManagementClient(
            arm.credential(), SUBSCRIPTION_ID, base_url=arm.url, connection_verify=arm.ca_file
        )
        arm.faults.add("429", method="PUT", path="virtualNetworks")
"""
