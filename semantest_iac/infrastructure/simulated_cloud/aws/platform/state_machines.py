"""State machines of Step Functions.

Source of what is `API`: the reference of Step Functions (CreateStateMachine), and its language of states.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.aws.resource_type import AwsType
from semantest_iac.infrastructure.simulated_cloud.aws.security import role_trusts
from semantest_iac.infrastructure.simulated_cloud.schema.properties import API, OBSERVED, ValueKind
from semantest_iac.infrastructure.simulated_cloud.schema.published import change_kind
from semantest_iac.infrastructure.simulated_cloud.schema.refusals import Refusal
from semantest_iac.infrastructure.simulated_cloud.schema.rules import GuardContext, RequestGuard, TypeRule

STATE_MACHINE_TYPE: Final = "aws:sfn/stateMachine:StateMachine"


def _has_no_states(context: GuardContext) -> bool:
    """Whether the definition does not start at one of its states."""
    try:
        definition: Any = json.loads(str(context.facts["definition"]))
    except ValueError:
        return True
    states = definition.get("States") if isinstance(definition, Mapping) else None
    return not isinstance(states, Mapping) or definition.get("StartAt") not in states


def _role_is_not_assumable(context: GuardContext) -> bool:
    role = context.facts["role_found"]
    return isinstance(role, Mapping) and bool(role) and not role_trusts(role, "states.amazonaws.com")


STATE_MACHINE_TYPES: Final[dict[str, TypeRule]] = {
    STATE_MACHINE_TYPE: AwsType(STATE_MACHINE_TYPE).rule(
        {"definition": change_kind(ValueKind.JSON)},
        computed={
            "status": "ACTIVE",
            "revisionId": "{uuid}",
            "encryptionConfiguration": lambda _: {"type": "AWS_OWNED_KEY"},
            "loggingConfiguration": lambda _: {"includeExecutionData": False, "level": "OFF"},
            "tracingConfiguration": lambda _: {"enabled": False},
        },
        exists=Refusal("StateMachineAlreadyExists", "State Machine Already Exists: '{name}'"),
        guards=(
            RequestGuard(
                _has_no_states,
                Refusal("InvalidDefinition", "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET'"),
                API,
            ),
            RequestGuard(
                _role_is_not_assumable,
                Refusal(
                    "AccessDeniedException",
                    "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to "
                    "assume the provided role.",
                ),
                OBSERVED,
            ),
        ),
    ),
}
