"""Deployment files for tests."""

from typing import Any, Final

import yaml

from clawbot_controller.deployment.file import Deployment, parse_deployment

SUBSCRIPTION: Final = "00000000-1111-2222-3333-444444444444"


def deployment_text(
    name: str = "my-bot",
    *,
    bot: dict[str, Any] | None = None,
    subscription: str = SUBSCRIPTION,
    **azure: Any,  # noqa: ANN401 - keys of the section
) -> str:
    """Return a minimal deployment file with additional keys."""
    document = {
        "bot": {"name": name, **(bot or {})},
        "azure": {
            "subscription": subscription,
            "resource_group": "clawbots",
            "region": "eastus",
            "agent": {"source": "clawbot-agent==0.1.0", "sha256": "ab" * 32},
            **azure,
        },
    }
    return yaml.safe_dump(document)


def deployment(name: str = "my-bot", **more: Any) -> Deployment:  # noqa: ANN401 - as above
    """Return the deployment of such a file."""
    return parse_deployment(deployment_text(name, **more))
