"""Azure Resource Manager without Azure: real protocol, Microsoft's schemas, and faults on demand.

Independent of the product. In its own process it is one of the bench's services
(`tests.bench.azure.serve`) and needs only Python; in a test's process it is `fake.FakeArm`::

    with FakeArm() as arm:
        client = ComputeManagementClient(
            arm.credential(), SUBSCRIPTION_ID, base_url=arm.url, connection_verify=arm.ca_file
        )
        arm.faults.add("429", method="PUT", path="virtualNetworks")
"""
