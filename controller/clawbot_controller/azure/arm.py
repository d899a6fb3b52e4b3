"""Azure Resource Manager: read, put and delete resources by id, and wait for operations."""

import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, urlsplit

from azure.core.exceptions import HttpResponseError
from azure.core.polling import LROPoller
from azure.mgmt.resource.resources import ResourceManagementClient

from clawbot_controller.azure.cloud import Cloud, Report
from clawbot_controller.azure.errors import (
    AzureBusyError,
    AzureError,
    AzureUnreachableError,
    OperationTimeoutError,
    ProviderMissingError,
    SubscriptionUnknownError,
)
from clawbot_controller.azure.sdk_errors import SDK_ERRORS, translate
from clawbot_controller.model.resource import API, Body, Found, Resource, kind_of, value_at

ASSIGNMENTS: Final = "microsoft.authorization/roleassignments"
_ResultT = TypeVar("_ResultT")
_NOT_FOUND: Final = 404
_API_VERSION: Final = "api-version"
_NAMESPACE: Final = re.compile(r"'(Microsoft\.[A-Za-z]+)'")
_FINAL_STATES: Final = frozenset({"succeeded", "failed", "canceled"})


class Arm:
    """The resources of one subscription (its id); `report` shows waits."""

    def __init__(self, cloud: Cloud, subscription: str, *, report: Report) -> None:
        self._cloud = cloud
        self._retrier = cloud.retrier(report)
        self._client = ResourceManagementClient(
            cloud.credential,
            subscription,
            base_url=cloud.arm_url,
            api_version=API["resourcegroups"],
            polling_interval=cloud.poll_seconds,
            **cloud.options(),
        )

    def get(self, resource_id: str, **params: str) -> Found | None:
        """Return a resource, or what else is under a path; None if it does not exist."""
        return self.call(f"read {_short(resource_id)}", lambda: self._get(resource_id, params))

    def settled(self, resource_id: str) -> Found | None:
        """Return a resource when no operation on it is in progress; None if it does not exist.

        Raises:
            AzureBusyError: an operation takes too long.
        """
        operation = f"read {_short(resource_id)}"

        def attempt() -> Found | None:
            found = self._get(resource_id, {})
            state = value_at(found, "properties", "provisioningState")
            if state is not None and state.lower() not in _FINAL_STATES:
                msg = f"{operation}: still {state}"
                raise AzureBusyError(msg)
            return found

        return self.call(operation, attempt)

    def pages(self, path: str, **params: str) -> Iterator[Found]:
        """Return the entries of a list over all its pages; none if the list does not exist."""
        version = API[kind_of(path)]
        while path:
            page = self.get(path, **{_API_VERSION: version, **params}) or {}
            yield from page.get("value", [])
            link = urlsplit(page.get("nextLink") or "")
            path, params = link.path, dict(parse_qsl(link.query))

    def put(self, resource_id: str, body: Body) -> Found:
        """Create or replace a resource and wait for the operation."""
        begin = self._client.resources.begin_create_or_update_by_id
        operation = f"create or change {_short(resource_id)}"
        return self._write(operation, begin, resource_id, dict(body), accept=_is_assigned)

    def patch(self, resource_id: str, body: Body) -> Found:
        """Change parts of a resource and wait for the operation."""
        begin = self._client.resources.begin_update_by_id
        return self._write(f"change {_short(resource_id)}", begin, resource_id, dict(body))

    def delete(self, resource_id: str) -> None:
        """Delete a resource, if it exists, and wait for the operation."""
        begin = self._client.resources.begin_delete_by_id
        self._write(f"delete {_short(resource_id)}", begin, resource_id, accept=is_missing)

    def finish(
        self,
        operation: str,
        start: Callable[[], LROPoller[Any]],
        *,
        accept: Callable[[Exception], bool] = lambda _error: False,
        repeatable: bool = True,
        within: float | None = None,
    ) -> Found | None:
        """Start a long-running operation and wait for its end.

        Args:
            operation: for error messages.
            start: sends the request.
            accept: errors that count as success.
            repeatable: whether to send the request again when its outcome is unknown.
            within: maximum seconds for waits and retries; None = the cloud's and the error's.
        """
        longest = self._cloud.operation_seconds if within is None else within
        end = math.inf if within is None else time.monotonic() + within

        def attempt() -> Found | None:
            poller = start()
            try:
                poller.wait(max(0.0, min(longest, end - time.monotonic())))
                if not poller.done():
                    msg = f"{operation}: not finished after {longest:.0f} s"
                    raise OperationTimeoutError(msg)
                result = poller.result()
            except SDK_ERRORS as error:
                found = translate(error, operation)
                if repeatable or not found.retryable:
                    raise
                # Azure accepted the request; only a poll failed
                raise _may_have_begun(found) from error
            return dict(result) if isinstance(result, Mapping) else None

        return self.call(operation, attempt, accept=accept, repeatable=repeatable, within=within)

    def call(
        self,
        operation: str,
        attempt: Callable[[], _ResultT],
        *,
        accept: Callable[[Exception], bool] = lambda _error: False,
        repeatable: bool = True,
        within: float | None = None,
    ) -> _ResultT | None:
        """Call the SDK with retries; None for an accepted error. Arguments as for `finish`."""

        def once() -> _ResultT | None:
            try:
                return attempt()
            except SDK_ERRORS as error:
                if accept(error):
                    return None
                found = translate(error, operation)
                if not repeatable and isinstance(found, AzureUnreachableError):
                    # not retryable, because a retry would send the request twice
                    found = _may_have_begun(found)
                if isinstance(found, ProviderMissingError):
                    self._register(found)
                raise found from error

        return self._retrier.call(once, within=within)

    def _write(
        self,
        operation: str,
        begin: Callable[..., LROPoller[Any]],
        resource_id: str,
        *body: object,
        accept: Callable[[Exception], bool] = lambda _error: False,
    ) -> Found:
        version = API[kind_of(resource_id)]
        path = resource_id.lstrip("/")
        start = lambda: begin(path, *body, api_version=version)  # noqa: E731 - one line
        return self.finish(operation, start, accept=accept) or {}

    def _register(self, refusal: ProviderMissingError) -> None:
        """Register the provider that a refusal names.

        The SDK has a policy for it, which does not read the body of a refused PUT.
        """
        match = _NAMESPACE.search(refusal.message)
        if match is not None:
            register = self._client.providers.register
            self.call(f"register {match[1]}", lambda: register(match[1]))

    def _get(self, resource_id: str, params: Mapping[str, str]) -> Found | None:
        query = dict(params)
        version = query.pop(_API_VERSION, None) or API[kind_of(resource_id)]
        try:
            found = self._client.resources.get_by_id(
                resource_id.lstrip("/"), api_version=version, params=query
            )
        except HttpResponseError as error:
            unknown = isinstance(translate(error, ""), SubscriptionUnknownError)
            if is_missing(error) and not unknown:
                return None
            raise
        return found.as_dict()


def is_assigned(arm: Arm, resource: Resource) -> bool:
    """Return whether a resource is a role assignment that exists under another name."""
    if kind_of(resource.id) != ASSIGNMENTS:
        return False
    listed = resource.id.rpartition("/")[0]
    scope = listed.lower().partition(f"/providers/{ASSIGNMENTS}")[0]
    wanted = {**resource.body["properties"], "scope": scope}
    # the filter also returns assignments at scopes above and below
    found = arm.pages(listed, **{"$filter": f"principalId eq '{wanted['principalId']}'"})
    return any(_assignment(one.get("properties") or {}) == _assignment(wanted) for one in found)


def is_missing(error: Exception) -> bool:
    """Return whether Azure answered 404."""
    return isinstance(error, HttpResponseError) and error.status_code == _NOT_FOUND


def _is_assigned(error: Exception) -> bool:
    # the principal has the role under another assignment's name
    return isinstance(error, HttpResponseError) and "RoleAssignmentExists" in str(error)


def _may_have_begun(error: AzureError) -> OperationTimeoutError:
    hint = "check 'clawbot-controller status' before you run the command again"
    return OperationTimeoutError(f"{error.message}; it may have begun", hint=hint)


def _assignment(properties: Body) -> tuple[str, str, str]:
    keys = ("scope", "principalId", "roleDefinitionId")
    scope, principal, role = (str(properties.get(key) or "").lower() for key in keys)
    # the id of a role has the subscription, or not
    return scope.rstrip("/"), principal, role.rpartition("/")[2]


def _short(resource_id: str) -> str:
    """Return the end of an id: "virtualNetworks/clawbot-vnet"."""
    return "/".join(resource_id.rstrip("/").split("/")[-2:])
