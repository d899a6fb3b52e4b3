"""Azure Resource Manager: look at, put and delete resources by their ids, and wait for the end."""

import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, urlsplit

from azure.core.exceptions import HttpResponseError
from azure.core.polling import LROPoller
from azure.mgmt.resource.resources import ResourceManagementClient

from clawbot_controller.azure.cloud import Cloud, Tell
from clawbot_controller.azure.errors import (
    AzureBusyError,
    AzureError,
    AzureUnreachableError,
    OperationTimeoutError,
    ProviderMissingError,
    SubscriptionUnknownError,
)
from clawbot_controller.azure.failures import CAUGHT, translated
from clawbot_controller.model.resource import API, kind_of

__all__ = ["Arm", "Found", "is_missing"]

Found = dict[str, Any]
_ResultT = TypeVar("_ResultT")
_NOT_FOUND: Final = 404
_API_VERSION: Final = "api-version"
_NAMESPACE: Final = re.compile(r"'(Microsoft\.[A-Za-z]+)'")
_AT_REST: Final = frozenset({"succeeded", "failed", "canceled"})


class Arm:
    """One subscription's resources.

    Args:
        cloud: where Azure is.
        subscription: id.
        tell: told of waits.
    """

    def __init__(self, cloud: Cloud, subscription: str, *, tell: Tell) -> None:
        """See the class."""
        self._cloud = cloud
        self._patience = cloud.patience(tell)
        self._client = ResourceManagementClient(
            cloud.credential,
            subscription,
            base_url=cloud.arm_url,
            api_version=API["resourcegroups"],
            polling_interval=cloud.poll_seconds,
            **cloud.options(),
        )

    def get(self, resource_id: str, **params: str) -> Found | None:
        """A resource, or whatever else lies under a path; None when there is nothing.

        Raises:
            AzureError: see its subclasses.
        """
        return self.call(f"look at {_told(resource_id)}", lambda: self._get(resource_id, params))

    def settled(self, resource_id: str) -> Found | None:
        """A resource, once no operation is at work on it; None when there is nothing.

        Raises:
            AzureBusyError: it does not settle.
        """
        doing = f"look at {_told(resource_id)}"

        def attempt() -> Found | None:
            found = self._get(resource_id, {})
            state = ((found or {}).get("properties") or {}).get("provisioningState")
            if state is not None and state.lower() not in _AT_REST:
                msg = f"{doing}: Azure is still at it ({state})"
                raise AzureBusyError(msg)
            return found

        return self.call(doing, attempt)

    def pages(self, path: str, **params: str) -> Iterator[Found]:
        """The entries of a list, over all its pages; none when there is no such list."""
        version = API[kind_of(path)]
        while path:
            page = self.get(path, **{_API_VERSION: version, **params}) or {}
            yield from page.get("value", [])
            link = urlsplit(page.get("nextLink") or "")
            path, params = link.path, dict(parse_qsl(link.query))

    def put(self, resource_id: str, body: Mapping[str, Any]) -> Found:
        """Create or replace a resource, and wait until Azure is done with it."""

        def start() -> LROPoller[Any]:
            return self._client.resources.begin_create_or_update_by_id(
                resource_id.lstrip("/"), dict(body), api_version=API[kind_of(resource_id)]
            )

        return self.finish(f"create or change {_told(resource_id)}", start, fine=_is_assigned) or {}

    def patch(self, resource_id: str, body: Mapping[str, Any]) -> Found:
        """Change parts of a resource, and wait until Azure is done with it."""

        def start() -> LROPoller[Any]:
            return self._client.resources.begin_update_by_id(
                resource_id.lstrip("/"), dict(body), api_version=API[kind_of(resource_id)]
            )

        return self.finish(f"change {_told(resource_id)}", start) or {}

    def delete(self, resource_id: str) -> None:
        """Delete a resource, and wait until it is gone; one that is not there is gone."""

        def start() -> LROPoller[Any]:
            return self._client.resources.begin_delete_by_id(
                resource_id.lstrip("/"), api_version=API[kind_of(resource_id)]
            )

        self.finish(f"delete {_told(resource_id)}", start, fine=is_missing)

    def finish(
        self,
        doing: str,
        start: Callable[[], LROPoller[Any]],
        *,
        fine: Callable[[Exception], bool] = lambda _error: False,
        repeatable: bool = True,
        within: float | None = None,
    ) -> Found | None:
        """Start a long operation and wait for its end.

        Args:
            doing: for the operator.
            start: the request.
            fine: errors that are as good as an end.
            repeatable: it may be asked for again when nobody knows whether it was heard.
            within: seconds after which it is neither waited for nor asked for again; None: the
                cloud's own, and the patience of the error's class.
        """
        longest = self._cloud.operation_seconds if within is None else within
        end = math.inf if within is None else time.monotonic() + within

        def whole() -> Found | None:
            poller = start()
            try:
                poller.wait(max(0.0, min(longest, end - time.monotonic())))
                if not poller.done():
                    msg = f"{doing}: not done after {longest:.0f} s"
                    raise OperationTimeoutError(msg)
                result = poller.result()
            except CAUGHT as error:
                found = translated(error, doing)
                if repeatable or not found.retryable:
                    raise
                # it was accepted: only the looks at it failed
                raise _may_have_begun(found) from error
            return dict(result) if isinstance(result, Mapping) else None

        return self.call(doing, whole, fine=fine, repeatable=repeatable, within=within)

    def call(
        self,
        doing: str,
        attempt: Callable[[], _ResultT],
        *,
        fine: Callable[[Exception], bool] = lambda _error: False,
        repeatable: bool = True,
        within: float | None = None,
    ) -> _ResultT | None:
        """Call the SDK, try again where the error's class says so; None for a fine error."""

        def once() -> _ResultT | None:
            try:
                return attempt()
            except CAUGHT as error:
                if fine(error):
                    return None
                found = translated(error, doing)
                if not repeatable and isinstance(found, AzureUnreachableError):
                    # hidden from the retries: they would ask a second time
                    found = _may_have_begun(found)
                if isinstance(found, ProviderMissingError):
                    self._register(found)
                raise found from error

        return self._patience.retrying(once, within=within)

    def _register(self, refusal: ProviderMissingError) -> None:
        """Have the provider registered that a refusal names; Azure takes its time for it.

        The SDK would, but it does not read the body of a refused PUT, and so does not notice.
        """
        match = _NAMESPACE.search(refusal.message)
        if match is not None:
            doing = f"register {match[1]}"
            self.call(doing, lambda: self._client.providers.register(match[1]))

    def _get(self, resource_id: str, params: Mapping[str, str]) -> Found | None:
        rest = dict(params)
        version = rest.pop(_API_VERSION, None) or API[kind_of(resource_id)]
        try:
            found = self._client.resources.get_by_id(
                resource_id.lstrip("/"), api_version=version, params=rest
            )
        except HttpResponseError as error:
            missing = is_missing(error)
            unknown = isinstance(translated(error, ""), SubscriptionUnknownError)
            if missing and not unknown:
                return None
            raise
        return found.as_dict()


def _may_have_begun(error: AzureError) -> OperationTimeoutError:
    """Of what must not be asked for twice."""
    hint = "look at 'status' before you ask for it again"
    return OperationTimeoutError(f"{error.message}; it may have begun", hint=hint)


def is_missing(error: Exception) -> bool:
    """Whether Azure answered that there is no such thing."""
    return isinstance(error, HttpResponseError) and error.status_code == _NOT_FOUND


def _is_assigned(error: Exception) -> bool:
    """Somebody gave this role to this principal already, under another name."""
    return isinstance(error, HttpResponseError) and "RoleAssignmentExists" in str(error)


def _told(resource_id: str) -> str:
    """The end of an id: "virtualNetworks/clawbot-vnet"."""
    return "/".join(resource_id.rstrip("/").split("/")[-2:])
