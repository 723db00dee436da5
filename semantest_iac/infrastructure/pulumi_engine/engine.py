"""The Provisioner on Pulumi's engine: each operation is one child process, and all of it is gone when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from semantest_iac.domain.deployment.announcements import announcement, updated, with_code
from semantest_iac.domain.deployment.plan import ChangePlan, traced
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.ports.provisioner import Applied, Held, Progress, Publish, Removal, Tick, Work
from semantest_iac.infrastructure.pulumi_engine.children import Children, Hear
from semantest_iac.infrastructure.pulumi_engine.code import Couriers, Delivery, to_real_cloud
from semantest_iac.infrastructure.pulumi_engine.pending import Search, recovery_of
from semantest_iac.infrastructure.pulumi_engine.refusals import judged
from semantest_iac.infrastructure.pulumi_engine.states import State, in_files
from semantest_iac.infrastructure.pulumi_engine.tasks import Order, Shown
from semantest_iac_events.infrastructure import InfrastructureRemoved
from semantest_iac_events.values import ChangeCounts, ResourceChange


class PulumiEngine:
    """Runs the real programs with Pulumi's CLI; one run of a stack at a time is the caller's business.

    `search` looks in the cloud for what a killed run had begun to create; without it that is a person's to judge.
    `courier` brings packages where programs do not carry them; without another it is that of the real cloud.
    """

    def __init__(self, children: Children, search: Search | None = None, courier: Couriers = to_real_cloud) -> None:
        self._children = children
        self._search = search
        self._courier = courier
        self._previewed: dict[Stack, _Previewed] = {}

    async def preview(self, work: Work) -> ChangePlan:
        """What apply would do; makes an empty stack in the backend where there is none."""
        stack = work.blueprint.stack
        done = await self._done(Order("preview", stack, work))
        plan, held, courier = _plan(done), Held.NOTHING, self._courier(stack)
        if courier:
            delivery = Delivery(courier, State(done["state"]))
            held = await delivery.held(work)
            plan = replace(plan, lacks_code=bool(held) or await delivery.misses(work, plan))
        self._previewed[stack] = _Previewed(plan, done["fingerprint"], held)
        return plan

    async def apply(self, work: Work, plan: ChangePlan, publish: Publish, progress: Progress) -> Applied:
        """Do what was planned: a plan that is not of this moment is made anew, and refused where it differs."""
        stack, before = work.blueprint.stack, await self._before(work, plan)
        work = replace(work, held=before.held)  # the rest when code has been published
        order = Order("apply", stack, work, Shown(mutations_of(plan), before.fingerprint, bool(before.held)))
        applied = _applied(await self._done(order, _announcing(work, plan, publish, progress)))
        await publish(updated(work.identity, applied))
        return applied

    async def publish_code(self, work: Work, applied: Applied, publish: Publish, progress: Progress) -> Applied:
        """Bring the package to the app that the state names, as the cloud's own tools would; then what waited."""
        stack, artifact = work.blueprint.stack, work.artifact
        delivery = await self._delivery(stack)
        if delivery is None or artifact is None:
            return applied
        held = await delivery.held(work)
        await delivery.brought(artifact, progress)
        if held:
            applied = applied.then(_applied(await self._done(Order("apply", stack, work), _showing(progress))))
            await publish(updated(work.identity, applied))
        for event in with_code(delivery.state.kinds, work.identity, artifact.digest):
            await publish(event)
        return applied

    async def _delivery(self, stack: Stack) -> Delivery | None:
        """None where the program carries its packages."""
        courier = self._courier(stack)
        return Delivery(courier, await self.state(stack) or State({})) if courier else None

    async def _before(self, work: Work, plan: ChangePlan) -> _Previewed:
        """What the preview that made this very plan found out; of another plan nothing is trusted."""
        previewed = self._previewed.pop(work.blueprint.stack, None)
        if previewed and previewed.plan == plan:
            return previewed
        delivery = await self._delivery(work.blueprint.stack)
        return _Previewed(plan, held=await delivery.held(work) if delivery else Held.NOTHING)

    async def preview_removal(self, stack: Stack) -> ChangePlan:
        """Every resource of the stack, as a delete."""
        return _plan(await self._done(Order("preview_removal", stack)))

    async def remove(self, removal: Removal, publish: Publish, progress: Progress) -> ChangeCounts:
        """Delete what the state knows; no program is needed for that."""
        done = await self._done(Order("remove", removal.stack), _showing(progress))
        changes = _plan(done).changes
        await publish(InfrastructureRemoved(**removal.identity, changes=changes, generation=removal.generation))
        return changes

    async def detect_drift(self, stack: Stack) -> ChangePlan:
        """How the cloud differs from what was deployed: updates and deletes that nobody here made."""
        return _plan(await self._done(Order("detect_drift", stack)))

    async def export(self, stack: Stack) -> Mapping[str, Any]:
        """The state in Pulumi's deployment format, secrets sealed; empty for a stack that is not there."""
        state: Mapping[str, Any] = (await self._done(Order("export", stack)))["state"]
        return state

    async def state(self, stack: Stack) -> State | None:
        """Read from the files where they are this host's own: that spares a start of the CLI."""
        files = self._children.site.files
        return in_files(files, str(stack)) if files else State(await self.export(stack))

    async def revealed(self, stack: Stack) -> State:
        """The state with its secrets opened, at the price of a start of the CLI."""
        return State((await self._done(Order("reveal", stack)))["state"])

    async def _done(self, order: Order, hear: Hear | None = None) -> Mapping[str, Any]:
        """The outcome of an order; one that meets cut-off creates is begun again when their fate is known."""
        last = await self._children.carry_out(order, hear)
        if "pending" in last:
            recovery = recovery_of(last["pending"], order.stack, self._search)
            last = await self._children.carry_out(order, hear, recovery)
        return judged(last, order.stack)


@dataclass(frozen=True, slots=True)
class _Previewed:
    """A plan, what it was computed from, and what of it has to wait for code."""

    plan: ChangePlan
    fingerprint: str = ""
    held: Held = Held.NOTHING


def mutations_of(plan: ChangePlan) -> frozenset[tuple[str, str]]:
    """What the plan changes."""
    return frozenset((change.urn, change.op) for change in plan.mutations)


def _showing(progress: Progress) -> Hear:
    async def hear(message: Mapping[str, Any]) -> None:
        if tick := message.get("tick"):
            progress(Tick(**tick))

    return hear


def _announcing(work: Work, plan: ChangePlan, publish: Publish, progress: Progress) -> Hear:
    show, digest = _showing(progress), work.artifact.digest if work.artifact else ""

    async def hear(message: Mapping[str, Any]) -> None:
        await show(message)
        if settled := message.get("settled"):
            event = announcement(settled["kind"], settled["outputs"], work.identity, digest, lacks_code=plan.lacks_code)
            if event:
                await publish(event)

    return hear


def _applied(done: Mapping[str, Any]) -> Applied:
    return Applied(_plan(done), done["outputs"])


def _plan(done: Mapping[str, Any]) -> ChangePlan:
    steps = done["steps"]
    return traced([_change(step) for step in steps], {step["urn"]: step["origins"] for step in steps})


def _change(step: Mapping[str, Any]) -> ResourceChange:
    loses = step["stateful"] and step["op"] in ("delete", "replace")
    return ResourceChange(
        urn=step["urn"],
        type=step["type"],
        name=step["name"],
        op=step["op"],
        why=tuple(step["why"]),
        reversible="irreversible" if loses else "reversible",
    )
