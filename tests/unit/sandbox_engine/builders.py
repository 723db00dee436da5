"""Builders of resource states with defaults."""

from __future__ import annotations

from typing import Any

from semantest_iac.infrastructure.sandbox_engine.protocol.urns import build_urn
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import ResourceState

TOPIC = "aws:sns/topic:Topic"


def a_urn(name: str, parent: str = "", type_: str = TOPIC) -> str:
    """Build the URN of a resource in the stack `s` and the project `p`."""
    return build_urn("s", "p", parent, type_, name)


def a_state(name: str, **fields: Any) -> ResourceState:
    """Build the state of a topic; `needs` names the topics that it depends on."""
    needs = tuple(a_urn(need) for need in fields.pop("needs", ()))
    defaults: dict[str, Any] = {"type": TOPIC, "custom": True, "id": f"id-{name}", "dependencies": needs}
    merged = {**defaults, **fields}
    return ResourceState(urn=a_urn(name, merged.get("parent", ""), merged["type"]), **merged)
