"""The `share`, `state` and `secrets` sections: what outlives the instance."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from clawbot_agent.config.rules import DataPath, Must, PlainPath, Section, refuse

_GIBIBYTE: Final = 1024**3
# a smaller ext4 image is too small for OpenClaw's first start and the journal
_SMALLEST_IMAGE: Final = 1
_LARGEST_IMAGE: Final = 1024

SecretName = Annotated[
    str,
    Must(r"^[0-9a-zA-Z-]{1,127}$", "must be a secret's name: 1 to 127 letters, digits and dashes"),
]
AccountName = Annotated[
    str,
    Must(
        r"^[a-z0-9]{3,24}$",
        "must be the storage account's name alone: 3 to 24 lower-case letters and digits",
    ),
]
ShareName = Annotated[
    str,
    Must(
        r"^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$",
        "must be the file share's name: 3 to 63 lower-case letters, digits and single dashes",
    ),
]
ResourceGroup = Annotated[
    str,
    Must(
        r"^[-\w._()]{0,89}[-\w_()]$",
        "must be a resource group's name: 1 to 90 letters, digits, - _ . ( ), no dot at the end",
    ),
]
ImageSize = Annotated[str, Must(r"^[1-9][0-9]{0,3}g$", "must be a size such as 8g")]
Backend = Literal["image", "share", "local"]
Auth = Literal["account-key", "managed-identity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureFilesShare:
    """An Azure Files share as the instance mounts it.

    Attributes:
        key_secret: Key Vault secret with the account key; None = from ARM (listKeys).
        resource_group: of the storage account; None = the instance's own.
    """

    account: str
    name: str
    suffix: str
    auth: Auth
    key_secret: str | None
    resource_group: str | None

    @property
    def host(self) -> str:
        """Name of the SMB server."""
        return f"{self.account}.{self.suffix}"

    @property
    def unc(self) -> str:
        """The source for mount(8): //HOST/SHARE."""
        return f"//{self.host}/{self.name}"


class ShareConfig(Section):
    """The storage that outlives the instance: an Azure Files share, or an existing directory."""

    kind: Literal["directory", "azure-files"] = Field(
        default="directory", description="azure-files = mounted by the agent"
    )
    path: DataPath = Field(
        default="/srv/clawbot/share",
        description="absolute path of the share on the instance, its mount point",
    )
    account: AccountName | None = Field(
        default=None, description="azure-files: name of the storage account"
    )
    name: ShareName | None = Field(default=None, description="azure-files: name of the file share")
    suffix: Literal[
        "file.core.windows.net", "file.core.chinacloudapi.cn", "file.core.usgovcloudapi.net"
    ] = Field(default="file.core.windows.net", description="DNS suffix of Azure Files")
    auth: Auth = Field(
        default="account-key",
        description="azure-files: how the mount authenticates; managed-identity needs the role "
        "Storage File Data SMB MI Admin and the package azfilesauth",
    )
    key_secret: SecretName | None = Field(
        default=None,
        description="account-key: Key Vault secret that holds the key; null = from Azure Resource "
        "Manager with the managed identity (role Reader and Data Access)",
    )
    resource_group: ResourceGroup | None = Field(
        default=None,
        description="resource group of the storage account; null = the instance's own",
    )

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.kind == "directory":
            for key in ("account", "name", "key_secret", "resource_group"):
                if getattr(self, key) is not None:
                    refuse("belongs to kind: azure-files", at=key)
            if self.auth != "account-key":
                refuse("belongs to kind: azure-files", at="auth")
            return self
        for key in ("account", "name"):
            if getattr(self, key) is None:
                refuse("is required for kind: azure-files", at=key)
        if self.auth == "managed-identity" and self.key_secret is not None:
            refuse("belongs to auth: account-key", at="key_secret")
        return self

    @property
    def azure_files(self) -> AzureFilesShare | None:
        """The Azure Files share; None for a directory."""
        if self.account is None or self.name is None:
            return None
        return AzureFilesShare(
            account=self.account,
            name=self.name,
            suffix=self.suffix,
            auth=self.auth,
            key_secret=self.key_secret,
            resource_group=self.resource_group,
        )


class StateConfig(Section):
    """The bot data: where it lies while the gateway runs."""

    backend: Backend | None = Field(
        default=None,
        description="image = an ext4 image file on the share, held by one instance at a time; "
        "share = files on the share; local = on the instance's disk; null = image on "
        "azure-files, else local",
    )
    path: DataPath = Field(
        default="/var/lib/clawbot/state",
        description="absolute path of the state directory on the instance",
    )
    image_size: ImageSize = Field(
        default="8g", description="size of the data image; can be raised, never lowered"
    )

    @model_validator(mode="after")
    def _image_fits(self) -> Self:
        size = int(self.image_size[:-1])
        if not _SMALLEST_IMAGE <= size <= _LARGEST_IMAGE:
            wording = f"must be {_SMALLEST_IMAGE}g to {_LARGEST_IMAGE}g, not {self.image_size}"
            refuse(wording, at="image_size")
        return self

    @property
    def image_size_bytes(self) -> int:
        """The image's size in bytes."""
        return int(self.image_size[:-1]) * _GIBIBYTE


class SecretsConfig(Section):
    """The source and the names of the bot's secrets; never their values."""

    source: Literal["key-vault", "directory"] = Field(
        default="key-vault",
        description="directory = files in secrets.path, for a machine outside Azure",
    )
    # only root reads it: any place is allowed
    path: PlainPath = Field(
        default="/etc/clawbot/secrets",
        description="source directory: root-only directory with one file for each secret",
    )
    gateway_token: SecretName = Field(
        default="openclaw-gateway-token",
        description="secret that holds the gateway token",
    )
    openclaw_config: SecretName | None = Field(
        default=None,
        description="secret that holds a fragment of openclaw.json; null = none",
    )

    @model_validator(mode="after")
    def _are_different(self) -> Self:
        if self.openclaw_config == self.gateway_token:
            refuse("must not be the secret of the gateway token", at="openclaw_config")
        return self
