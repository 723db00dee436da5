"""Plans and results in words, the same for every command that has one to show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from semantest_iac.presentation.cli.tables import aligned

if TYPE_CHECKING:
    from semantest_iac.domain.deployment.plan import ChangePlan
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.guardrails.engine_choice import EngineChoice
    from semantest_iac.presentation.cli.result import Result
    from semantest_iac_events.values import ChangeCounts, HealthAnswer, ResourceChange

MARKS = {"create": "+", "update": "~", "replace": "±", "delete": "-", "same": " ", "keep": "=", "publish": "^"}
DONE = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
    "same": "unchanged",
    "keep": "kept",
    "publish": "published",  # code, to a resource that is there
}
STAYS = "stays in the cloud: others may rely on it"
SANDBOX = "simulated {provider} on this machine; no account is touched"
LONGEST_BODY = 200


def kind_of(resource_type: str) -> str:
    """`lambda.Function` for `aws:lambda/function:Function`; a component's type loses its package alone."""
    _, _, rest = resource_type.partition(":")
    module, _, name = rest.rpartition(":")
    return f"{module.partition('/')[0]}.{name}" if module else resource_type


def where(stack: Stack, engine: EngineChoice) -> str:
    """The stack, and that nothing is real where nothing is."""
    if not engine.is_played:
        return f"{stack}: the real {stack.provider}, by {engine.engine}"
    by = "" if engine.engine == "sandbox" else f", by {engine.engine}"
    return f"{stack}: {SANDBOX.format(provider=stack.provider)}{by}"


def plan_lines(changes: ChangeCounts, resources: Iterable[ResourceChange]) -> list[str]:
    """The counts, and every resource that changes with the properties that cause it."""
    rows = [_row(change) for change in resources if change.op != "same"]
    if not rows:
        return [f"Plan: nothing to change, {changes.same} unchanged"]
    counts = [f"{count} to {name}" for name, count in changes.model_dump().items() if count and name != "same"]
    return [f"Plan: {', '.join(counts)}", *aligned(rows)]


def _row(change: ResourceChange) -> list[str]:
    loss = "cannot be undone" if change.reversible == "irreversible" else ""
    stays = STAYS if change.op == "keep" else ""
    why = "; ".join(filter(None, (", ".join(change.why), loss, stays)))
    return [f"  {MARKS[change.op]} {change.op}", kind_of(change.type), change.name, why]


def note_lines(notes: Iterable[str]) -> list[str]:
    """What a person should know about what was made for them."""
    return [f"Note: {note}" for note in notes]


def preview_lines(plan: ChangePlan) -> Iterator[str]:
    """The plan and what follows from it."""
    yield from plan_lines(plan.changes, plan.resources)
    if plan.lacks_code:
        yield "The package is published."
    if plan.verdict == "irreversible":
        yield "Something is lost for good if this is carried out."


def result_lines(result: Result, stack: Stack, home: str) -> Iterator[str]:
    """What was done, where the service is, what it says, and what to try next."""
    verb = {"deploy": "Deployed", "destroy": "Destroyed"}[result.row.kind]
    counts = [f"{count} {DONE[name]}" for name, count in result.row.changes.items() if count]
    mutated = any(count for name, count in result.row.changes.items() if name != "same")
    yield f"{verb} in {result.seconds:.1f} s: {', '.join(counts)}." if mutated else "Nothing to change."
    if result.row.changes.get("keep"):
        yield f"What was kept {STAYS}."
    if result.row.endpoint:
        yield f"endpoint  {result.row.endpoint}"
    if result.health:
        yield f"health    {health_line(result.health)}"
    if result.row.kind == "deploy":
        yield from next_commands(stack, home)


def health_line(health: HealthAnswer) -> str:
    """`GET /health -> 200 {…}` or `$connect -> 101 {…}`, on one line."""
    body = " ".join(health.body.split())
    asked = f"GET {health.path}" if health.path.startswith("/") else health.path
    return f"{asked} -> {health.status} {body[:LONGEST_BODY]}{'…' if len(body) > LONGEST_BODY else ''}"


def next_commands(stack: Stack, home: str) -> list[str]:
    """Commands that reach this very stack."""
    program, place = "  python -m semantest_iac", f"{_place_options(stack)}{home}"
    special = {"websocket": f"serve{home}", "account": f"outputs --component account{place}"}
    call = special.get(stack.component, f"invoke {stack.component} GET /health{place}")
    return [
        "Try next:",
        f"{program} {call}",
        f"{program} status{home}",
        f"{program} destroy --component {stack.component}{place}",
    ]


def _place_options(stack: Stack) -> str:
    from semantest_iac.domain.environments.names import DEFAULT_ENVIRONMENT
    from semantest_iac.domain.environments.regions import DEFAULT_REGIONS

    usual = {"environment": DEFAULT_ENVIRONMENT, "region": DEFAULT_REGIONS.get(stack.provider)}
    said = {name: getattr(stack, name) for name in usual if getattr(stack, name) != usual[name]}
    provider = {} if stack.provider == "aws" else {"provider": stack.provider}
    return "".join(f" --{name} {word}" for name, word in (provider | said).items())
