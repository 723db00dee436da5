"""The clouds as the words of a request are judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from semantest_iac.domain.environments.regions import REGIONS


@dataclass(frozen=True, slots=True)
class Provider:
    """A cloud by name; its regions begin with the one that is taken where nobody names any.

    `functions` is the provider of ours whose functions its own are like: in runtimes, reserved variables and packages.
    """

    name: str
    regions: tuple[str, ...]
    functions: str = "aws"


Providers = Mapping[str, Provider]

OURS: Providers = {name: Provider(name, regions, name) for name, regions in REGIONS.items()}
