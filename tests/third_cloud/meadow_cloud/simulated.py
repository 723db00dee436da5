"""The rules of Meadow's resource types, for the simulation."""

from __future__ import annotations

from semantest_iac.infrastructure.simulated_cloud.runtime.cloud import SimulatedCloud
from semantest_iac.infrastructure.simulated_cloud.runtime.faults import NO_FAULTS, FaultScript
from semantest_iac.infrastructure.simulated_cloud.runtime.inventory import Inventory
from semantest_iac.infrastructure.simulated_cloud.schema.properties import (
    Evidence,
    Length,
    Property,
    Range,
    integer,
    list_of,
    map_of,
    number,
    text,
)
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import (
    OnDelete,
    ResourceReference,
    TypeRule,
    UniqueHandle,
)

_DOC = Evidence.DOC
_TAKEN = Refusal("NameTaken", "There is a {name} already.")
_LOST = Refusal("Lost", "{value} does not exist.", 404)


def _rule(refers: dict[str, str] | None = None, **properties: Property) -> TypeRule:
    return TypeRule(
        properties={"name": text(Length(1, 60, _DOC), required=True, force_new=True), **properties},
        identity="{name}",
        name_input="name",
        planned={"arn": "meadow:{region}:{name}", "address": "https://{name}.{region}.meadow.example"},
        handles=("{arn}",),
        unique=(UniqueHandle("{name}", _TAKEN),),
        references=tuple(
            ResourceReference(path, (f"meadow:app:{kind}",), _LOST, _DOC, on_delete=OnDelete.REFUSE)
            for path, kind in (refers or {}).items()
        ),
        in_use_refusal=Refusal("InUse", "Something still needs {name}.", 409),
    )


TYPES = {
    "meadow:app:Log": _rule(days=integer(Range(0, 3653, _DOC))),
    "meadow:app:Role": _rule({"log": "Log"}, log=text(required=True)),
    "meadow:app:Function": _rule(
        {"role": "Role"},
        **dict.fromkeys(("role", "handler", "runtime", "digest"), text(required=True)),
        memory=integer(Range(128, 10240, _DOC)),
        timeout=integer(),
        settings=map_of(text()),
    ),
    "meadow:app:Api": _rule(
        {"function": "Function", "log": "Log"}, function=text(required=True), routes=list_of(text()), log=text()
    ),
    "meadow:app:Bell": _rule(emails=list_of(text())),
    "meadow:app:Alarm": _rule({"bell": "Bell"}, signal=text(), threshold=number(), bell=text(required=True)),
}


def simulated_meadow(inventory: Inventory, *, region: str, faults: FaultScript = NO_FAULTS) -> SimulatedCloud:
    """Open one region of the only account."""
    return SimulatedCloud(TYPES, inventory, account="1", region=region, faults=faults)
