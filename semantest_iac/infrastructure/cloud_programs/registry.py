"""Which clouds there are programs for; asking costs no SDK."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points

GROUP = "semantest_iac.clouds"
OURS: Mapping[str, str] = {
    "aws": "semantest_iac.infrastructure.cloud_programs.aws.catalogue",
    "azure": "semantest_iac.infrastructure.cloud_programs.azure.catalogue",
}


def clouds() -> list[str]:
    """The names of all clouds that can be deployed to here, sorted."""
    return sorted({*OURS, *(point.name for point in entry_points(group=GROUP))})
