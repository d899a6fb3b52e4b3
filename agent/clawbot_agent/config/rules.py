"""The base of every section, and rules for single values: each refusal says what is allowed."""

import ipaddress
import json
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any, Final, NoReturn

import idna
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Strict,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from clawbot_agent.config.problems import shown
from clawbot_agent.core.paths import CACHE_DIR, EVENTS_FILE, IMAGE_BUILD_DIR, SECRETS_DIR

# a YAML list becomes an immutable tuple; the items themselves stay strictly checked
LISTED: Final = Strict(strict=False)


class Section(BaseModel):
    """A mapping with known keys only, immutable after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_default(cls, data: Any) -> Any:  # noqa: ANN401  # pydantic's protocol
        # a section whose keys are all commented out reads as null
        return {} if data is None else data


def refuse(problem: str, *, at: str = "") -> NoReturn:
    """Refuse a value with a complete sentence; `at` names the sub-key of a cross-check."""
    # the sentence travels as context: pydantic would read braces in it as a template
    kind = "clawbot"
    raise PydanticCustomError(kind, "{problem}", {"problem": problem, "at": at})


@dataclass(frozen=True, slots=True)
class Must:
    """A string rule: the whole value matches `pattern`, else `wording` says what it must be."""

    pattern: str
    wording: str

    def check(self, value: str) -> str:
        """Return the value, or refuse it."""
        # fullmatch: "$" alone would let a trailing newline through
        if not re.fullmatch(self.pattern, value):
            refuse(f"{self.wording}, not {shown(value)}")
        return value

    def __get_pydantic_core_schema__(
        self,
        source: Any,  # noqa: ANN401  # pydantic's protocol
        handler: GetCoreSchemaHandler,
    ) -> CoreSchema:
        """Check after pydantic has checked that the value is text."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self,
        schema: CoreSchema,
        handler: GetJsonSchemaHandler,
    ) -> JsonSchemaValue:
        """Publish the pattern."""
        return {**handler(schema), "pattern": self.pattern}


_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DOMAIN_LENGTH: Final = 253
_DEFAULT_PORTS: Final = {"https": "443", "http": "80"}
_MAX_PORT: Final = 65535


def domain(value: str) -> str:
    """Accept a DNS name of two or more ASCII labels; returns it in lower case."""
    name = value.lower()
    if not name.isascii():
        refuse(f"must be an ASCII DNS name{_ascii_hint(name)}, not {shown(value)}")
    labels = name.split(".")
    if len(name) > _DOMAIN_LENGTH or len(labels) == 1 or not all(map(_LABEL.fullmatch, labels)):
        wording = "must be a full DNS name such as bot.example.org, without port, path or wildcard"
        refuse(f"{wording}, not {shown(value)}")
    if labels[-1].isdigit():
        refuse(f"must be a DNS name, not the address {shown(value)}; null serves plain :80")
    for label in labels:
        if label.startswith("xn--"):
            _check_punycode(label)
    return name


def _check_punycode(label: str) -> None:
    try:
        idna.decode(label)
    except (idna.IDNAError, UnicodeError):
        refuse(f"has a label that is not valid IDNA: {shown(label)}")


def _ascii_hint(name: str) -> str:
    try:
        return f" ({idna.encode(name).decode('ascii')})"
    except (idna.IDNAError, UnicodeError):
        return ""


def email(value: str) -> str:
    """Accept a plain mail address; characters special to a Caddyfile are refused."""
    local, at, host = value.rpartition("@")
    if not at or not re.fullmatch(r"[A-Za-z0-9._%+-]{1,64}", local):
        refuse(f"must be a mail address such as ops@example.org, not {shown(value)}")
    return f"{local}@{domain(host)}"


def origin(value: str) -> str:
    """Accept a web origin in the form in which browsers send it."""
    found = re.fullmatch(r"(https?)://([^/\s:@?#]+)(?::([0-9]{1,5}))?", value)
    if not found:
        refuse(f"must be an origin such as https://bot.example.org:8443, not {shown(value)}")
    scheme, host, port = found.groups()
    if port is not None and (port == _DEFAULT_PORTS[scheme] or not 0 < int(port) <= _MAX_PORT):
        refuse(f"must have no default or impossible port (browsers omit it), not {shown(value)}")
    name = host if host == "localhost" or _is_ipv4(host) else domain(host)
    return f"{scheme}://{name}" + (f":{int(port)}" if port else "")


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


# the agent writes there as root: a mistake must not give a container a system directory
_NEVER_BELOW: Final = frozenset(
    {"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/run", "/sbin"}
    | {"/sys", "/usr", "/var/lib/docker", "/var/lib/containerd"}
    | {"/tmp"}  # noqa: S108  # refused here, not used
    # the agent's own: secrets would become visible in the gateway
    | {str(own) for own in (SECRETS_DIR, IMAGE_BUILD_DIR, CACHE_DIR, EVENTS_FILE.parent)}
)
_NEVER_ITSELF: Final = frozenset(
    {"/home", "/media", "/mnt", "/opt", "/root", "/srv", "/var", "/var/cache", "/var/lib"}
    | {"/var/log", "/var/spool", "/var/lib/clawbot"}
    | {"/var/tmp"}  # noqa: S108  # refused here, not used
)
PATH_PATTERN: Final = r"^(/[A-Za-z0-9_@+][A-Za-z0-9._@+-]*)+$"


def plain_path(value: str) -> str:
    """Accept an absolute, normalized path."""
    if len(value) > 200 or not re.fullmatch(PATH_PATTERN, value):  # noqa: PLR2004  # said below
        wording = "must be an absolute path of at most 200 plain characters without . or .. parts"
        refuse(f"{wording}, not {shown(value)}")
    return value


def data_path(value: str) -> str:
    """Accept an absolute, normalized directory that belongs to the bot alone."""
    plain_path(value)
    path = PurePosixPath(value)
    below = {str(parent) for parent in (path, *path.parents)}
    if value in _NEVER_ITSELF or below & _NEVER_BELOW:
        refuse(f"must be a directory of its own, not the system's or the agent's {shown(value)}")
    return value


_HOST: Final = (
    r"(?:localhost|[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+|[a-zA-Z0-9-]+(?=:[0-9]))(?::[0-9]+)?/"
)
_PART: Final = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
REFERENCE_PATTERN: Final = (
    rf"^(?:{_HOST})?{_PART}(?:/{_PART})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[a-f0-9]{64})?$"
)
_REFERENCE_LENGTH: Final = 400


def image_reference(value: str) -> str:
    """Accept a docker image reference that names a tag other than latest, or a digest."""
    # length first: the pattern's cost grows with it
    if len(value) > _REFERENCE_LENGTH or not re.fullmatch(REFERENCE_PATTERN, value):
        refuse(f"must be an image reference such as node:24-trixie-slim, not {shown(value)}")
    name, _, digest = value.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    if not digest and tag in {"", "latest"}:
        refuse(f"must name a tag (not latest) or a sha256 digest, not {shown(value)}")
    return value


def https_url(value: str) -> str:
    """Accept an https URL without credentials, query or fragment."""
    if not re.fullmatch(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~%+-]+)+", value):
        refuse(f"must be a plain https:// URL of the package, not {shown(value)}")
    return value


Domain = Annotated[str, AfterValidator(domain)]
Email = Annotated[str, AfterValidator(email)]
Origin = Annotated[str, AfterValidator(origin)]
PlainPath = Annotated[str, AfterValidator(plain_path)]
DataPath = Annotated[str, AfterValidator(data_path)]
ImageReference = Annotated[str, AfterValidator(image_reference)]
HttpsUrl = Annotated[str, AfterValidator(https_url)]
Sha256 = Annotated[str, Must(r"^[0-9a-f]{64}$", "must be 64 lower-case hex characters")]


def json_object_problem(text: str) -> str:
    """Return why a fragment of openclaw.json is not a JSON object; empty when it is one.

    The fragment may hold secrets, so the problem never quotes it.
    """
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
    except ValueError as error:
        # the parser's message can quote the document; the line number cannot
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        return f"is not JSON{where}"
    except RecursionError:
        return "is nested too deeply"
    if not isinstance(found, dict):
        return f"holds a JSON {type(found).__name__}, not an object"
    return ""


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(constant)
