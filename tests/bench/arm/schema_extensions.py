"""Schema of a scale set's extensions: Microsoft's schema refers to a file that is not published.

Sources: MicrosoftDocs/azure-compute-docs, health-extension; the settings of
Azure/applicationhealth-extension-linux; MicrosoftDocs/azure-monitor-docs, agents/manage.
"""

from typing import Any, Final

_TEXT: Final = {"type": "string"}
_SWITCH: Final = {"type": "boolean"}


def _closed(*required: str, **properties: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"type": "object", "properties": properties, "required": list(required)}


_HEALTH: Final = _closed(
    "protocol",
    protocol={"type": "string", "enum": ["http", "https", "tcp"]},
    port={"type": "integer", "minimum": 1, "maximum": 65535},
    requestPath=_TEXT,
    intervalInSeconds={"type": "integer", "minimum": 5, "maximum": 60},
    numberOfProbes={"type": "integer", "minimum": 1, "maximum": 24},
    gracePeriod={"type": "integer", "minimum": 5, "maximum": 14400},
)
_MONITOR: Final = _closed(
    authentication=_closed(
        "managedIdentity",
        managedIdentity=_closed(
            "identifier-name",
            "identifier-value",
            **{
                "identifier-name": {
                    "type": "string",
                    "enum": ["mi_res_id", "object_id", "client_id"],
                },
                "identifier-value": _TEXT,
            },
        ),
    ),
)
_FREE: Final = {"type": "object"}


def _extension(publisher: str, *names: str, settings: dict[str, Any]) -> dict[str, Any]:
    return _closed(
        "publisher",
        "type",
        "typeHandlerVersion",
        publisher={"type": "string", "enum": [publisher]},
        type={"type": "string", "enum": list(names)},
        typeHandlerVersion={"type": "string", "pattern": r"^\d+\.\d+(\.\d+)*$"},
        autoUpgradeMinorVersion=_SWITCH,
        enableAutomaticUpgrade=_SWITCH,
        forceUpdateTag=_TEXT,
        provisionAfterExtensions={"type": "array", "items": _TEXT},
        settings=settings,
        protectedSettings=_FREE,
        suppressFailures=_SWITCH,
    )


EXTENSION: Final[dict[str, Any]] = {
    "oneOf": [
        _extension("Microsoft.ManagedServices", "ApplicationHealthLinux", settings=_HEALTH),
        _extension("Microsoft.Azure.Monitor", "AzureMonitorLinuxAgent", settings=_MONITOR),
        _extension("Microsoft.Azure.Extensions", "CustomScript", settings=_FREE),
        _extension("Microsoft.CPlat.Core", "RunCommandLinux", settings=_FREE),
    ]
}
