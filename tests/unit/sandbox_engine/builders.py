"""States with as little said as a test needs."""

from __future__ import annotations

from typing import Any

from semantest_iac.infrastructure.sandbox_engine.protocol.urns import build_urn
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import ResourceState

TOPIC = "aws:sns/topic:Topic"


def a_urn(name: str, parent: str = "", type_: str = TOPIC) -> str:
    """The URN of a resource of the stack `s` in the project `p`."""
    return build_urn("s", "p", parent, type_, name)


def a_state(name: str, **fields: Any) -> ResourceState:
    """A topic; `needs` names others of the kind that it depends on."""
    needs = tuple(a_urn(need) for need in fields.pop("needs", ()))
    defaults: dict[str, Any] = {"type": TOPIC, "custom": True, "id": f"id-{name}", "dependencies": needs}
    merged = {**defaults, **fields}
    return ResourceState(urn=a_urn(name, merged.get("parent", ""), merged["type"]), **merged)
