"""Finds which published version of a function an API calls: that of the alias in its URI, or that of a weight."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from semantest_iac.domain.resource import DeployedResource
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources

ResourceOutputs = Mapping[str, Any]
DrawShare = Callable[[], float]
"""Returns a number from 0 to 1, 1 excluded."""

LAMBDA_TYPE, _ALIAS_TYPE = "aws:lambda/function:Function", "aws:lambda/alias:Alias"
_INVOKED = re.compile(
    r"functions/(?P<arn>arn:aws[\w-]*:lambda:[^:]+:[^:]+:function:[^:/]+)(?::(?P<qualifier>[\w$-]+))?(?:/|$)"
)


@dataclass(frozen=True, slots=True)
class InvokedFunction:
    """A function as an API calls it: its ARN and the alias, and what runs then.

    `live` are the outputs of the version that the alias names. `weighted` are those of the version beside it, which
    gets `share` of the calls (0 to 1).
    """

    arn: str
    qualifier: str
    live: ResourceOutputs
    weighted: ResourceOutputs | None = None
    share: float = 0.0

    @property
    def versions(self) -> Mapping[str, ResourceOutputs]:
        """The outputs of the versions that are called, each by the key of its processes."""
        weighted = {self.weighted_key: self.weighted} if self.weighted else {}
        return {self.arn: self.live, **weighted}

    @property
    def weighted_key(self) -> str:
        """The key of the processes of the weighted version; empty without one."""
        return f"{self.arn}#{self.weighted['version']}" if self.weighted else ""

    def choose(self, draw: DrawShare = random.random) -> str:
        """Choose the version of one call at random, as Lambda does, and return the key of its processes."""
        return self.weighted_key if self.weighted and draw() < self.share else self.arn


def find_invoked_function(resources: DeployedResources, uri: str | None) -> InvokedFunction | None:
    """Return the function that an invocation URI of API Gateway names; None if it is not deployed."""
    match = _INVOKED.search(uri or "")
    function = _find_function(resources, match["arn"]) if match else None
    if match is None or function is None:
        return None
    arn, qualifier = match["arn"], match["qualifier"] or ""
    alias = next(_find_aliases(resources, function, qualifier), None)
    if alias is None:
        return InvokedFunction(arn, qualifier, function.outputs)
    live = _outputs_of_version(function, str(alias.get("functionVersion")))
    weights: Mapping[str, float] = (alias.get("routingConfig") or {}).get("additionalVersionWeights") or {}
    if not weights:
        return InvokedFunction(arn, qualifier, live)
    version, share = next(iter(weights.items()))  # an alias has one version beside its own at most
    return InvokedFunction(arn, qualifier, live, _outputs_of_version(function, version), float(share))


def _find_function(resources: DeployedResources, arn: str) -> DeployedResource | None:
    return next((it for it in resources if it.type == LAMBDA_TYPE and it.outputs["arn"] == arn), None)


def _find_aliases(
    resources: DeployedResources, function: DeployedResource, qualifier: str
) -> Iterator[ResourceOutputs]:
    names = (function.outputs["arn"], function.outputs.get("name"))
    for it in resources:
        if it.type == _ALIAS_TYPE and it.outputs.get("name") == qualifier and it.outputs.get("functionName") in names:
            yield it.outputs


def _outputs_of_version(function: DeployedResource, version: str) -> ResourceOutputs:
    """Return what runs as a version.

    The variables of the newest version stand for those that are not known. Of a version that an earlier program has
    deployed only what runs now is known.
    """
    known = function.versions.get(version) or {**function.outputs, "version": version}
    variables = known.get("environment")
    return (
        known
        if variables is None or isinstance(variables, Mapping)
        else {**known, "environment": function.outputs.get("environment")}
    )
