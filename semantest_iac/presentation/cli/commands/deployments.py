"""`deploy`, `preview` and `destroy`: the commands that change stacks or show what would change."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import click

from semantest_iac.application.ports.run_queue import QueuePlace
from semantest_iac.application.queries.history import is_deployed_or_unfinished
from semantest_iac.domain.environments.names import ALL_COMPONENTS
from semantest_iac.domain.errors import ValidationError
from semantest_iac.domain.guardrails.engine_choice import EngineChoice
from semantest_iac.presentation.cli.commands.reviews.policy_packs import policy_pack_option, use_policy_packs
from semantest_iac.presentation.cli.commands.services import PORT_RANGE, require_simulated, serve_until_stopped
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    align_columns,
    empty_result,
    format_notes,
    format_stack_and_cloud,
)
from semantest_iac.presentation.cli.options import (
    configuration_options,
    detach_option,
    many_stacks_options,
    session_options,
    use_home_or_temporary,
    yes_option,
)
from semantest_iac.presentation.cli.parsing.canary_options import canary_options, with_canary
from semantest_iac.presentation.cli.parsing.deployed_stacks import (
    format_deployed_instead,
    format_remaining,
    resolve_every_deployed_stack,
    resolve_stacks_to_destroy,
)
from semantest_iac.presentation.cli.session import (
    ConfigurationOptions,
    MultiStackSelector,
    PlacedStack,
    ResolvedStack,
    Session,
)
from semantest_iac.presentation.cli.text.plans import format_plan

if TYPE_CHECKING:
    from semantest_iac.application.intake.deployment_specs import DeploymentSpec
    from semantest_iac.application.ports.ledger import DeploymentRow
    from semantest_iac.application.reviews.plan_reviewer import PlanReview
    from semantest_iac.application.use_cases import DeploymentUseCase
    from semantest_iac.domain.deployment.change_plan import ChangePlan
    from semantest_iac.presentation.cli.execution import DeployCommand


# The functions of `execution` and of reviews are imported where they run: shells read this module to complete words.

DEPLOY_HELP = """Deploy a component: show the plan, apply it, then check that the service answers.

\b
  semantest-iac deploy rest-api
  semantest-iac deploy rest-api websocket --env qa --dry-run
  semantest-iac deploy rest-api --set components.rest-api.memory=1024
  semantest-iac deploy rest-api --provider aws --provider azure

Name several components, or repeat --provider or --region, to deploy several stacks at once; the exit code is that of
the worst outcome. A stack's full name, such as rest-api.aws.qa.us-east-1, is as good as its component and options.
Without --env, deploys to the development environment, which is simulated on this machine. Before it changes a real
cloud, asks whether to deploy the plan; without a terminal, --yes is required for plans that replace or delete
resources. With --json, prints one event per line and the result on the last line.
"""


def _parse_moment(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Return the seconds since 1970; a time that names no zone is local."""
    try:
        return None if value is None else datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError) as error:
        raise click.BadParameter("use a time such as 2026-12-31T02:00 or 2026-12-31T02:00:00Z.") from error


_REFRESH_OPTION = click.option(
    "--refresh", is_flag=True, help="Read the state from the cloud first, to correct what was changed there."
)


@click.command("deploy", help=DEPLOY_HELP)
@many_stacks_options
@click.option("--dry-run", is_flag=True, help="Show what would change and change nothing, as preview does.")
@click.option("--serve", "then_serve", is_flag=True, help="Then serve all simulated stacks until Ctrl-C.")
@click.option("--port", type=PORT_RANGE, show_default=str(DEFAULT_PORT), help="With --serve; 0 chooses a free port.")
@detach_option
@click.option("--priority", type=int, metavar="N", help="With --detach: before those of a lower number; else 0.")
@click.option("--not-before", callback=_parse_moment, metavar="TIME", help="With --detach: at the earliest then.")
@click.option("--keep-failed", is_flag=True, help="Keep a first deployment that fails, for inspection.")
@_REFRESH_OPTION
@canary_options
@policy_pack_option
@yes_option
@configuration_options
@session_options
def deploy_command(  # noqa: PLR0913  # one parameter for each option
    session: Session,
    selector: MultiStackSelector,
    options: ConfigurationOptions,
    dry_run: bool,
    then_serve: bool,
    detach: bool,
    priority: int | None,
    not_before: float | None,
    keep_failed: bool,
    refresh: bool,
    canary: str | None,
    bake: float | None,
    policy_packs: tuple[Path, ...],
    yes: bool,
    port: int | None,
) -> int:
    """Validate all stacks before deploying any."""
    from semantest_iac.presentation.cli.execution import execute_commands, show_reading

    options = with_canary(options, canary, bake)
    if dry_run:
        return _show_previews(
            session, lambda looking: _preview_deployments(looking, selector, options, policy_packs, refresh=refresh)
        )
    _refuse_contradictions(
        {"--serve": then_serve, "--port": port is not None, "--detach": detach, "--policy-pack": bool(policy_packs)}
        | {"--priority or --not-before": (priority, not_before) != (None, None)}
    )
    with show_reading(session):
        specs = session.build_specs_and_warn(selector, options)
    use_policy_packs(session, policy_packs, specs)
    session.warn_of_rehearsals(map(_to_placed_stack, specs))
    if then_serve:
        require_simulated(specs)
    batch = str(uuid4()) if len(specs) > 1 else None
    place = QueuePlace(priority or 0, not_before) if detach else None
    given = {"by": session.user_name, "batch": batch, "keep_failed": keep_failed, "refresh": refresh, "detach": place}
    commands = [_to_deploy_command(spec, given)._replace(not_before=not_before) for spec in specs]
    code = execute_commands(session, commands, is_confirmed=yes)
    if not then_serve or code != OK:
        return code
    return serve_until_stopped(session, specs[0].variables, DEFAULT_HOST, DEFAULT_PORT if port is None else port)


_CONTRADICTIONS = (
    ("--port", "--serve", False, "deploy alone listens on no port", "Add --serve, or leave --port out."),
    ("--serve", "--detach", True, "it would serve before anything is deployed", "Leave one of them out."),
    ("--policy-pack", "--detach", True, "a worker deploys then", "Set SEMANTEST_POLICY_PACKS where the worker runs."),
    (
        "--priority or --not-before", "--detach", False, "deploy begins now",
        "Add --detach: a worker then deploys in that order, or at that time.",
    ),
)  # fmt: skip
"""Of two options: whether the second one must be left out or given, and why."""


def _refuse_contradictions(given: Mapping[str, bool]) -> None:
    for option, other, is_refused_with, reason, hint in _CONTRADICTIONS:
        if given[option] and given[other] == is_refused_with:
            word = "with" if is_refused_with else "without"
            raise ValidationError(f"Cannot use {option} {word} {other}: {reason}.", hint=hint)


def _to_deploy_command(spec: DeploymentSpec, given: Mapping[str, Any]) -> DeployCommand:
    def start(deployments: DeploymentUseCase) -> Coroutine[Any, Any, DeploymentRow]:
        return deployments.deploy(spec.stack, spec.configuration, settings=spec.settings, **given)

    from semantest_iac.presentation.cli.execution import DeployCommand

    return DeployCommand("deploy", spec.stack, spec.engine, spec.variables, start)


PREVIEW_HELP = """Show what deploy would change, or destroy with --destroy. Changes and records nothing.

\b
  semantest-iac preview rest-api --set components.rest-api.memory=1024
  semantest-iac preview rest-api --destroy
  semantest-iac preview all --provider aws --provider azure

`plan` is another name of this command.
"""


@click.command("preview", help=PREVIEW_HELP)
@click.option("--destroy", is_flag=True, help="Show what destroy would delete.")
@_REFRESH_OPTION
@policy_pack_option
@many_stacks_options
@configuration_options
@session_options
def preview_command(  # one parameter for each option
    session: Session,
    selector: MultiStackSelector,
    options: ConfigurationOptions,
    destroy: bool,
    refresh: bool,
    policy_packs: tuple[Path, ...],
) -> int:
    if destroy and refresh:
        hint = "Leave one of them out."
        raise ValidationError("Cannot use --refresh with --destroy: a destroy deletes what is in the state.", hint=hint)
    if destroy and policy_packs:
        hint = "Leave one of them out."
        raise ValidationError("Cannot use --policy-pack with --destroy: packs judge what is deployed.", hint=hint)
    if destroy:
        return _show_previews(session, lambda looking: _preview_destroys(looking, selector, options))
    return _show_previews(
        session, lambda looking: _preview_deployments(looking, selector, options, policy_packs, refresh=refresh)
    )


class StackPreview(NamedTuple):
    """What would change in one stack; `traffic` says how a new version would take over the traffic, if by a canary."""

    placed: PlacedStack
    engine: EngineChoice
    plan: ChangePlan
    review: PlanReview
    traffic: str = ""


def _show_previews(session: Session, preview_all: Callable[[Session], list[StackPreview]]) -> int:
    from semantest_iac.presentation.cli.text.guardrails import format_review, review_to_dict

    with use_home_or_temporary(session) as looking:
        previews = preview_all(looking)
    session.warn_of_rehearsals(preview.placed for preview in previews)
    for placed, engine, plan, review, traffic in previews:
        stack = placed.stack
        if not session.json:
            session.terminal.print_prose(format_stack_and_cloud(stack, engine))
            if traffic:
                session.terminal.print_prose(f"Traffic: {traffic.removesuffix('.')}.")
        answer = {"stack": str(stack)} | plan.as_dict() | {"simulated": engine.is_simulated} | review_to_dict(review)
        answer |= {"traffic": traffic} if traffic else {}
        session.answer(answer, (*format_plan(plan, session.terminal.width), *format_review(review)))
    return OK


def _preview_deployments(
    session: Session,
    selector: MultiStackSelector,
    options: ConfigurationOptions,
    policy_packs: tuple[Path, ...],
    *,
    refresh: bool,
) -> list[StackPreview]:
    from semantest_iac.presentation.cli.execution import show_reading

    with show_reading(session):
        specs = session.build_specs_and_warn(selector, options)
    use_policy_packs(session, policy_packs, specs)
    return [_preview_deployment(session, spec, refresh=refresh) for spec in specs]


def _preview_deployment(session: Session, spec: DeploymentSpec, *, refresh: bool) -> StackPreview:
    from semantest_iac.presentation.cli.execution import run_interruptible, show_steps

    with show_steps(session) as progress:
        deployments = session.application.deployments(spec.variables, engine=spec.engine, progress=progress)
        preview = deployments.preview(spec.stack, spec.configuration, settings=spec.settings, refresh=refresh)
        context = run_interruptible(preview, session.terminal)
    notes = context.artifact.notes if context.artifact else ()
    session.terminal.print_remarks(*format_notes(notes))
    review = session.application.review_preview(context)
    return StackPreview(_to_placed_stack(spec), spec.engine, context.plan, review, context.traffic)


def _to_placed_stack(spec: DeploymentSpec) -> PlacedStack:
    return PlacedStack(spec.stack, spec.engine.is_simulated, spec.base_environment)


def _preview_destroys(
    session: Session, selector: MultiStackSelector, options: ConfigurationOptions
) -> list[StackPreview]:
    from semantest_iac.presentation.cli.execution import show_reading

    with show_reading(session):
        targets = resolve_stacks_to_destroy(session, selector, options)
    return _preview_targets(session, targets)


def _preview_targets(session: Session, targets: Iterable[ResolvedStack]) -> list[StackPreview]:
    from semantest_iac.presentation.cli.execution import preview_destroy

    plans = [(target, preview_destroy(session, target)) for target in targets]
    review_destroy = session.application.review_destroy
    return [
        StackPreview(it.placed, it.engine, plan, review_destroy(it.stack, it.base_environment, plan))
        for it, plan in plans
    ]


DESTROY_HELP = """Delete every resource of a stack.

\b
  semantest-iac destroy rest-api --yes
  semantest-iac destroy all --provider aws --provider azure

A component is enough if one stack of it is deployed. Name several components, or repeat --provider or --region, to
destroy several stacks at once. Asks for confirmation of each before it deletes anything; without a terminal, --yes is
required. For a production stack, type the name of the stack.
"""


@click.command("destroy", help=DESTROY_HELP)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--everything", is_flag=True, help="Every stack of the home, or of --env, --provider and --region.")
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, as preview --destroy does.")
@many_stacks_options
@configuration_options
@session_options
def destroy_command(  # one parameter for each option
    session: Session,
    selector: MultiStackSelector,
    options: ConfigurationOptions,
    yes: bool,
    everything: bool,
    dry_run: bool,
) -> int:
    """Show all plans, ask for confirmation of each, then destroy."""
    from semantest_iac.application.operators.held_stacks import require_free_stack
    from semantest_iac.presentation.cli.execution import execute_commands, preview_destroy, show_reading

    resolve = resolve_every_deployed_stack if everything else resolve_stacks_to_destroy
    if dry_run:
        return _show_previews(session, lambda looking: _preview_targets(looking, resolve(looking, selector, options)))
    with show_reading(session):
        targets = resolve(session, selector, options)
    session.warn_of_rehearsals(target.placed for target in targets)
    if len(targets) == 1:  # of several, each says so itself
        require_free_stack(session.application.ledger, str(targets[0].stack))
    plans = [(target, preview_destroy(session, target)) for target in targets]
    if everything:
        _show_everything(session, plans)
        deployed = [target for target, _ in plans]
    else:
        deployed = [target for target, plan in plans if _show_destroy_plan_if_any(session, target, plan)]
        if not deployed and not session.json:
            session.terminal.print_lines(*format_deployed_instead(session, plans[0][0].stack))
    _confirm_destroys(session, deployed, yes=yes, at_once=everything)
    commands = [_to_destroy_command(session, target) for target in deployed]
    code = execute_commands(session, commands, accounts_last=True) if commands else OK
    if deployed and (everything or ALL_COMPONENTS in selector.component) and not session.json:
        session.terminal.print_lines(*format_remaining(session))
    return code


def _confirm_destroys(session: Session, targets: Sequence[ResolvedStack], *, yes: bool, at_once: bool) -> None:
    """Ask about each stack, or about all of them that need no more than `yes`; raises RefusedError."""
    from semantest_iac.domain.guardrails.consent import require_consent, required_consent

    common = [target for target in targets if at_once and required_consent(target.stack, target.bases) == "yes"]
    if common:
        answer = "yes" if yes else session.terminal.ask(f"Type yes to destroy {_count_stacks(common)}: ")
        for target in common:
            require_consent(target.stack, answer, target.bases)
    for target in targets:
        if target not in common:
            question = f"Type {required_consent(target.stack, target.bases)} to delete {target.stack}: "
            require_consent(target.stack, "yes" if yes else session.terminal.ask(question), target.bases)


def _show_everything(session: Session, plans: Sequence[tuple[ResolvedStack, ChangePlan]]) -> None:
    if session.json:
        return
    if not plans:
        session.terminal.print_lines("Nothing is deployed.")
        return
    rows = [(f"  {target.stack}", _describe_target(target, plan)) for target, plan in plans]
    session.terminal.print_lines(f"This destroys {_count_stacks(plans)}:", *align_columns(rows))


def _describe_target(target: ResolvedStack, plan: ChangePlan) -> str:
    cloud = "simulated" if target.engine.is_simulated else f"real {target.stack.provider} account"
    return f"{cloud}, {len(plan.mutations)} resources"


def _count_stacks(stacks: Sequence[object]) -> str:
    return "1 stack" if len(stacks) == 1 else f"{len(stacks)} stacks"


def _show_destroy_plan_if_any(session: Session, target: ResolvedStack, plan: ChangePlan) -> bool:
    """Show what would be deleted, and return whether there is anything to destroy.

    A stack without resources has something to destroy if an interrupted command left it open in the ledger.
    """
    if plan.resources:
        lines = list(format_plan(plan, session.terminal.width))
    elif is_deployed_or_unfinished(session.application.ledger, str(target.stack)):
        lines = [f"No resource of '{target.stack}' is left; destroying it ends what was interrupted."]
    else:
        result = empty_result(str(target.stack), "completed") | {"kind": "destroy"}
        session.answer(result, [f"Nothing is deployed as '{target.stack}'."])
        return False
    if not session.json:
        session.terminal.print_prose(format_stack_and_cloud(target.stack, target.engine))
        session.terminal.print_lines(*lines)
    return True


def _to_destroy_command(session: Session, target: ResolvedStack) -> DeployCommand:
    def start(deployments: DeploymentUseCase) -> Coroutine[Any, Any, DeploymentRow]:
        return deployments.destroy(target.stack, by=session.user_name, base_environment=target.base_environment)

    from semantest_iac.presentation.cli.execution import DeployCommand

    return DeployCommand("destroy", target.stack, target.engine, target.variables, start)
