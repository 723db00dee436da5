"""The options of a canary, which override the configuration of the component."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from semantest_iac.presentation.cli.parsing.periods import parse_period
from semantest_iac.presentation.cli.session import ConfigurationOptions


def canary_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Declare `canary` and `bake`."""
    for option in (
        click.option(
            "--bake",
            callback=parse_period,
            metavar="TIME",
            help="With a canary: how long each share is watched, such as 90s or 10m; 5m by default.",
        ),
        click.option(
            "--canary",
            metavar="SHARES",
            help="Shares of the traffic that a new version gets first, such as 10% or 10%,50%; none for all at once.",
        ),
    ):
        command = option(command)
    return command


def with_canary(options: ConfigurationOptions, canary: str | None, bake_s: float | None) -> ConfigurationOptions:
    """Return the options with the canary of the command line in place of the configured one."""
    given = []
    if canary is not None:
        is_none = canary.strip().lower() == "none"
        given.append("canary=none" if is_none else f"canary.steps={canary}")
    if bake_s is not None:
        given.append(f"canary.bake_s={bake_s:.0f}")
    return replace(options, component_overrides=(*options.component_overrides, *given))
