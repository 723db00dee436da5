"""What stacks share: settings that an account has once per region, which a stack of its own makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import Fault
from semantest_iac.domain.guardrails.engine_choice import EngineChoice, choose_engine

ACCOUNT_COMPONENT = "account"
_MISSING_ROLE_MESSAGE = "CloudWatch Logs role ARN must be set in account settings"
_ROLE_REQUIREMENT = "API Gateway logs WebSocket APIs through a role in the settings of the account and region."
_DEPLOY_ACCOUNT = (
    "Run: python -m semantest_iac deploy --component account --provider {0.provider} --env {0.environment}"
)


def explain_missing_log_role(said: str, stack: Stack) -> str:
    """What to do where a cloud's words say that the settings are missing, empty where they say something else.

    Who hears them does not know which engine and cloud were named.
    """
    if _MISSING_ROLE_MESSAGE not in said:
        return ""
    chosen = "with this command's --engine and --cloud, if it had any"
    return f"{_ROLE_REQUIREMENT} {_deploy_account_command(stack)}, {chosen}; or leave features.access_logs out."


def find_account_notices(
    stack: Stack, engine: EngineChoice, others: Sequence[str], *, wants_log: bool
) -> Iterator[Fault]:
    """What to know before deploying the stack, if `others` are the account stacks of its place; nothing forbids it.

    No plan can read what is set, and somebody else may have set it.
    """
    if stack.component == ACCOUNT_COMPONENT and others:
        reason = f"{', '.join(others)} has set it too, for the whole region"
        yield Fault("component", reason, "Of several the one deployed last counts; logs go on through any of them.")
    if stack.component == "websocket" and wants_log and not others:
        usual = engine == choose_engine(stack.environment)
        chosen = "" if usual else f" --engine {engine.engine} --cloud {engine.cloud}"
        reason = "the cloud refuses it until the account has a role for logs, and no stack here has set one"
        yield Fault("features.access_logs", reason, f"{_deploy_account_command(stack)}{chosen}")


def _deploy_account_command(stack: Stack) -> str:
    return f"{_DEPLOY_ACCOUNT.format(stack)} --region {stack.region}"
