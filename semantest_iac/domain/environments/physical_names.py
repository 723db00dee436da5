"""Physical names and tags, deterministic per stack and generation."""

from __future__ import annotations

import re
from hashlib import sha256

from semantest_iac.domain.environments.names import SHORT_ENVIRONMENT_NAMES

NAME_PREFIX = "semantest"
SUFFIX_LENGTH = 6
SHORTEST_NAME_LIMIT = SUFFIX_LENGTH + 2  # one letter, a hyphen, the hash


def stack_suffix(stack: str, generation: int) -> str:
    """Six hex digits that tell a stack (`component.provider.environment.region`) and generation apart."""
    return _digest(f"{generation}:{stack}")


def physical_name(stack: str, generation: int, purpose: str = "", *, limit: int, account: str = "") -> str:
    """`semantest-<component>-<short environment>[-<purpose>]-<suffix>`, in `limit` characters at most.

    The readable part gives way, never the hash; where it does, the hash covers the purpose as well, so that
    two purposes that lose their difference still get two names. With an account the name is another in every
    account, which names that must be unique in all the world need.
    """
    if limit < SHORTEST_NAME_LIMIT:
        raise ValueError(f"no name fits into {limit} characters")
    readable = _readable_name(stack, purpose)
    room = limit - SUFFIX_LENGTH - 1
    owned = f"{account}:{stack}" if account else stack
    if len(readable) <= room:
        return f"{readable}-{stack_suffix(owned, generation)}"
    return f"{readable[:room].rstrip('-')}-{_digest(f'{generation}:{owned}:{purpose}')}"


def stack_tags(stack: str, generation: int) -> dict[str, str]:
    """What every resource of the stack is marked with."""
    component, _, environment, _ = stack.split(".")
    return {
        "Application": "Semantest",
        "Component": component,
        "Environment": environment,
        "Generation": str(generation),
        "ManagedBy": "Pulumi",
        "Project": "Semantest",
        "Stack": stack,
    }


def _readable_name(stack: str, purpose: str) -> str:
    component, _, environment, _ = stack.split(".")
    parts = (NAME_PREFIX, component, SHORT_ENVIRONMENT_NAMES.get(environment, environment), purpose)
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:SUFFIX_LENGTH]
