"""Which regions each provider has, and which are each other's counterpart."""

from __future__ import annotations

from collections.abc import Sequence

from semantest_iac.domain.environments.names import nearest, shown
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
PAIRS = {"us-east-1": "eastus", "us-west-2": "westus2", "eu-west-1": "westeurope"}

_TITLES = {"aws": "an AWS region", "azure": "an Azure region"}
_COUNTERPARTS = PAIRS | {azure: aws for aws, azure in PAIRS.items()}


def normalised(provider: str, region: str) -> str:
    """The form that the provider uses: lower case, for Azure without spaces (`West US 2` is `westus2`)."""
    lowered = region.strip().lower()
    return lowered.replace(" ", "") if provider == "azure" else lowered


def region_fault(provider: str, region: str, known: Sequence[str]) -> Fault | None:
    """Why the provider has no such region, with the counterpart or the nearest of those known as hint."""
    name = normalised(provider, region)
    if name in known:
        return None
    counterpart = _COUNTERPARTS.get(name)
    instead = counterpart if counterpart in known else nearest(name, known) or known[0]
    title = _TITLES.get(provider, f"a region of {provider}")
    return Fault("region", f"'{shown(region)}' is not {title}", f"Use '{instead}'.")
