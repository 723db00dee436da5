"""Regions, function runtimes and memory sizes of each provider.

Runtimes are named as AWS Lambda names them. Sources: the runtime life cycle that cfn-lint carries, and the end of
support that Azure Functions takes over from Node.js and Python.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from semantest_iac.domain.environments.names import find_nearest, make_printable, suggest_known
from semantest_iac.domain.errors import Fault

AWS_REGIONS = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "ca-west-1", "mx-central-1"),
    *("sa-east-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1"),
    *("eu-west-2", "eu-west-3", "af-south-1", "il-central-1", "me-central-1", "me-south-1", "ap-east-1"),
    *("ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2"),
    *("ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5"),
    *("ap-southeast-6", "ap-southeast-7", "us-gov-east-1", "us-gov-west-1", "cn-north-1", "cn-northwest-1"),
)
AZURE_REGIONS = (
    *("eastus", "eastus2", "westus", "westus2", "westus3", "centralus", "northcentralus", "southcentralus"),
    *("westcentralus", "canadacentral", "canadaeast", "mexicocentral", "brazilsouth", "brazilsoutheast"),
    *("chilecentral", "northeurope", "westeurope", "uksouth", "ukwest", "francecentral", "francesouth"),
    *("germanywestcentral", "germanynorth", "norwayeast", "norwaywest", "swedencentral", "swedensouth"),
    *("switzerlandnorth", "switzerlandwest", "polandcentral", "italynorth", "spaincentral", "austriaeast"),
    *("uaenorth", "uaecentral", "qatarcentral", "israelcentral", "southafricanorth", "southafricawest"),
    *("eastasia", "southeastasia", "japaneast", "japanwest", "koreacentral", "koreasouth", "centralindia"),
    *("southindia", "westindia", "jioindiawest", "jioindiacentral", "indonesiacentral", "malaysiawest"),
    *("australiaeast", "australiasoutheast", "australiacentral", "australiacentral2", "newzealandnorth"),
)
REGIONS = {"aws": AWS_REGIONS, "azure": AZURE_REGIONS}
DEFAULT_REGIONS = {name: regions[0] for name, regions in REGIONS.items()}
REGION_PAIRS = {"us-east-1": "eastus", "us-west-2": "westus2", "eu-west-1": "westeurope"}

_REGION_TITLES = {"aws": "an AWS region", "azure": "an Azure region"}
_REGION_COUNTERPARTS = REGION_PAIRS | {azure: aws for aws, azure in REGION_PAIRS.items()}


def normalise_region(provider: str, region: str) -> str:
    """The form that the provider uses: lower case, for Azure without spaces (`West US 2` is `westus2`)."""
    lowered = region.strip().lower()
    return lowered.replace(" ", "") if provider == "azure" else lowered


def find_region_fault(provider: str, region: str, known: Sequence[str]) -> Fault | None:
    """Why the provider has no such region, with the counterpart or the nearest of those known as hint."""
    name = normalise_region(provider, region)
    if name in known:
        return None
    counterpart = _REGION_COUNTERPARTS.get(name)
    instead = counterpart if counterpart in known else find_nearest(name, known) or known[0]
    title = _REGION_TITLES.get(provider, f"a region of {provider}")
    return Fault("region", f"'{make_printable(region)}' is not {title}", f"Use '{instead}'.")


@dataclass(frozen=True, slots=True)
class CloudDescription:
    """A cloud by name; its regions begin with the one that is taken where nobody names any.

    `functions` is the provider of ours whose functions its own are like: in runtimes, reserved variables and packages.
    """

    name: str
    regions: tuple[str, ...]
    functions: str = "aws"


CloudDescriptions = Mapping[str, CloudDescription]

BUILT_IN_CLOUDS: CloudDescriptions = {name: CloudDescription(name, regions, name) for name, regions in REGIONS.items()}

# Azure: the instances of its Flex Consumption plan; some regions have refused the smallest (its issue tracker, 2026)
_MEMORY_SIZES = {"azure": (512, 2048, 4096)}


def round_memory(provider: str, asked: int) -> int:
    """The megabytes that the function gets: the next size up, or the largest that there is."""
    sizes = _MEMORY_SIZES.get(provider, (asked,))
    return next((size for size in sizes if size >= asked), sizes[-1])


def find_largest_memory(provider: str, otherwise: int) -> int:
    """The most megabytes that the provider has."""
    return _MEMORY_SIZES[provider][-1] if provider in _MEMORY_SIZES else otherwise


@dataclass(frozen=True, slots=True)
class FunctionRuntime:
    """A language and version; new functions are refused from `deprecated` on."""

    language: str
    version: str
    deprecated: date

    @property
    def name(self) -> str:
        """Such as `nodejs24.x` or `python3.13`."""
        return f"nodejs{self.version}.x" if self.language == "nodejs" else f"python{self.version}"


def _runtime_table(language: str, **deprecations: str) -> tuple[FunctionRuntime, ...]:
    return tuple(
        FunctionRuntime(language, version[1:].replace("_", "."), date.fromisoformat(day))
        for version, day in deprecations.items()
    )


FUNCTION_RUNTIMES = {
    "aws": (
        *_runtime_table("nodejs", v16="2024-06-12", v18="2025-09-01", v20="2026-04-30"),
        *_runtime_table("nodejs", v22="2027-04-30", v24="2028-04-30"),
        *_runtime_table("python", v3_9="2025-12-15", v3_10="2026-10-31", v3_11="2027-06-30"),
        *_runtime_table("python", v3_12="2028-10-31", v3_13="2029-06-30", v3_14="2029-06-30"),
    ),
    "azure": (
        *_runtime_table("nodejs", v16="2024-06-30", v18="2025-04-30", v20="2026-04-30"),
        *_runtime_table("nodejs", v22="2027-04-30", v24="2028-04-30"),
        *_runtime_table("python", v3_9="2025-10-31", v3_10="2026-10-31", v3_11="2027-10-31"),
        *_runtime_table("python", v3_12="2028-10-31", v3_13="2029-10-31", v3_14="2030-10-31"),
    ),
}
_DEFAULT_RUNTIMES = {"nodejs": "nodejs24.x", "python": "python3.13"}


def default_runtime(provider: str, language: str) -> str:
    """The runtime of a function whose configuration names none; KeyError for a language that has none."""
    return find_runtime(provider, _DEFAULT_RUNTIMES[language]).name


def find_runtime(provider: str, name: str) -> FunctionRuntime:
    """The runtime of that name; KeyError when the provider has none."""
    return {runtime.name: runtime for runtime in FUNCTION_RUNTIMES[provider]}[name]


def find_runtime_fault(provider: str, name: str, today: date) -> Fault | None:
    """Why a function cannot be made for this runtime today, or None; the path is left to the caller."""
    current = [runtime.name for runtime in FUNCTION_RUNTIMES[provider] if today < runtime.deprecated]
    if name in current:
        return None
    try:
        runtime = find_runtime(provider, name)
    except KeyError:
        return Fault(
            "runtime", f"'{make_printable(name)}' is not a runtime of {provider}", suggest_known(name, current)
        )
    instead = default_runtime(provider, runtime.language)
    message = f"{name} is deprecated since {runtime.deprecated}; use {instead}"
    return Fault("runtime", message, f"Supported: {', '.join(current)}.")
