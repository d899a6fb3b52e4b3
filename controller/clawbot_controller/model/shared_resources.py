"""Resources that the bots of one resource group share: the group, a network and a vault; free."""

from typing import Final

from clawbot_controller.deployment.names import Place, SharedNames
from clawbot_controller.model.resource import Principal, Resource, Role, assignment

# marks what the controller created for a group, or the group itself, and may therefore delete
GROUP_TAG: Final = "clawbot-group"
_OWN_TAG: Final = {GROUP_TAG: "shared by the bots of this group"}


def shared_resources(
    place: Place, region: str, *, tenant: str, operator: Principal | None
) -> tuple[Resource, ...]:
    """Return the shared resources and the operator's right to write secrets, in order."""
    names = SharedNames(place)
    resources = (
        _resource_group(place, region),
        _security_group(names, region).tagged(_OWN_TAG),
        _network(names, region).tagged(_OWN_TAG),
        _subnet(names),
        _vault(names, region, tenant).tagged(_OWN_TAG),
    )
    return resources if operator is None else (*resources, operator_role(place, operator))


def operator_role(place: Place, operator: Principal) -> Resource:
    """Return the operator's right to write the secrets of the group's bots."""
    scope = SharedNames(place).vault_id
    return assignment(scope=scope, role=Role.SECRETS_OFFICER, principal=operator, assignee="you")


def _resource_group(place: Place, region: str) -> Resource:
    # an existing group is used unchanged
    return Resource(
        id=place.id,
        body={"location": region, "tags": {GROUP_TAG: "made by clawbot-controller"}},
        description=f"resource group in {region}",
        create_only=frozenset({"location", "tags"}),
    )


def _security_group(names: SharedNames, region: str) -> Resource:
    # Azure's last default rule denies everything else
    rule = {
        "name": "web",
        "properties": {
            "priority": 100,
            "direction": "Inbound",
            "access": "Allow",
            "protocol": "Tcp",
            "sourceAddressPrefix": "Internet",
            "sourcePortRange": "*",
            "destinationAddressPrefix": "*",
            "destinationPortRanges": ["80", "443"],
        },
    }
    return Resource(
        id=names.security_group_id,
        body={"location": region, "properties": {"securityRules": [rule]}},
        description="network security group: TCP 80 and 443 in, nothing else",
    )


def _network(names: SharedNames, region: str) -> Resource:
    return Resource(
        id=names.network_id,
        body={
            "location": region,
            "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}},
        },
        description="virtual network 10.0.0.0/16",
        # a PUT would replace the list of subnets, which is not in this body, and other additions
        create_only=frozenset({"properties"}),
    )


def _subnet(names: SharedNames) -> Resource:
    return Resource(
        id=names.subnet_id,
        body={
            "properties": {
                "addressPrefix": "10.0.1.0/24",
                # instances connect from their own public addresses
                "defaultOutboundAccess": False,
                "networkSecurityGroup": {"id": names.security_group_id},
                # traffic to storage and vault stays inside Azure
                "serviceEndpoints": [
                    {"service": "Microsoft.Storage"},
                    {"service": "Microsoft.KeyVault"},
                ],
            }
        },
        description="subnet 10.0.1.0/24",
    )


def _vault(names: SharedNames, region: str, tenant: str) -> Resource:
    return Resource(
        id=names.vault_id,
        body={
            "location": region,
            "properties": {
                "tenantId": tenant,
                "sku": {"family": "A", "name": "standard"},
                # required, although only roles are used
                "accessPolicies": [],
                "enableRbacAuthorization": True,
                "enableSoftDelete": True,
                # the minimum
                "softDeleteRetentionInDays": 7,
                # open to the internet for the operator; a role on each secret protects it
                "networkAcls": {"bypass": "AzureServices", "defaultAction": "Allow"},
            },
        },
        description="Key Vault with role-based access",
        create_only=frozenset({"properties.accessPolicies"}),
    )
