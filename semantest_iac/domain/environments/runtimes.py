"""The function runtimes of each provider, with the day from which they are deprecated.

One name per runtime on every provider, that of AWS Lambda. Sources: the life cycle of Lambda runtimes that
cfn-lint carries, and the end of support that Azure Functions takes over from Node.js and Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from semantest_iac.domain.environments.names import shown, suggestion
from semantest_iac.domain.errors import Fault


@dataclass(frozen=True, slots=True)
class Runtime:
    """A language and version; new functions are refused from `deprecated` on."""

    language: str
    version: str
    deprecated: date

    @property
    def name(self) -> str:
        """Such as `nodejs24.x` or `python3.13`."""
        return f"nodejs{self.version}.x" if self.language == "nodejs" else f"python{self.version}"


def _table(language: str, **deprecations: str) -> tuple[Runtime, ...]:
    return tuple(
        Runtime(language, version[1:].replace("_", "."), date.fromisoformat(day))
        for version, day in deprecations.items()
    )


RUNTIMES = {
    "aws": (
        *_table("nodejs", v16="2024-06-12", v18="2025-09-01", v20="2026-04-30"),
        *_table("nodejs", v22="2027-04-30", v24="2028-04-30"),
        *_table("python", v3_9="2025-12-15", v3_10="2026-10-31", v3_11="2027-06-30"),
        *_table("python", v3_12="2028-10-31", v3_13="2029-06-30", v3_14="2029-06-30"),
    ),
    "azure": (
        *_table("nodejs", v16="2024-06-30", v18="2025-04-30", v20="2026-04-30"),
        *_table("nodejs", v22="2027-04-30", v24="2028-04-30"),
        *_table("python", v3_9="2025-10-31", v3_10="2026-10-31", v3_11="2027-10-31"),
        *_table("python", v3_12="2028-10-31", v3_13="2029-10-31", v3_14="2030-10-31"),
    ),
}
_DEFAULTS = {"nodejs": "nodejs24.x", "python": "python3.13"}


def default_runtime(provider: str, language: str) -> str:
    """The runtime of a function whose configuration names none; KeyError for a language that has none."""
    return find(provider, _DEFAULTS[language]).name


def find(provider: str, name: str) -> Runtime:
    """The runtime of that name; KeyError when the provider has none."""
    return {runtime.name: runtime for runtime in RUNTIMES[provider]}[name]


def runtime_fault(provider: str, name: str, today: date) -> Fault | None:
    """Why a function cannot be made for this runtime today, or None; the path is left to the caller."""
    current = [runtime.name for runtime in RUNTIMES[provider] if today < runtime.deprecated]
    if name in current:
        return None
    try:
        runtime = find(provider, name)
    except KeyError:
        return Fault("runtime", f"'{shown(name)}' is not a runtime of {provider}", suggestion(name, current))
    instead = default_runtime(provider, runtime.language)
    message = f"{name} is deprecated since {runtime.deprecated}; use {instead}"
    return Fault("runtime", message, f"Supported: {', '.join(current)}.")
