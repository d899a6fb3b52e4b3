"""What the bots of one resource group share: the group, a network, a vault; not billed."""

from typing import Final

from clawbot_controller.deployment.names import Place, SharedNames
from clawbot_controller.model.resource import Resource

__all__ = ["GROUP_TAG", "network", "resource_group", "security_group", "subnet", "vault"]

# marks what the controller made for a group, or the group itself, and so may remove
GROUP_TAG: Final = "clawbot-group"


def resource_group(place: Place, region: str) -> Resource:
    """The resource group; one that is there already is taken as it is."""
    return Resource(
        id=place.id,
        body={"location": region, "tags": {GROUP_TAG: "made by clawbot-controller"}},
        says=f"resource group in {region}",
        once=frozenset({"location", "tags"}),
    )


def security_group(place: Place, region: str) -> Resource:
    """HTTP and HTTPS from everywhere, and nothing else: Azure's own last rule denies the rest."""
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
        id=SharedNames(place).security_group_id,
        body={"location": region, "properties": {"securityRules": [rule]}},
        says="network security group: TCP 80 and 443 in, nothing else",
    )


def network(place: Place, region: str) -> Resource:
    """The network; once it is there, what others add to it is theirs."""
    return Resource(
        id=SharedNames(place).network_id,
        body={
            "location": region,
            "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}},
        },
        says="virtual network 10.0.0.0/16",
        # a PUT would replace the list of subnets, which is not in this body
        once=frozenset({"properties"}),
    )


def subnet(place: Place) -> Resource:
    """The bots' subnet, whose ways to storage and vault stay inside Azure."""
    names = SharedNames(place)
    return Resource(
        id=names.subnet_id,
        body={
            "properties": {
                "addressPrefix": "10.0.1.0/24",
                # the instances' own public addresses are the way out
                "defaultOutboundAccess": False,
                "networkSecurityGroup": {"id": names.security_group_id},
                "serviceEndpoints": [
                    {"service": "Microsoft.Storage"},
                    {"service": "Microsoft.KeyVault"},
                ],
            }
        },
        says="subnet 10.0.1.0/24",
    )


def vault(place: Place, region: str, tenant: str) -> Resource:
    """The vault, whose rights are role assignments; 7 days of soft delete, the shortest there is.

    It is open to the internet, since the operator's laptop writes to it: what protects a secret is
    the role on that secret.
    """
    return Resource(
        id=SharedNames(place).vault_id,
        body={
            "location": region,
            "properties": {
                "tenantId": tenant,
                "sku": {"family": "A", "name": "standard"},
                # required, though roles alone count
                "accessPolicies": [],
                "enableRbacAuthorization": True,
                "enableSoftDelete": True,
                "softDeleteRetentionInDays": 7,
                "networkAcls": {"bypass": "AzureServices", "defaultAction": "Allow"},
            },
        },
        says="Key Vault with role-based access",
        once=frozenset({"properties.accessPolicies"}),
    )
