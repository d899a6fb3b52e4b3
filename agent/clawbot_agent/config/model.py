"""BotConfig: the one description of a bot that agent and controller share."""

import ipaddress
from pathlib import PurePosixPath
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from clawbot_agent.config.machine import DockerConfig, SysboxConfig
from clawbot_agent.config.openclaw import Engines, OpenClawConfig, engines_for
from clawbot_agent.config.rules import LISTED, Domain, Email, Must, Origin, Section, refuse
from clawbot_agent.config.storage import Backend, SecretsConfig, ShareConfig, StateConfig

_UNITS: Final = {"m": 1024**2, "g": 1024**3}
_MINIMUM_MEMORY: Final = 1024**3

BotName = Annotated[
    str,
    Must(
        r"^(?!.*--)[a-z][a-z0-9-]{1,30}[a-z0-9]$",
        "must be 3 to 32 lower-case letters, digits and single dashes, starting with a letter "
        "and not ending with a dash",
    ),
]
ClientId = Annotated[
    str,
    Must(
        r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
        "must be the client id (a UUID) of the user-assigned managed identity",
    ),
]
VaultName = Annotated[
    str,
    Must(
        r"^(?!.*--)[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]$",
        "must be the vault's name alone: 3 to 24 letters, digits and single dashes",
    ),
]
MemorySize = Annotated[str, Must(r"^[1-9][0-9]{0,5}[mg]$", "must be a size such as 3g or 3072m")]


class CaddyConfig(Section):
    """The web server in front of the gateway."""

    domain: Domain | None = Field(
        default=None,
        description="DNS name to serve with automatic HTTPS; null = plain HTTP on port 80",
    )
    email: Email | None = Field(default=None, description="mail address of the ACME account")
    allowed_origins: Annotated[tuple[Origin, ...], LISTED] = Field(
        default=(),
        max_length=32,
        description="additional origins (scheme://host[:port]) that may use the control UI",
    )
    progress_page: bool = Field(
        default=True,
        description="show browsers a progress page while the gateway does not answer",
    )


class AzureConfig(Section):
    """The instance's managed identity and its Key Vault."""

    client_id: ClientId = Field(
        description="client id of the user-assigned managed identity",
        examples=["11111111-2222-3333-4444-555555555555"],
    )
    key_vault: VaultName = Field(description="name of the Key Vault", examples=["my-bot-vault"])
    key_vault_suffix: Literal["vault.azure.net", "vault.azure.cn", "vault.usgovcloudapi.net"] = (
        Field(default="vault.azure.net", description="DNS suffix of Key Vault in this cloud")
    )


class GatewayConfig(Section):
    """The OpenClaw gateway's container."""

    memory_limit: MemorySize | None = Field(
        default=None,
        description="container memory limit such as 3g (at least 1g); null = none",
    )
    ready_timeout: int = Field(
        default=180,
        ge=10,
        # twice this and a full drain fit into the stage's budget
        le=280,
        description="seconds after which a new gateway must be ready (/readyz)",
    )

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        limit = self.memory_limit_bytes
        if limit is not None and limit < _MINIMUM_MEMORY:
            refuse("must be at least 1g: an idle gateway alone takes 850 MB", at="memory_limit")
        return self

    @property
    def memory_limit_bytes(self) -> int | None:
        """The memory limit in bytes, as docker reports it; None without one."""
        if self.memory_limit is None:
            return None
        return int(self.memory_limit[:-1]) * _UNITS[self.memory_limit[-1]]


class LimitsConfig(Section):
    """Limits of a whole run."""

    run_deadline: int = Field(
        default=1800,
        ge=60,
        le=5400,
        description="seconds after which a run stops",
    )


class ReplacementConfig(Section):
    """When the agent stops requesting a replacement of the instance."""

    limit: int = Field(
        default=2,
        ge=1,
        le=10,
        description="replacements in a row with the same error after which no further replacement "
        "is requested",
    )
    window_hours: int = Field(
        default=24,
        ge=1,
        le=168,
        description="hours after which the failure of an instance no longer counts",
    )


class BotConfig(Section):
    """One OpenClaw bot on one instance. Holds no secrets, only their names."""

    name: BotName = Field(
        description="name of the bot: 3 to 32 lower-case letters, digits and single dashes",
        examples=["my-bot"],
    )
    openclaw: OpenClawConfig = OpenClawConfig()
    caddy: CaddyConfig = CaddyConfig()
    azure: AzureConfig | None = Field(
        description="The instance's managed identity and its Key Vault; optional when neither the "
        "secrets nor the share are in Azure."
    )
    secrets: SecretsConfig = SecretsConfig()
    share: ShareConfig = ShareConfig()
    state: StateConfig = StateConfig()
    docker: DockerConfig = DockerConfig()
    sysbox: SysboxConfig = SysboxConfig()
    gateway: GatewayConfig = GatewayConfig()
    limits: LimitsConfig = LimitsConfig()
    replacement: ReplacementConfig = ReplacementConfig()

    @model_validator(mode="before")
    @classmethod
    def _azure_where_it_is_needed(cls, data: Any) -> Any:  # noqa: ANN401  # pydantic's protocol
        if not isinstance(data, dict) or data.get("azure") is not None:
            return data
        absent = {key: value for key, value in data.items() if key != "azure"}
        # when it is absent, each missing key is reported, as for other sections
        return absent if _needs_azure(absent) else {**absent, "azure": None}

    @model_validator(mode="after")
    def _sections_fit(self) -> Self:
        share, state = PurePosixPath(self.share.path), PurePosixPath(self.state.path)
        if share.is_relative_to(state) or state.is_relative_to(share):
            refuse(f"must lie apart from share.path ({share})", at="state.path")
        if self.state.backend == "share" and self.share.azure_files is None:
            refuse("share needs share.kind: azure-files", at="state.backend")
        if self.gateway.ready_timeout >= self.limits.run_deadline:
            wording = f"must be less than limits.run_deadline ({self.limits.run_deadline})"
            refuse(f"{wording}, not {self.gateway.ready_timeout}", at="gateway.ready_timeout")
        return self

    @property
    def bridge_address(self) -> ipaddress.IPv4Address:
        """The address of the Docker bridge, the only proxy that the gateway trusts."""
        return ipaddress.IPv4Interface(self.docker.bip).ip

    @property
    def state_backend(self) -> Backend:
        """The state backend: as configured, or by the kind of share."""
        if self.state.backend is not None:
            return self.state.backend
        return "local" if self.share.azure_files is None else "image"

    @property
    def identity(self) -> AzureConfig:
        """The azure section, for stages that only a bot in Azure has.

        Raises:
            LookupError: there is no azure section.
        """
        if self.azure is None:
            msg = "this configuration has no azure section"
            raise LookupError(msg)
        return self.azure

    @property
    def vault_url(self) -> str:
        """Base URL of the Key Vault, without a trailing slash; raises as `identity`."""
        return f"https://{self.identity.key_vault}.{self.identity.key_vault_suffix}"

    @property
    def image_tag(self) -> str:
        """The gateway's container image: the one built here, or the pulled reference."""
        reference = self.openclaw.image.reference
        return reference or f"clawbot/openclaw:{self.openclaw.version}"

    @property
    def base_image(self) -> str:
        """The Node.js image to build on; the release's default when the image is pulled."""
        return self.openclaw.image.base or self.engines.base

    @property
    def engines(self) -> Engines:
        """The Node.js that the OpenClaw release needs."""
        return engines_for(self.openclaw.version)

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """The origins that may use the control UI, each once, the domain's own first."""
        own = (f"https://{self.caddy.domain}",) if self.caddy.domain else ()
        return tuple(dict.fromkeys((*own, *self.caddy.allowed_origins)))


def _needs_azure(data: dict[str, Any]) -> bool:
    """Return whether a configuration, as read, names anything in Azure."""
    secrets, share = data.get("secrets"), data.get("share")
    local_secrets = isinstance(secrets, dict) and secrets.get("source") == "directory"
    in_azure = isinstance(share, dict) and share.get("kind") == "azure-files"
    return in_azure or not local_secrets
