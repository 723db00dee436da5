"""Physical names where the program gives none, as Pulumi's providers choose them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.identifiers import suffix
from semantest_iac.infrastructure.simulated_cloud.limits import Length
from semantest_iac.infrastructure.simulated_cloud.rules import Naming, TypeRule
from semantest_iac.infrastructure.simulated_cloud.values import DEFAULTS_MARK, MISSING, Properties, given


def with_name(rule: TypeRule, inputs: Properties, logical: str, previous: Properties, seed: str) -> dict[str, Any]:
    """Inputs with an automatic name: the previous one where the provider keeps it, else one made of the logical name.

    What is nobody's choice is listed under the bridge's own mark, which tells it from a name that somebody wrote.
    """
    if not rule.name or _is_named(rule, inputs):
        return dict(inputs)
    if _stays(rule, previous):
        name, marks = previous[rule.name], previous.get(DEFAULTS_MARK)
    else:
        name = _NAMES[rule.naming](logical, seed, _longest(rule))
        marks = None if rule.naming is Naming.COPIED else [rule.name]
    return {**inputs, rule.name: name} | ({DEFAULTS_MARK: marks} if marks else {})


def from_prefix(rule: TypeRule, asked: Properties, seed: str) -> dict[str, Any]:
    """The name that the provider makes of a prefix, where no name is given."""
    if not rule.name or given(asked.get(rule.name, MISSING)):
        return {}
    return {rule.name: f"{asked.get(f'{rule.name}Prefix', '')}{suffix(seed, 26)}"}


def _is_named(rule: TypeRule, inputs: Properties) -> bool:
    return any(given(inputs.get(name, MISSING)) for name in (rule.name, f"{rule.name}Prefix"))


def _stays(rule: TypeRule, previous: Properties) -> bool:
    """The bridge lets go of a name that the program wrote and no longer writes; the other providers keep it."""
    automatic = rule.name in previous.get(DEFAULTS_MARK, ())
    return automatic or (rule.naming is not Naming.DASHED and given(previous.get(rule.name, MISSING)))


def _longest(rule: TypeRule) -> int:
    bounds = [limit.most for limit in rule.properties[rule.name].limits if isinstance(limit, Length)]
    return min((bound for bound in bounds if bound), default=255)


_NAMES: Final[Mapping[Naming, Callable[[str, str, int], str]]] = {
    Naming.DASHED: lambda logical, seed, longest: f"{logical[: longest - 8]}-{suffix(seed, 7)}",
    Naming.JOINED: lambda logical, seed, _: logical + suffix(seed, 8),
    Naming.UUID: lambda _, seed, __: str(uuid.UUID(suffix(seed, 32))),
    Naming.COPIED: lambda logical, _, __: logical,
}
