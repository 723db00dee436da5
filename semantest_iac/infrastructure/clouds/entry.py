"""Defines the one description of a cloud, used for the built-in clouds and those of other distributions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from semantest_iac.domain.errors import RefusedError

if TYPE_CHECKING:
    from semantest_iac.domain.ports.cloud_rules import CloudRules


@dataclass(frozen=True, slots=True)
class CredentialLocations:
    """Variables and files below the home folder, any of which is enough, and advice for a user who has none."""

    variables: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    advice: str = ""


@dataclass(frozen=True, slots=True)
class CloudEntry:
    """Describes a cloud; its parts are named `module:NAME` and imported when they are needed.

    `program` is a Cloud of cloud_programs; `package` is the cloud's Pulumi provider, whose setting `region_setting`
    names the region; `sdk_distribution` is the one with the resource classes. `simulated_cloud` creates the simulated
    cloud, `api_frontend` translates requests for its functions on this machine, `web_sockets` serves its WebSocket
    APIs, `messaging` reads what a stack has of queues and schedules, `message_variables` returns the variables with
    which its functions send to an address of this machine, `identities` answers there with tokens of the identities by
    which functions call each other, `local_stores` is the StoreServerPart of its tables and
    buckets, `function_variables` finds variables of its functions, `local_variables` adds some to all functions of a
    stack as they run here, and `code_service` takes
    code if programs do not carry it. `platform_answer_check` tells whether an HTTP response has the form that the
    cloud gives before or instead of a function; without it this is not known.
    `traffic_metrics` reads how the versions of a function do (a function that finds resources -> TrafficObserver).
    `account_checks` asks whether the user's account allows deployments (variables -> AccountChecks). The
    variables that the provider reads begin with `variable_prefixes`. `rules` is a CloudRules of the domain;
    `secret_resources` reads the secrets of a stack, and who may read them, from its resources (SecretResources);
    `secret_store` opens the cloud's own store of secrets in a region, `simulated_secret_store` that of a simulated
    cloud. `containers` reads what containers of services get (deployed resources -> DeployedContainers of
    local_service), `gateway_rules` what a managed gateway does with requests (ReadGatewayRules), and `site_rules` what
    a static site answers (ReadSiteRules). `prices` is a PriceList of the domain, without which costs are not known.
    `function_layout` is the cloud whose package layout its functions have; the first of `regions` is the default, and
    `region_counterparts` maps regions of other clouds to the nearest own one. `permissions` is the
    PermissionRules of the domain, without which the rights that deployments need are not known.
    """

    name: str
    regions: tuple[str, ...]
    function_layout: str = "aws"
    _: KW_ONLY
    rules: str
    program: str
    package: str
    sdk_distribution: str
    simulated_cloud: str
    api_frontend: str
    web_sockets: str = ""
    messaging: str = ""
    message_variables: str = ""
    identities: str = ""
    local_variables: str = ""
    function_variables: str = ""
    local_stores: str = ""
    containers: str = ""
    gateway_rules: str = ""
    site_rules: str = ""
    code_service: str = ""
    platform_answer_check: str = ""
    permissions: str = ""
    account_checks: str = ""
    secret_resources: str = ""
    secret_store: str = ""
    simulated_secret_store: str = ""
    prices: str = ""
    traffic_metrics: str = ""
    region_setting: str = "region"
    credentials: CredentialLocations | None = None
    variable_prefixes: tuple[str, ...] = ()
    region_counterparts: Mapping[str, str] = field(default_factory=dict)

    def load_rules(self) -> CloudRules:
        """Load the rules for validation; raises RefusedError if they cannot be loaded."""
        rules: CloudRules = self.load_part(self.rules)
        return rules

    def load_part(self, reference: str) -> Any:
        """Import and return the object at `module:NAME`.

        Raises RefusedError if this machine lacks a dependency of it.
        """
        module, _, name = reference.partition(":")
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise self._unusable(str(error)) from error

    def require_module(self, module: str) -> None:
        """Raise RefusedError if the module is not installed; it is looked up and not imported."""
        if module and find_spec(module) is None:
            raise self._unusable(f"No module named '{module}'")

    def _unusable(self, reason: str) -> RefusedError:
        hint = f"Run pip install '{self.sdk_distribution}'."
        return RefusedError(f"Cannot use '{self.name}' here: {reason}.", "CLOUD_UNUSABLE", hint=hint)
