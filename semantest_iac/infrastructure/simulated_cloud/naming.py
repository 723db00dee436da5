"""Physical names where the program gives none, as Pulumi's bridge and the provider behind it choose them."""

from __future__ import annotations

from typing import Any, Final

from semantest_iac.infrastructure.simulated_cloud.identifiers import suffix
from semantest_iac.infrastructure.simulated_cloud.limits import Length
from semantest_iac.infrastructure.simulated_cloud.rules import TypeRule
from semantest_iac.infrastructure.simulated_cloud.values import DEFAULTS_MARK, MISSING, Properties, given

_DIGITS: Final = 7


def with_name(rule: TypeRule, inputs: Properties, logical: str, previous: Properties, seed: str) -> dict[str, Any]:
    """Inputs with an automatic name: the previous one where that was automatic too, else logical name and digits.

    What was chosen here is listed under the bridge's own mark, which tells it from a name that somebody wrote.
    """
    if not rule.name or _is_named(rule, inputs):
        return dict(inputs)
    if rule.name in previous.get(DEFAULTS_MARK, ()):
        name = previous[rule.name]
    else:
        name = f"{logical[: _longest(rule) - _DIGITS - 1]}-{suffix(seed, _DIGITS)}"
    return {**inputs, rule.name: name, DEFAULTS_MARK: [rule.name]}


def from_prefix(rule: TypeRule, asked: Properties, seed: str) -> dict[str, Any]:
    """The name that the provider makes of a prefix, where no name is given."""
    if not rule.name or given(asked.get(rule.name, MISSING)):
        return {}
    return {rule.name: f"{asked.get(f'{rule.name}Prefix', '')}{suffix(seed, 26)}"}


def _is_named(rule: TypeRule, inputs: Properties) -> bool:
    return any(given(inputs.get(name, MISSING)) for name in (rule.name, f"{rule.name}Prefix"))


def _longest(rule: TypeRule) -> int:
    bounds = [limit.most for limit in rule.properties[rule.name].limits if isinstance(limit, Length)]
    return min((bound for bound in bounds if bound), default=255)
