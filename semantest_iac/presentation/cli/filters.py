"""Which stacks a question is about; cheap, because questions are asked all day."""

from __future__ import annotations

from collections.abc import Iterator

from semantest_iac.application.queries.status import StackFilter
from semantest_iac.domain.environments.names import (
    COMPONENTS,
    ENVIRONMENTS,
    PROVIDERS,
    canonical_environment,
    shown,
    suggestion,
)
from semantest_iac.domain.environments.regions import REGIONS, normalised
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac.presentation.cli.words import Words

_KNOWN = {
    "component": COMPONENTS,
    "provider": PROVIDERS,
    "environment": ENVIRONMENTS,
    "region": tuple(region for regions in REGIONS.values() for region in regions),
}


def stack_filter(words: Words) -> StackFilter:
    """The filter that the words mean; raises ValidationError with every unknown word."""
    asked = {
        "component": words.component,
        "provider": words.provider,
        "environment": words.environment and canonical_environment(words.environment),
        "region": words.region and normalised(words.provider or "azure", words.region),
    }
    if faults := list(_faults(asked)):
        raise ValidationError("Cannot tell which stacks are meant.", faults=faults)
    return StackFilter(**asked)


def _faults(asked: dict[str, str | None]) -> Iterator[Fault]:
    for part, word in asked.items():
        if word is not None and word not in _KNOWN[part]:
            hint = "" if part == "region" else suggestion(word, _KNOWN[part])
            yield Fault(part, f"'{shown(word)}' is not known", hint)
