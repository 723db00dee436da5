"""What differs between a planned resource and the model that its cloud publishes for other languages than ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A property, by its path in Pulumi's words, and what the model says against it; values are not repeated."""

    type: str
    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.type} {self.path}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why findings are none, and where that can be read; `type`, `path` and `problem` are patterns with `*`.

    `example` is one of the kind examples in which there is such a finding.
    """

    type: str
    path: str
    problem: str
    reason: str
    source: str
    example: str

    def covers(self, finding: Finding) -> bool:
        return (
            fnmatchcase(finding.type, self.type)
            and fnmatchcase(finding.path, self.path)
            and fnmatchcase(finding.problem, self.problem)
        )


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of one value: both bounds are of the length of texts and lists, and of the value of numbers."""

    minimum: float | None = None
    maximum: float | None = None
    pattern: str = ""
    options: tuple[str, ...] = ()

    def list_problems(self, value: Any) -> Iterator[str]:
        """Yield what is wrong with a value."""
        size = len(value) if isinstance(value, str | list | dict) else value
        if isinstance(size, int | float) and not isinstance(size, bool):
            if self.minimum is not None and size < self.minimum:
                yield f"{size} is less than {self.minimum:g}"
            if self.maximum is not None and size > self.maximum:
                yield f"{size} is more than {self.maximum:g}"
        if not isinstance(value, str):
            return
        if self.pattern and not _matches(self.pattern, value):
            yield f"does not match {self.pattern}"
        if self.options and value not in self.options:
            yield f"is none of {len(self.options)} options"


def _matches(pattern: str, value: str) -> bool:
    """Whether the whole text matches; patterns are Java's, and one that Python cannot read says nothing."""
    try:
        return bool(re.fullmatch(pattern.replace(r"\p{L}", r"\w").replace(r"\p{Alnum}", r"\w"), value))
    except re.error:
        return True


def normalize(name: str) -> str:
    """Return the letters and digits of a name, in lower case: clouds and Pulumi write the same words differently."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
