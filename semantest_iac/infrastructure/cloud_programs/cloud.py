"""The interface of a cloud: a table from resource kinds to functions, and its provider."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from semantest_iac.domain.blueprints.blueprint import Blueprint
from semantest_iac.domain.blueprints.capabilities import Capabilities, Capability
from semantest_iac.domain.deployment.change_plan import ChangePlan, PlannedChange
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac.domain.ports.provisioner import Deferred
from semantest_iac.domain.resource import DeployedResource, Resource
from semantest_iac.infrastructure.cloud_programs.code_publishing import CodePublisher, PublishingMethod, ServiceClient
from semantest_iac.infrastructure.cloud_programs.exposures import Exposure
from semantest_iac.infrastructure.cloud_programs.fixed_properties import FixedProperties, refuse_fixed_changes
from semantest_iac.infrastructure.cloud_programs.reversibility import LossyChanges, mark_lossy_changes
from semantest_iac.infrastructure.clouds.registry import CLOUDS

if TYPE_CHECKING:  # capabilities are read without importing Pulumi
    import pulumi

    from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

CreateResource = Callable[[Any, "ProgramContext"], "Outputs"]
"""Creates a neutral resource, or the foundation of a whole blueprint."""

LowersLimitsLast = Callable[[Blueprint, Iterable[DeployedResource]], bool]
"""Whether the blueprint has a limit below what the deployed resources use, which must be lowered after them."""

FOUNDATION = "ground"
"""The key of the foundation's outputs. The value is part of deployed resources' URNs and cannot change."""


@dataclass(frozen=True, slots=True)
class LazyFunction:
    """A function written `module:name`, and the SDK modules that it uses; both are imported when needed."""

    function: str
    sdk_modules: tuple[str, ...] = ()

    def load(self) -> CreateResource:
        """Import the SDK modules and return the function; only one thread at a time may do that."""
        for module in self.sdk_modules:
            getattr(import_module(module), "touched", None)  # accessing any unknown name makes a lazy module load
        module, _, name = self.function.partition(":")
        function: CreateResource = getattr(import_module(module), name)
        return function

    def __call__(self, resource: Any, context: ProgramContext) -> Outputs:
        return self.load()(resource, context)


def lazy_function(package: str, sdk: str, function: str, *modules: str) -> LazyFunction:
    """Refer to a function `module:name` in a package, with the modules of an SDK that it uses."""
    return LazyFunction(f"{package}.{function}", tuple(f"{sdk}.{module}" for module in modules))


_UNNAMED_DATA = "its data"


MovesTraffic = Callable[[PlannedChange], bool]
"""Whether a change does nothing but lead requests to another version of the code."""


def _moves_no_traffic(change: PlannedChange) -> bool:
    return False


def _keep_blueprint(blueprint: Blueprint) -> Blueprint:
    return blueprint


@dataclass(frozen=True, slots=True)
class Cloud:
    """One cloud, the `program` of its CloudEntry."""

    name: str
    kinds: Mapping[type[Resource], CreateResource]
    create_provider: Callable[[ProgramContext], pulumi.ProviderResource]
    sdk_module: str = ""  # the package of its classes, if they are loaded lazily
    stateful: Mapping[str, str] | Set[str] = frozenset()  # types whose deletion loses data, perhaps -> what is lost
    kept: Mapping[str, str] = field(default_factory=dict)  # types that stay in the cloud without data -> for what
    exposing: Mapping[str, Sequence[Exposure]] = field(default_factory=dict)  # by type, what makes data public
    lossy: LossyChanges = field(default_factory=dict)  # what going back does not undo entirely
    fixed: FixedProperties = field(default_factory=dict)  # what updates cannot change
    foundation: CreateResource | None = None  # created from the whole blueprint, before all its resources
    adapt: Callable[[Blueprint], Blueprint] = _keep_blueprint  # rearranges resources that the cloud has in another form
    publishing: PublishingMethod | None = None  # if code is not part of the program
    published_beside: Sequence[PublishingMethod] = ()  # of apps of other types
    lowers_limits_last: LowersLimitsLast | None = None  # if the order of the program cannot lower every limit
    unsupported: Mapping[Capability, str] = field(default_factory=dict)  # kinds and features, each with the reason
    partial: Mapping[Capability, str] = field(default_factory=dict)  # supported in another form, each with that form
    moves_traffic: MovesTraffic = _moves_no_traffic  # of changes outside of what is created for a new version

    def mark_changes(self, plan: ChangePlan) -> ChangePlan:
        """Return the plan with what going back does not undo, what is kept, and what only leads requests elsewhere.

        Raises FixedPropertyError for a plan that the cloud would refuse half-way.
        """
        refuse_fixed_changes(plan, self.fixed)
        marked = mark_lossy_changes(plan, self.lossy)
        return replace(marked, resources=tuple(map(self._mark_change, marked.resources)))

    def _mark_change(self, change: PlannedChange) -> PlannedChange:
        if change.op == "keep":
            return replace(change, keeps=self.kept.get(change.type) or self.find_lost_data(change.type))
        return replace(change, moves_traffic=True) if self.moves_traffic(change) else change

    def decide_limits_deferral(self, blueprint: Blueprint, resources: Iterable[DeployedResource]) -> Deferred:
        """Return whether limits must wait for the rest of the work."""
        waits = self.lowers_limits_last is not None and self.lowers_limits_last(blueprint, resources)
        return Deferred.LIMITS if waits else Deferred.NOTHING

    def find_lost_data(self, resource_type: str) -> str:
        """Return what is lost for good when a resource of the type is deleted: `its items`; empty if nothing is."""
        if isinstance(self.stateful, Mapping):
            return self.stateful.get(resource_type, "")
        return _UNNAMED_DATA if resource_type in self.stateful else ""

    def find_exposure(self, resource_type: str, properties: Mapping[str, Any]) -> str:
        """Return who can reach the data of such a resource that should not; empty if nobody can."""
        return "; ".join(it.meaning for it in self.exposing.get(resource_type, ()) if it.is_open(properties))

    def create_publisher(self, client: ServiceClient | None = None) -> CodePublisher | None:
        """Return what publishes the code of a stack, None if its program carries it; without a client, the real one."""
        if self.publishing is None:
            return None
        beside = (CodePublisher(it, client or it.create_client()) for it in self.published_beside)
        return CodePublisher(self.publishing, client or self.publishing.create_client(), tuple(beside))

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(self.name, frozenset(self.kinds), self.unsupported, self.partial)

    transformation: pulumi.ResourceTransformation | None = None  # of every resource in the program


def find_cloud(name: str) -> Cloud:
    """Return the cloud of that name; raises ValidationError if there is none, RefusedError if its SDK is missing."""
    if name not in CLOUDS:
        fault = Fault("provider", f"'{name}' has no programs", f"Available: {', '.join(CLOUDS)}.")
        raise ValidationError(f"Cannot deploy to '{name}'.", faults=[fault])
    entry = CLOUDS[name]
    cloud: Cloud = entry.load_part(entry.program)
    entry.require_module(cloud.sdk_module)
    return cloud
