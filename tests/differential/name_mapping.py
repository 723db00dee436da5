"""Which generated texts of two results correspond."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_CHANGING = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+Z?"
    r"|\bns-\d+\.awsdns-\d+|\bns\d-\d+(?=\.azure-dns\.)"
    r"|\b[a-z]+-[a-z]+-[0-9a-f]+\.\d+(?=\.azurestaticapps\.)"
    r"|\b[a-z]+-[0-9a-f]+(?=\.[a-z0-9]+\.azurecontainerapps\.)"
)
"""Times, and the parts of host names that a cloud chooses among few: two resources may have the same."""
_ADDRESS = r"\d{1,3}(?:\.\d{1,3}){3}|\d{1,3}(?:-\d{1,3}){3}"  # the second form is a part of a name in DNS
_WORD = re.compile(rf"[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}|{_ADDRESS}|[A-Za-z0-9]+")
"""UUIDs and addresses are words as a whole: their parts occur in others, too."""
_SHORTEST = 6
IsGenerated = Callable[[str], bool]
_ABSENT = object()


def _is_long(word: str) -> bool:
    return len(word) >= _SHORTEST


class NameMapping:
    """A one-to-one mapping of generated texts between two results, built as values are compared.

    `here` and `there` are what messages call the results. Words may differ if one of them is generated.
    """

    def __init__(
        self, here: str = "in the sandbox", there: str = "in Pulumi", is_generated: IsGenerated = _is_long
    ) -> None:
        self._is_generated = is_generated
        self._here = here
        self._there = there
        self._theirs: dict[str, str] = {}
        self._ours: dict[str, str] = {}

    def matches(self, ours: Any, theirs: Any) -> bool:
        """Whether the values are equal except for generated texts."""
        return not any(self.differences("", ours, theirs))

    def differences(self, path: str, ours: Any, theirs: Any) -> Iterator[str]:
        """Where the values are not equal."""
        if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
            for name in sorted({*ours, *theirs}):
                yield from self.differences(f"{path}.{name}", ours.get(name, _ABSENT), theirs.get(name, _ABSENT))
        elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
            for number, (our_row, theirs_) in enumerate(zip(ours, theirs, strict=True)):
                yield from self.differences(f"{path}[{number}]", our_row, theirs_)
        elif isinstance(ours, str) and isinstance(theirs, str):
            if not self._same_text(_CHANGING.sub("", ours), _CHANGING.sub("", theirs)):
                yield f"{path}: {ours!r} {self._here}, {theirs!r} {self._there}"
        elif ours != theirs or isinstance(ours, bool) != isinstance(theirs, bool):
            yield f"{path}: {_format_value(ours)} {self._here}, {_format_value(theirs)} {self._there}"

    def translate(self, text: str) -> str:
        """A text of the sandbox as it is in Pulumi."""
        return _WORD.sub(lambda word: self._theirs.get(word[0], word[0]), text)

    def _same_text(self, ours: str, theirs: str) -> bool:
        if ours == theirs:
            return True
        if _WORD.split(ours) != _WORD.split(theirs):
            return False
        return all(map(self._same_word, _WORD.findall(ours), _WORD.findall(theirs)))

    def _same_word(self, ours: str, theirs: str) -> bool:
        if ours == theirs:
            return True
        are_addresses = all(re.fullmatch(_ADDRESS, word) for word in (ours, theirs))
        has_other_length = len(ours) != len(theirs) and not are_addresses
        if has_other_length or not (self._is_generated(ours) or self._is_generated(theirs)):
            return False
        return self._theirs.setdefault(ours, theirs) == theirs and self._ours.setdefault(theirs, ours) == ours


def _format_value(value: Any) -> str:
    return "nothing" if value is _ABSENT else repr(value)
