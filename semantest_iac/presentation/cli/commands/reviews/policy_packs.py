"""`--policy-pack`: the packs that judge what Pulumi's engine deploys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac.domain.guardrails.engine_choice import PULUMI_ENGINE
from semantest_iac.presentation.cli.options import PATH_TYPE

if TYPE_CHECKING:
    from semantest_iac.application.intake.deployment_specs import DeploymentSpec
    from semantest_iac.presentation.cli.session import Session

policy_pack_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--policy-pack",
    "policy_packs",
    type=PATH_TYPE,
    multiple=True,
    metavar="PATH",
    help="Folder of a policy pack in Python that judges what Pulumi's engine deploys; can be repeated.",
)


def use_policy_packs(session: Session, packs: Sequence[Path], specs: Sequence[DeploymentSpec]) -> None:
    """Let the packs judge what is deployed; raises ValidationError for a stack whose engine runs none."""
    if not packs:
        return
    faults = [
        Fault(str(spec.stack), f"is deployed by the engine '{spec.engine.engine}', which runs no policy packs")
        for spec in specs
        if spec.engine.engine != PULUMI_ENGINE
    ]
    if faults:
        hint = "Leave --policy-pack out, or add --engine pulumi."
        raise ValidationError("Cannot use --policy-pack.", hint=hint, faults=faults)
    session.application.policy_packs = tuple(packs)
