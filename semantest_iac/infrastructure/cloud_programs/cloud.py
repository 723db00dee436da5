"""What a cloud must bring to take part: a table from resource kinds to functions, and its provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from semantest_iac.domain.blueprints.capabilities import Capabilities, Capability
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac.domain.resource import Resource
from semantest_iac.infrastructure.cloud_programs.code_publishing import PublishingMethod
from semantest_iac.infrastructure.clouds.registry import CLOUDS

if TYPE_CHECKING:  # what a cloud lacks is asked for where nothing of Pulumi is needed
    import pulumi

    from semantest_iac.infrastructure.cloud_programs.context import Outputs, ProgramContext

CreateResource = Callable[[Any, "ProgramContext"], "Outputs"]
"""What makes a neutral resource, or the ground of a whole blueprint."""

FOUNDATION = "ground"
"""The name under which the functions of kinds find what their cloud's ground has made."""


@dataclass(frozen=True, slots=True)
class LazyFunction:
    """A function written `module:name`, and the modules of the SDK that it touches: both are loaded when needed."""

    function: str
    sdk: tuple[str, ...] = ()

    def load(self) -> CreateResource:
        """The function, with all that it needs imported; one thread at a time may do that."""
        for module in self.sdk:
            getattr(import_module(module), "touched", None)  # any name that is not its own makes a lazy module load
        module, _, name = self.function.partition(":")
        found: CreateResource = getattr(import_module(module), name)
        return found

    def __call__(self, wanted: Any, context: ProgramContext) -> Outputs:
        """As the function would."""
        return self.load()(wanted, context)


def lazy_function(folder: str, sdk: str, function: str, *modules: str) -> LazyFunction:
    """A function `module:name` of a folder, with the modules of an SDK that it touches."""
    return LazyFunction(f"{folder}.{function}", tuple(f"{sdk}.{module}" for module in modules))


@dataclass(frozen=True, slots=True)
class Cloud:
    """One cloud, as the `program` of its entry."""

    name: str
    kinds: Mapping[type[Resource], CreateResource]
    provider: Callable[[ProgramContext], pulumi.ProviderResource]
    sdk: str = ""  # the package of its classes, where they are loaded lazily
    stateful: frozenset[str] = frozenset()  # the resource types whose loss is a loss of data
    ground: CreateResource | None = None  # made of the whole blueprint, before anything that it names
    code: PublishingMethod | None = None  # where the program does not carry it
    lacks: Mapping[Capability, str] = field(default_factory=dict)  # kinds and features, each with the reason
    bends: Mapping[Capability, str] = field(
        default_factory=dict
    )  # those that it has in a form of its own, and in which

    @property
    def capabilities(self) -> Capabilities:
        """What it has of what blueprints ask for."""
        return Capabilities(self.name, frozenset(self.kinds), self.lacks, self.bends)

    transformation: pulumi.ResourceTransformation | None = None  # of everything that the program makes


def find_cloud(name: str) -> Cloud:
    """The cloud of that name; raises ValidationError with those there are, and RefusedError where its SDK is not."""
    if name not in CLOUDS:
        fault = Fault("provider", f"'{name}' has no programs", f"Available: {', '.join(CLOUDS)}.")
        raise ValidationError(f"Cannot deploy to '{name}'.", faults=[fault])
    entry = CLOUDS[name]
    found: Cloud = entry.load_part(entry.program)
    entry.require(found.sdk)
    return found
