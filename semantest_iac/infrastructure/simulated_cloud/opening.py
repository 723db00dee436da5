"""The simulated clouds in a file, which is made when one of them is asked for something."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from semantest_iac.infrastructure.simulated_cloud.catalogue import cloud_at
from semantest_iac.infrastructure.simulated_cloud.cloud import Cloud
from semantest_iac.infrastructure.simulated_cloud.faults import scripted
from semantest_iac.infrastructure.simulated_cloud.inventory import Inventory


@cache
def opened(path: Path) -> Inventory:
    """The inventory of a file, once per process."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Inventory(path)


def clouds_in(path: Path) -> Callable[[str, str], Cloud]:
    """The cloud of a package in a region; what goes wrong in them is written in `faults.json` beside the file."""
    faults = scripted(path.with_name("faults.json"))
    return lambda package, region: cloud_at(package, opened(path), region=region, faults=faults)
