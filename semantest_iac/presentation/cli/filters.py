"""Which stacks a question is about; cheap, because questions are asked all day."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from semantest_iac.application.queries.status import StackFilter
from semantest_iac.domain.environments.names import COMPONENTS, ENVIRONMENTS, canonical_environment, shown, suggestion
from semantest_iac.domain.environments.providers import Providers
from semantest_iac.domain.environments.regions import normalised
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac.presentation.cli.words import Words


def stack_filter(words: Words, providers: Providers) -> StackFilter:
    """The filter that the words mean; raises ValidationError with every unknown word."""
    environment = words.environment and canonical_environment(words.environment)
    region = words.region and normalised(words.provider or "azure", words.region)
    faults = [
        *_faults("component", words.component, COMPONENTS),
        *_faults("provider", words.provider, providers),
        *_faults("environment", environment, ENVIRONMENTS),
    ]
    if region and not any(region in provider.regions for provider in providers.values()):
        faults.append(Fault("region", f"'{shown(region)}' is not known"))
    if faults:
        raise ValidationError("Cannot tell which stacks are meant.", faults=faults)
    return StackFilter(words.component, words.provider, environment, region)


def _faults(part: str, word: str | None, known: Collection[str]) -> Iterator[Fault]:
    if word is not None and word not in known:
        yield Fault(part, f"'{shown(word)}' is not known", suggestion(word, known))
