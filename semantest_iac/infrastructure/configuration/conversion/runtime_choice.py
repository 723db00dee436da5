"""Chooses a runtime that clouds still take in place of an older one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from semantest_iac.domain.environments.runtimes import FunctionRuntime

_LANGUAGE = re.compile(r"(nodejs|python)\d")


class RuntimeChoice:
    """Replaces runtimes with which no cloud creates functions any more by the oldest one of their language."""

    def __init__(self, runtimes: Sequence[FunctionRuntime], today: date) -> None:
        self._supported = [runtime for runtime in runtimes if today < runtime.deprecated]

    def find_supported(self, name: str) -> str | None:
        """Return the runtime to use; None where no runtime has its language."""
        match = _LANGUAGE.match(name)
        if match is None:
            return None
        same_language = [runtime.name for runtime in self._supported if runtime.language == match[1]]
        return name if name in same_language else next(iter(same_language), None)
