"""Microsoft.Network: virtual networks, security groups, public addresses."""

from typing import Any, ClassVar, Final

from tests.bench.arm.calls import Call, Style, same_location
from tests.bench.arm.errors import ArmError, bad
from tests.bench.arm.kinds import Kind
from tests.bench.arm.world import SUCCEEDED, Resource

_NAMESPACE: Final = "Microsoft.Network"
SUBNETS: Final = f"{_NAMESPACE}/virtualNetworks/subnets"
RULES: Final = f"{_NAMESPACE}/networkSecurityGroups/securityRules"
PREFIXES: Final = f"{_NAMESPACE}/publicIPPrefixes"
ADDRESSES: Final = f"{_NAMESPACE}/publicIPAddresses"
INTERFACES: Final = f"{_NAMESPACE}/networkInterfaces"
_HOLDING: Final = ("Microsoft.Network/", "Microsoft.Compute/")
_RULES_FROM: Final = 100
_RULES_TO: Final = 4096


class _Network(Kind):
    """Common base of this provider's resources."""

    style = Style.ASYNC
    # property → type of the children that it contains
    children: ClassVar[tuple[str, str] | None] = None

    def made(self, call: Call, body: dict[str, Any], old: Resource | None) -> dict[str, Any]:
        """Return the content without children; references must exist."""
        same_location(body, old)
        content = super().made(call, body, old)
        references(call, content)
        if self.children:
            content["properties"] = {
                name: value
                for name, value in content.get("properties", {}).items()
                if name != self.children[0]
            }
        return content

    def sent(self, old: Resource) -> dict[str, Any]:
        """Return the body with the children that a change does not mention."""
        return old.content

    def stored(self, call: Call, new: Resource, body: dict[str, Any]) -> None:
        """Create the children in the body and delete others."""
        if self.children is None:
            return
        name, type_name = self.children
        given = body.get("properties", {}).get(name)
        if given is None:
            return
        wanted = {f"{new.id}/{name}/{child['name']}".lower(): child for child in given}
        for child in call.world.of_type(type_name, scope=new.id):
            if child.id.lower() not in wanted:
                unused(call, child)
                call.world.remove(child.id)
        for child in wanted.values():
            identifier = f"{new.id}/{name}/{child['name']}"
            content = {"properties": child.get("properties", {})}
            made = Resource(identifier, type_name, content, SUCCEEDED, call.world.clock())
            call.world.add(made)

    def before_delete(self, call: Call, found: Resource) -> None:
        """Refuse if the resource or a child is in use."""
        for item in call.world.under(found.id):
            unused(call, item)

    def shown(self, call: Call, resource: Resource) -> dict[str, Any]:
        """Return the resource with its children."""
        shown = super().shown(call, resource)
        if self.children:
            name, type_name = self.children
            kind = call.world.kinds[type_name.lower()]
            found = call.world.of_type(type_name, scope=resource.id)
            shown["properties"][name] = [kind.shown(call, child) for child in found]
        return shown


class VirtualNetworks(_Network):
    """Virtual networks."""

    name = f"{_NAMESPACE}/virtualNetworks"
    children = ("subnets", SUBNETS)

    def made(self, call: Call, body: dict[str, Any], old: Resource | None) -> dict[str, Any]:
        """Require an address space."""
        space = body.get("properties", {}).get("addressSpace", {})
        if not space.get("addressPrefixes") and not space.get("ipamPoolPrefixAllocations"):
            raise bad("The virtual network has no address space.", "InvalidRequestFormat")
        for subnet in body["properties"].get("subnets") or []:
            references(call, subnet)
        return super().made(call, body, old)


class Subnets(_Network):
    """Subnets."""

    name = SUBNETS
    tracked = False


class SecurityGroups(_Network):
    """Network security groups."""

    name = f"{_NAMESPACE}/networkSecurityGroups"
    children = ("securityRules", RULES)

    def made(self, call: Call, body: dict[str, Any], old: Resource | None) -> dict[str, Any]:
        """Require valid rules with distinct priorities."""
        rules = body.get("properties", {}).get("securityRules") or []
        seen = set()
        for rule in rules:
            properties = rule.get("properties", {})
            _good_rule(rule.get("name", ""), properties)
            place = (properties["direction"], properties["priority"])
            if place in seen:
                message = f"Security rule {rule['name']} has the same priority and direction."
                raise bad(message, "SecurityRuleConflict")
            seen.add(place)
        return super().made(call, body, old)

    def stored(self, call: Call, new: Resource, body: dict[str, Any]) -> None:
        """Delete all rules if the body has none."""
        given = {"securityRules": [], **body.get("properties", {})}
        super().stored(call, new, {**body, "properties": given})

    def sent(self, old: Resource) -> dict[str, Any]:
        """Return the body; only tags can be patched."""
        return old.content


class SecurityRules(_Network):
    """Security rules."""

    name = RULES
    tracked = False

    def made(self, call: Call, body: dict[str, Any], old: Resource | None) -> dict[str, Any]:
        """Require a valid rule."""
        _good_rule(call.target.name, body.get("properties", {}))
        return super().made(call, body, old)


class Prefixes(_Network):
    """Public IP prefixes."""

    name = PREFIXES

    def made(self, call: Call, body: dict[str, Any], old: Resource | None) -> dict[str, Any]:
        """Assign addresses."""
        if body.get("sku", {}).get("name") != "Standard":
            raise bad("A public IP prefix needs the Standard SKU.", "PublicIPPrefixSkuInvalid")
        content = super().made(call, body, old)
        length = content.get("properties", {}).get("prefixLength", 28)
        content.setdefault("properties", {})["ipPrefix"] = f"203.0.113.0/{length}"
        return content

    def validate(self, call: Call, body: dict[str, Any], *, partial: bool = False) -> None:
        """Refuse a change of the length."""
        super().validate(call, body, partial=partial)
        old = call.world.find(call.target.id)
        wanted = body.get("properties", {}).get("prefixLength")
        if old and wanted and wanted != old.properties["prefixLength"]:
            raise bad("PrefixLength cannot be changed.", "PublicIPPrefixLengthCannotBeChanged")


class Addresses(_Network):
    """Public IP addresses as resources: of Flexible instances, or separate ones."""

    name = ADDRESSES


class Interfaces(_Network):
    """Network interfaces of Flexible instances."""

    name = INTERFACES


def references(call: Call, content: dict[str, Any]) -> None:
    """Refuse a body with a reference to a missing resource.

    Raises:
        ArmError: 404 NotFound or 400 InvalidResourceReference.
    """
    for identifier in referred(content):
        if not identifier.lower().startswith("/subscriptions/"):
            raise bad(
                f"Value for reference id is missing or bad: {identifier!r}.", "LinkedInvalidId"
            )
        if call.world.find(identifier) is None:
            message = (
                f"Resource {identifier} referenced by resource {call.target.id} was not found. "
                "Please make sure that the referenced resource exists, and that both resources are "
                "in the same region."
            )
            raise bad(message, "InvalidResourceReference")


def referred(content: object) -> list[str]:
    """Return the ids of all objects in a body."""
    found: list[str] = []
    if isinstance(content, dict):
        found += [value for name, value in content.items() if name == "id" and value]
        for value in content.values():
            found += referred(value)
    elif isinstance(content, list):
        for value in content:
            found += referred(value)
    return found


def unused(call: Call, found: Resource) -> None:
    """Refuse to delete a resource with references to it.

    Raises:
        ArmError: 400 In…CannotBeDeleted.
    """
    for item in call.world.resources.values():
        # a storage account's network rule does not prevent a deletion
        if not item.type_name.startswith(_HOLDING):
            continue
        inside = item.id.lower().startswith(found.id.lower())
        if not inside and found.id.lower() in {each.lower() for each in referred(item.content)}:
            kind = found.type_name.rpartition("/")[2].removesuffix("s").removesuffix("e")
            code = f"InUse{kind[0].upper()}{kind[1:]}CannotBeDeleted"
            message = (
                f"{found.type_name} {found.name} is in use by {item.id} and cannot be deleted."
            )
            raise ArmError(400, code, message)


def _good_rule(name: str, properties: dict[str, Any]) -> None:
    priority = properties.get("priority", 0)
    if not _RULES_FROM <= priority <= _RULES_TO:
        message = f"Security rule {name} has invalid priority {priority}: 100 to 4096."
        raise bad(message, "SecurityRuleInvalidPriority")
    for end in ("source", "destination"):
        for what in ("PortRange", "AddressPrefix"):
            plural = f"{end}{what}s" if what == "PortRange" else f"{end}{what}es"
            groups = f"{end}ApplicationSecurityGroups"
            if not any(properties.get(key) for key in (f"{end}{what}", plural, groups)):
                message = f"Security rule {name} must have {end}{what} or {plural}."
                raise bad(message, "SecurityRuleParameterMissing")
