"""Resource groups, which take along everything in them."""

from __future__ import annotations

from typing import Final

from semantest_iac.infrastructure.simulated_cloud.azure.every_type import DOC, GROUP, GROUP_ID, ArmType
from semantest_iac.infrastructure.simulated_cloud.azure.shapes import known
from semantest_iac.infrastructure.simulated_cloud.limits import Length, Pattern
from semantest_iac.infrastructure.simulated_cloud.rules import TypeRule

TYPES: Final[dict[str, TypeRule]] = {
    GROUP: ArmType(GROUP, GROUP_ID).rule(
        {"resourceGroupName": known(Length(1, 90, DOC), Pattern(r"^[\w.()-]*[\w()-]$", DOC))},
        computed={
            "type": "Microsoft.Resources/resourceGroups",
            "properties": lambda _: {"provisioningState": "Succeeded"},
        },
        latency=3,
    ),
}
