"""Physical names and tags, deterministic per stack and generation."""

from __future__ import annotations

import re
from hashlib import sha256

from semantest_iac.domain.environments.names import SHORT_ENVIRONMENT_NAMES
from semantest_iac_events.stack_names import DEFAULT_PROJECT, split_stack_name

SUFFIX_LENGTH = 6
SHORTEST_NAME_LIMIT = SUFFIX_LENGTH + 2  # one letter, a hyphen, the hash


def stack_suffix(stack: str, generation: int) -> str:
    """Return six hex digits that distinguish a stack, by its name, and a generation."""
    return _digest(f"{generation}:{stack}")


def physical_name(stack: str, generation: int, purpose: str = "", *, limit: int, account: str = "") -> str:
    """Return `<project>-<component>-<short environment>[-<purpose>]-<suffix>` in at most `limit` characters.

    The readable part is shortened, never the hash; the hash then covers the purpose as well, so that shortened purposes
    still differ. `account` makes the name unique per account, which globally unique names need.
    """
    if limit < SHORTEST_NAME_LIMIT:
        raise ValueError(f"no name fits into {limit} characters")
    readable = _readable_name(stack, purpose)
    available = limit - SUFFIX_LENGTH - 1
    scope = f"{account}:{stack}" if account else stack
    if len(readable) <= available:
        return f"{readable}-{stack_suffix(scope, generation)}"
    return f"{readable[:available].rstrip('-')}-{_digest(f'{generation}:{scope}:{purpose}')}"


STACK_TAG_NAMES = ("Application", "Component", "Environment", "Generation", "ManagedBy", "Project", "Stack")


def stack_tags(stack: str, generation: int) -> dict[str, str]:
    """Return the tags of every resource of the stack."""
    project, component, _, environment, _ = split_stack_name(stack)
    return {
        "Application": "Semantest",
        "Component": component,
        "Environment": environment,
        "Generation": str(generation),
        "ManagedBy": "Pulumi",
        "Project": "Semantest" if project == DEFAULT_PROJECT else project,
        "Stack": stack,
    }


def _readable_name(stack: str, purpose: str) -> str:
    project, component, _, environment, _ = split_stack_name(stack)
    parts = (project, component, SHORT_ENVIRONMENT_NAMES.get(environment, environment), purpose)
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:SUFFIX_LENGTH]
