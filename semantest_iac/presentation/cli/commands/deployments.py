"""`deploy`, `preview` and `destroy`: the commands that change stacks or show what would change."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from semantest_iac.domain.deployment.change_plan import ChangePlan
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ValidationError
from semantest_iac.domain.guardrails.consent import require_consent, required_consent
from semantest_iac.domain.guardrails.engine_choice import EngineChoice
from semantest_iac.presentation.cli.commands.services import PORT_RANGE, require_simulated, serve_until_stopped
from semantest_iac.presentation.cli.execution import (
    DeployCommand,
    execute_commands,
    preview_destroy,
    run_interruptible,
    show_steps,
)
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    empty_result,
    format_notes,
    format_stack_and_cloud,
)
from semantest_iac.presentation.cli.options import (
    configuration_options,
    many_stacks_options,
    session_options,
    use_temporary_home,
)
from semantest_iac.presentation.cli.session import ConfigurationOptions, MultiStackSelector, ResolvedStack, Session
from semantest_iac.presentation.cli.text.plans import format_plan

if TYPE_CHECKING:
    from semantest_iac.application.intake.deployment_specs import DeploymentSpec
    from semantest_iac.application.ports.ledger import DeploymentRow
    from semantest_iac.application.use_cases import DeploymentUseCase

StackPreview = tuple[Stack, EngineChoice, ChangePlan]

DEPLOY_HELP = """Deploy a component: show the plan, apply it, then check that the service answers.

\b
  semantest-iac deploy --component rest-api --provider aws
  semantest-iac deploy --component rest-api --set components.rest-api.memory=1024
  semantest-iac deploy --component rest-api --provider aws --provider azure

Repeat --component, --provider or --region to deploy several stacks at once; the exit code is that of the worst outcome.
Without --env, deploys to the development environment, which is simulated on this machine. Before it changes a real
cloud, asks whether to deploy the plan; without a terminal, --yes is required for plans that replace or delete
resources. With --json, prints one event per line and the result on the last line.
"""


_REFRESH_OPTION = click.option(
    "--refresh", is_flag=True, help="Read the state from the cloud first, to correct what was changed there."
)


@click.command("deploy", help=DEPLOY_HELP)
@many_stacks_options
@click.option("--serve", "then_serve", is_flag=True, help="Then serve all simulated stacks until Ctrl-C.")
@click.option("--port", type=PORT_RANGE, show_default=str(DEFAULT_PORT), help="With --serve; 0 chooses a free port.")
@click.option("--keep-failed", is_flag=True, help="Keep a first deployment that fails, for inspection.")
@_REFRESH_OPTION
@click.option("--yes", is_flag=True, help="Change a real cloud without asking; needed where nobody can be asked.")
@configuration_options
@session_options
def deploy_command(  # noqa: PLR0913  # one parameter for each option
    session: Session,
    selector: MultiStackSelector,
    options: ConfigurationOptions,
    then_serve: bool,
    keep_failed: bool,
    refresh: bool,
    yes: bool,
    port: int | None,
) -> int:
    """Validate all stacks before deploying any."""
    if port is not None and not then_serve:
        hint = "Add --serve, or leave --port out."
        raise ValidationError("Cannot use --port without --serve: deploy alone listens on no port.", hint=hint)
    specs = session.build_specs_and_warn(selector, options)
    session.warn_of_rehearsals([(spec.stack, spec.engine) for spec in specs])
    if then_serve:
        require_simulated(specs)
    batch = str(uuid4()) if len(specs) > 1 else None
    commands = [_to_deploy_command(spec, session.user_name, batch, keep_failed, refresh) for spec in specs]
    code = execute_commands(session, commands, is_confirmed=yes)
    if not then_serve or code != OK:
        return code
    return serve_until_stopped(session, specs[0].variables, DEFAULT_HOST, DEFAULT_PORT if port is None else port)


def _to_deploy_command(
    spec: DeploymentSpec, user_name: str, batch: str | None, keep_failed: bool, refresh: bool
) -> DeployCommand:
    def start(deployments: DeploymentUseCase) -> Coroutine[Any, Any, DeploymentRow]:
        return deployments.deploy(
            spec.stack,
            spec.configuration,
            settings=spec.settings,
            by=user_name,
            batch=batch,
            keep_failed=keep_failed,
            refresh=refresh,
        )

    return DeployCommand(spec.stack, spec.engine, spec.variables, start)


PREVIEW_HELP = """Show what deploy would change, or destroy with --destroy. Changes and records nothing.

\b
  semantest-iac preview --component rest-api --set components.rest-api.memory=1024
  semantest-iac preview --component rest-api --destroy
  semantest-iac preview --component all --provider aws --provider azure
"""


@click.command("preview", help=PREVIEW_HELP)
@click.option("--destroy", is_flag=True, help="Show what destroy would delete.")
@_REFRESH_OPTION
@many_stacks_options
@configuration_options
@session_options
def preview_command(
    session: Session, selector: MultiStackSelector, options: ConfigurationOptions, destroy: bool, refresh: bool
) -> int:
    if destroy and refresh:
        hint = "Leave one of them out."
        raise ValidationError("Cannot use --refresh with --destroy: a destroy deletes what is in the state.", hint=hint)
    with use_temporary_home(session) as looking:
        previews = (
            _preview_destroys(looking, selector, options)
            if destroy
            else _preview_deployments(looking, selector, options, refresh=refresh)
        )
    session.warn_of_rehearsals([(stack, engine) for stack, engine, _ in previews])
    for stack, engine, plan in previews:
        if not session.json:
            session.terminal.print_prose(format_stack_and_cloud(stack, engine))
        answer = {"stack": str(stack)} | plan.as_dict() | {"simulated": engine.is_simulated}
        session.answer(answer, format_plan(plan, session.terminal.width))
    return OK


def _preview_deployments(
    session: Session, selector: MultiStackSelector, options: ConfigurationOptions, *, refresh: bool
) -> list[StackPreview]:
    return [
        _preview_deployment(session, spec, refresh=refresh) for spec in session.build_specs_and_warn(selector, options)
    ]


def _preview_deployment(session: Session, spec: DeploymentSpec, *, refresh: bool) -> StackPreview:
    with show_steps(session) as progress:
        deployments = session.application.deployments(spec.variables, engine=spec.engine, progress=progress)
        preview = deployments.preview(spec.stack, spec.configuration, settings=spec.settings, refresh=refresh)
        context = run_interruptible(preview, session.terminal)
    notes = context.artifact.notes if context.artifact else ()
    session.terminal.print_remarks(*format_notes(notes))
    return spec.stack, spec.engine, context.plan


def _preview_destroys(
    session: Session, selector: MultiStackSelector, options: ConfigurationOptions
) -> list[StackPreview]:
    targets = session.resolve_all(selector, options)
    return [(target.stack, target.engine, preview_destroy(session, target)) for target in targets]


DESTROY_HELP = """Delete every resource of a stack.

\b
  semantest-iac destroy --component rest-api --yes
  semantest-iac destroy --component all --provider aws --provider azure

Repeat --component, --provider or --region to destroy several stacks at once. Asks for confirmation of each before it
deletes anything; without a terminal, --yes is required. For a production stack, type the name of the stack.
"""


@click.command("destroy", help=DESTROY_HELP)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@many_stacks_options
@configuration_options
@session_options
def destroy_command(session: Session, selector: MultiStackSelector, options: ConfigurationOptions, yes: bool) -> int:
    """Show all plans, ask for confirmation of each, then destroy."""
    targets = session.resolve_all(selector, options)
    session.warn_of_rehearsals([(target.stack, target.engine) for target in targets])
    plans = [(target, preview_destroy(session, target)) for target in targets]
    deployed = [target for target, plan in plans if _show_destroy_plan_if_any(session, target, plan)]
    for target in deployed:
        question = f"Type {required_consent(target.stack, target.bases)} to delete {target.stack}: "
        require_consent(target.stack, "yes" if yes else session.terminal.ask(question), target.bases)
    return execute_commands(session, [_to_destroy_command(session, target) for target in deployed]) if deployed else OK


def _show_destroy_plan_if_any(session: Session, target: ResolvedStack, plan: ChangePlan) -> bool:
    """Show what would be deleted, and return whether there is anything to destroy.

    A stack without resources has something to destroy if an interrupted command left it open in the ledger.
    """
    from semantest_iac.application.queries.history import is_deployed_or_unfinished

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

    return DeployCommand(target.stack, target.engine, target.variables, start)
