"""`cost`: estimates what stacks cost a month, as they are configured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
from math import isnan
from typing import TYPE_CHECKING, Any

import click

from semantest_iac.domain.costs.estimates import DEFAULT_USAGE, UsageAssumptions
from semantest_iac.domain.environments.configuration import resolve_component
from semantest_iac.domain.errors import RefusedError, ValidationError
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.options import file_options, many_stacks_options, session_options
from semantest_iac.presentation.cli.session import ConfigurationOptions, MultiStackSelector, Session, StackSelector

if TYPE_CHECKING:
    from semantest_iac.domain.costs.estimates import CostEstimate
    from semantest_iac.domain.deployment.stack import Stack

COST_HELP = """Estimate what stacks cost a month, as they are configured.

\b
  semantest-iac cost rest-api --env production
  semantest-iac cost rest-api websocket --provider aws --provider azure --requests 5000000

The prices are published ones, with their dates and sources in --json. One that is not known is shown as unknown and is
not in the sum. Nothing is deployed or asked; no account and no network is needed.
"""

_USAGE_HELP = {
    "requests": "Requests to an HTTP API, or messages of a WebSocket API, a month.",
    "duration_ms": "How long the function runs for each of them, in milliseconds.",
    "log_kb": "Logs that each of them leaves, in KB.",
    "connections": "Clients that are connected to a WebSocket API at any time.",
    "starts": "New instances of a function a month; each reads the secrets.",
}


_MOST = 10**12  # of anything: sums of more are no numbers that JSON has


def _refuse_no_number(context: click.Context, parameter: click.Parameter, value: float) -> float:
    if isnan(value):
        raise click.BadParameter("it is not a number.")
    return value


def _usage_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for name in reversed([field.name for field in fields(UsageAssumptions)]):
        default = getattr(DEFAULT_USAGE, name)
        is_whole = isinstance(default, int) and name != "log_kb"
        number = click.IntRange(0, _MOST) if is_whole else click.FloatRange(0, _MOST)
        option = click.option(
            f"--{name.replace('_', '-')}",
            name,
            type=number,
            callback=_refuse_no_number,
            default=default,
            show_default=True,
            metavar="N",
            help=_USAGE_HELP[name],
        )
        command = option(command)
    return command


@click.command("cost", help=COST_HELP)
@_usage_options
@many_stacks_options
@file_options
@session_options
def cost_command(session: Session, selector: MultiStackSelector, options: ConfigurationOptions, **usage: Any) -> int:
    from semantest_iac.presentation.cli.text.costs import format_estimate, format_usage

    assumed = UsageAssumptions(**usage)
    estimates = [_estimate(session, one, options, assumed) for one in session.expand(selector, options)]
    for stack, estimate in estimates:
        if session.json:
            about = {"stack": str(stack), "region": stack.region, "estimate": True, "usage": asdict(assumed)}
            session.terminal.print_json(about | estimate.as_dict())
        else:
            session.terminal.print_lines(*format_estimate(str(stack), stack.region, estimate))
    if not session.json:
        session.terminal.print_lines(format_usage(assumed), *_format_sum(estimates))
    return OK


def _format_sum(estimates: list[tuple[Stack, CostEstimate]]) -> Iterator[str]:
    if len(estimates) > 1:
        yield f"All {len(estimates)} stacks: an estimated ${sum(it.total for _, it in estimates):,.2f} a month"


def _estimate(
    session: Session, selector: StackSelector, options: ConfigurationOptions, usage: UsageAssumptions
) -> tuple[Stack, CostEstimate]:
    """Return a stack with its estimate; raises ValidationError, or RefusedError for a cloud without prices."""
    stack, loaded = session.resolve_stack_and_configuration(selector, options)
    report = session.application.validation.validate(stack, loaded.configuration)
    if faults := (*loaded.faults, *loaded.locate(report.faults)):
        raise ValidationError(f"Cannot estimate what '{stack}' costs.", faults=faults)
    settings = resolve_component(loaded.configuration, stack.component, stack.environment)
    estimate = session.application.cost_estimator.estimate_settings(stack, settings, usage)
    if estimate is None:
        message = f"Cannot estimate what '{stack}' costs: no prices of {stack.provider} are known."
        raise RefusedError(message, "PRICES_UNKNOWN", hint="Its distribution has no price list.")
    return stack, estimate
