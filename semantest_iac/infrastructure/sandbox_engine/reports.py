"""What a run did or would do, in the words of the domain."""

from __future__ import annotations

from collections.abc import Iterable

from semantest_iac.domain.deployment.plan import ChangePlan, traced
from semantest_iac.domain.ports.provisioner import Applied, Outputs
from semantest_iac.infrastructure.sandbox_engine.run import Run
from semantest_iac.infrastructure.sandbox_engine.snapshots import Snapshot
from semantest_iac.infrastructure.sandbox_engine.steps import Step
from semantest_iac.infrastructure.sandbox_engine.urns import STACK_TYPE
from semantest_iac.infrastructure.sandbox_engine.values import bare, holds_secret
from semantest_iac_events.values import ResourceChange


def plan(steps: Iterable[Step], stateful: frozenset[str]) -> ChangePlan:
    """The steps that reach a cloud; components and providers are how a program is written, not what it makes."""
    steps = [step for step in steps if not step.state.is_local]
    origins = {step.state.urn: step.state.property_dependencies for step in steps}
    return traced([_change(step, stateful) for step in steps], origins)


def applied(run: Run) -> Applied:
    """What was done and the stack's outputs, without the secret ones."""
    return Applied(plan(run.executor.steps, frozenset()), outputs_of(run.executor.snapshot))


def outputs_of(snapshot: Snapshot) -> Outputs:
    """What the stack offers, without secrets."""
    root = next((state for state in snapshot if state.type == STACK_TYPE), None)
    return {name: bare(v) for name, v in root.outputs.items() if not holds_secret(v)} if root else {}


def _change(step: Step, stateful: frozenset[str]) -> ResourceChange:
    op = "keep" if step.op == "delete" and step.state.retain_on_delete else step.op
    loses = op in ("delete", "replace") and step.state.type in stateful
    return ResourceChange(
        urn=step.state.urn,
        type=step.state.type,
        name=step.state.name,
        op=op,
        why=step.why,
        reversible="irreversible" if loses else "reversible",
    )
