"""All kinds of resources."""

from typing import Final

from tests.bench.arm import storage, vaults
from tests.bench.arm.authorization import RoleAssignments
from tests.bench.arm.catalog import Skus
from tests.bench.arm.identity import Identities
from tests.bench.arm.instance_kinds import (
    Addresses,
    Disks,
    FlexibleInstances,
    UniformInstances,
)
from tests.bench.arm.kinds import Kind
from tests.bench.arm.network import (
    Interfaces,
    Prefixes,
    SecurityGroups,
    SecurityRules,
    Subnets,
    VirtualNetworks,
)
from tests.bench.arm.permissions import Permissions
from tests.bench.arm.scale_sets import ScaleSets
from tests.bench.arm.subscription import Groups, Providers, Subscriptions

PROVIDERS: Final = Providers()
KINDS: Final[tuple[Kind, ...]] = (
    Subscriptions(),
    Groups(),
    Addresses(),
    Disks(),
    FlexibleInstances(),
    Identities(),
    Interfaces(),
    Permissions(),
    Prefixes(),
    RoleAssignments(),
    ScaleSets(),
    SecurityGroups(),
    SecurityRules(),
    Skus(),
    Subnets(),
    UniformInstances(),
    VirtualNetworks(),
    storage.Accounts(),
    storage.FileServices(),
    storage.NameCheck(),
    storage.Shares(),
    vaults.DeletedVaultList(),
    vaults.DeletedVaults(),
    vaults.NameCheck(),
    vaults.Vaults(),
)
