"""Function runtimes, under the same names on every cloud."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from semantest_iac.domain.environments.names import make_printable, suggest_known
from semantest_iac.domain.errors import Fault

_DEFAULT_RUNTIMES = {"nodejs": "nodejs24.x", "python": "python3.13"}


@dataclass(frozen=True, slots=True)
class FunctionRuntime:
    """A language and version; new functions are refused from `deprecated` on."""

    language: str
    version: str
    deprecated: date

    @property
    def name(self) -> str:
        """Such as `nodejs24.x` or `python3.13`."""
        return f"nodejs{self.version}.x" if self.language == "nodejs" else f"python{self.version}"


def list_runtimes(language: str, **deprecations: str) -> tuple[FunctionRuntime, ...]:
    """The runtimes of a language; keywords are versions such as `v3_13`, values ISO dates."""
    return tuple(
        FunctionRuntime(language, version[1:].replace("_", "."), date.fromisoformat(day))
        for version, day in deprecations.items()
    )


def default_runtime(language: str) -> str:
    """The runtime of a function whose configuration names none; raises KeyError for an unknown language."""
    return _DEFAULT_RUNTIMES[language]


def find_runtime(name: str, runtimes: Sequence[FunctionRuntime]) -> FunctionRuntime:
    """The runtime of that name; raises KeyError where there is none."""
    return {runtime.name: runtime for runtime in runtimes}[name]


def find_runtime_fault(name: str, provider: str, runtimes: Sequence[FunctionRuntime], today: date) -> Fault | None:
    """The reason why the provider creates no function with this runtime today; None where it does."""
    supported = [runtime.name for runtime in runtimes if today < runtime.deprecated]
    if name in supported:
        return None
    try:
        runtime = find_runtime(name, runtimes)
    except KeyError:
        message = f"'{make_printable(name)}' is not a runtime of {provider}"
        return Fault("runtime", message, suggest_known(name, supported))
    message = f"{name} is deprecated since {runtime.deprecated}; use {default_runtime(runtime.language)}"
    return Fault("runtime", message, f"Supported: {', '.join(supported)}.")
