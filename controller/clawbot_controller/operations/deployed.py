"""The custom data of a bot that is in Azure already."""

from clawbot_controller.custom_data.render import render_custom_data
from clawbot_controller.errors import NotDeployedError
from clawbot_controller.model.bot import created
from clawbot_controller.operations.desired import principal_of
from clawbot_controller.operations.site import Site

__all__ = ["deployed_custom_data"]


def deployed_custom_data(site: Site) -> str:
    """As `up` sends it: with the identity that Azure has made.

    Raises:
        NotDeployedError: there is no identity yet.
        AzureError: see its subclasses.
    """
    deployment = site.deployment
    found = site.arm.get(site.names.identity_id)
    if found is None:
        msg = f"{deployment.name} has no identity yet, which its custom data names"
        raise NotDeployedError(msg)
    names = created(site.names, deployment, principal_of(found).client_id)
    return render_custom_data(deployment.agent_config(names), deployment.target.agent.pinned)
