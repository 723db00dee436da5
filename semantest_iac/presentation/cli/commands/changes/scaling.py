"""`scale`: changes between how many instances a deployed component scales, and nothing else."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import click

from semantest_iac.application.ports.run_queue import FIRST_COME
from semantest_iac.domain.compute.scaling import ScalingChange, ScalingPolicy
from semantest_iac.domain.environments.names import ALL_COMPONENTS
from semantest_iac.domain.errors import NotFoundError
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import format_stack_and_cloud
from semantest_iac.presentation.cli.options import (
    configuration_options,
    detach_option,
    many_stacks_options,
    session_options,
    yes_option,
)
from semantest_iac.presentation.cli.parsing.deployed_stacks import (
    is_live_service,
    resolve_deployed_or_configured,
    resolve_every_deployed_stack,
)
from semantest_iac.presentation.cli.session import (
    STANDARD_FILE,
    ConfigurationOptions,
    MultiStackSelector,
    ResolvedStack,
    Session,
    StackSelector,
)
from semantest_iac.presentation.cli.text.plans import format_plan

if TYPE_CHECKING:
    from semantest_iac.application.ports.ledger import DeploymentRow
    from semantest_iac.application.queries.scalings import ResolvedScaling
    from semantest_iac.application.use_cases import DeploymentUseCase
    from semantest_iac.presentation.cli.execution import DeployCommand

SCALE_HELP = """Change between how many instances a deployed component scales, and nothing else of it.

\b
  semantest-iac scale rest-api --min 2 --max 10
  semantest-iac scale --component rest-api --env qa --max 50 --dry-run

--min instances are kept warm, --max is the limit; one that is not given stays as it is deployed. What may be asked for
is bounded by `scaling` in the configuration. Code, settings and everything else stay as they are deployed, also where
the configuration says something else by now. The next deploy brings the instances to the configuration again: write
there what is to stay.

A scaling waits for what was requested before it, and replaces nothing. Before it changes a real cloud, asks as deploy
does.
"""


class _Scaling(NamedTuple):
    """A stack, and how its instances change; None where that is known only when its turn has come."""

    place: ResolvedStack
    resolved: ResolvedScaling | None


@click.command("scale", help=SCALE_HELP)
@many_stacks_options
@click.option("--min", "minimum", type=click.IntRange(min=0), metavar="N", help="Instances kept warm; 0 for none.")
@click.option("--max", "maximum", type=click.IntRange(min=1), metavar="N", help="Most instances at once.")
@click.option("--reason", default="", metavar="TEXT", help="Why, for the ledger.")
@click.option("--dry-run", is_flag=True, help="Show what would change and change nothing.")
@detach_option
@yes_option
@configuration_options
@session_options
def scale_command(  # noqa: PLR0913  # one parameter for each option
    session: Session,
    selector: MultiStackSelector,
    options: ConfigurationOptions,
    minimum: int | None,
    maximum: int | None,
    reason: str,
    dry_run: bool,
    detach: bool,
    yes: bool,
) -> int:
    """Check what is asked for of all stacks before scaling any."""
    from semantest_iac.application.intake.deployment_specs import accept_all
    from semantest_iac.presentation.cli.execution import execute_commands, show_reading

    change = ScalingChange(minimum, maximum)
    with show_reading(session):
        places = _resolve_stacks(session, selector, options)
        scalings = accept_all(partial(_resolve, session, place, change) for place in places)
    session.warn_of_rehearsals(place.placed for place in places)
    if dry_run:
        for scaling in scalings:
            _show_preview(session, scaling, change)
        return OK
    for scaling in scalings:
        _show_instances(session, scaling)
    given = {"by": session.user_name, "reason": reason, "detach": FIRST_COME if detach else None}
    given |= {"batch": str(uuid4()) if len(places) > 1 else None}
    code = execute_commands(session, [_to_command(place, change, given) for place in places], is_confirmed=yes)
    if code == OK:
        for scaling in scalings:
            _tell_what_deploy_sets(session, options, scaling)
    return code


def _resolve_stacks(
    session: Session, selector: MultiStackSelector, options: ConfigurationOptions
) -> list[ResolvedStack]:
    """Resolve each component that is named, and for `all` every deployed service; raises ValidationError."""
    from semantest_iac.application.intake.deployment_specs import accept_all

    named = tuple(name for name in selector.component if name != ALL_COMPONENTS)
    found: list[ResolvedStack] = []
    if named != selector.component:
        every = replace(selector, component=())
        found += resolve_every_deployed_stack(session, every, options, is_live_service)
        if not found:
            raise NotFoundError("Cannot scale: nothing is deployed there.", hint="Deploy first.")
    if named or not selector.component:
        each_selector = session.expand(replace(selector, component=named), options)
        found += accept_all(
            partial(resolve_deployed_or_configured, session, each, options, is_live_service) for each in each_selector
        )
    return list({place.stack: place for place in found}.values())


def _resolve(session: Session, place: ResolvedStack, change: ScalingChange) -> _Scaling:
    deployments = session.application.deployments(place.variables, engine=place.engine)
    return _Scaling(place, deployments.find_scaling(place.stack, change))


def _to_command(place: ResolvedStack, change: ScalingChange, given: dict[str, Any]) -> DeployCommand:
    from semantest_iac.presentation.cli.execution import DeployCommand

    def start(deployments: DeploymentUseCase) -> Coroutine[Any, Any, DeploymentRow]:
        return deployments.scale(place.stack, change, **given)

    return DeployCommand("scale", place.stack, place.engine, place.variables, start)


def _show_preview(session: Session, scaling: _Scaling, change: ScalingChange) -> None:
    from semantest_iac.presentation.cli.execution import run_interruptible, show_steps
    from semantest_iac.presentation.cli.text.guardrails import format_review, review_to_dict

    place = scaling.place
    with show_steps(session) as progress:
        deployments = session.application.deployments(place.variables, engine=place.engine, progress=progress)
        context = run_interruptible(deployments.preview_scaling(place.stack, change), session.terminal)
    plan, review = context.plan, session.application.review_preview(context)
    _show_instances(session, scaling)
    answer: dict[str, Any] = {"stack": str(place.stack)}
    if scaling.resolved is not None:
        answer |= {"instances": {name: _to_dict(getattr(scaling.resolved, name)) for name in ("deployed", "target")}}
    session.answer(
        answer | plan.as_dict() | {"simulated": place.engine.is_simulated} | review_to_dict(review),
        (*format_plan(plan, session.terminal.width), *format_review(review)),
    )


def _to_dict(policy: ScalingPolicy) -> dict[str, int | None]:
    return {"min": policy.minimum, "max": policy.maximum}


def _show_instances(session: Session, scaling: _Scaling) -> None:
    if session.json:
        return
    session.terminal.print_prose(format_stack_and_cloud(scaling.place.stack, scaling.place.engine))
    if scaling.resolved is not None:
        session.terminal.print_lines(*_format_instances(scaling.resolved))


def _format_instances(resolved: ResolvedScaling) -> Iterator[str]:
    for name, before, after in (
        ("min", resolved.deployed.minimum, resolved.target.minimum),
        ("max", resolved.deployed.maximum, resolved.target.maximum),
    ):
        shown = [("unlimited" if count is None else str(count)) for count in (before, after)]
        yield f"  {name} instances: {shown[0]}" + (f" -> {shown[1]}" if before != after else ", as deployed")


def _tell_what_deploy_sets(session: Session, options: ConfigurationOptions, scaling: _Scaling) -> None:
    """Say that the next deployment takes the scaling back, where the configuration says something else."""
    from semantest_iac.domain.environments.configuration import resolve_component

    stack, resolved = scaling.place.stack, scaling.resolved
    loaded = session.load_configuration(StackSelector.from_stack(stack), options)
    if resolved is None or loaded.faults:
        return
    configured = resolve_component(loaded.configuration, stack.component, stack.environment).instances
    target = _to_dict(resolved.target)
    differing = {name: count for name, count in _to_dict(configured).items() if count != target[name]}
    if not differing:
        return
    said = ", ".join(f"{name} {'unlimited' if count is None else count}" for name, count in differing.items())
    kept = ", ".join(f"{name}: {count}" for name, count in target.items() if count is not None)
    session.terminal.print_remarks(
        f"{options.config or STANDARD_FILE} says {said}: the next deploy of {stack} sets that again.",
        f"To keep what is deployed now, write components.{stack.component}.instances: {{{kept}}}",
    )
