"""Says which values of secrets cannot be kept out of everything that is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from semantest_iac.domain.security.redaction import is_maskable
from semantest_iac.domain.security.secret_forms import SHORTEST_SECRET
from semantest_iac.domain.security.secret_patterns import SETTING_REFERENCE


def find_masking_problem(value: str, settings: Mapping[str, Any]) -> str:
    """Return why the value of a secret cannot be masked everywhere, empty if it can; the reason does not hold it."""
    if len(value.strip()) < SHORTEST_SECRET:
        return f"has a value of fewer than {SHORTEST_SECRET} characters, which is not masked in logs and errors"
    if not is_maskable(value):
        return "has a value that is a common word or a small number, which is not masked in logs and errors"
    places = [path for path, text in _list_texts(settings, "") if value.strip() in text]
    if places:
        return f"has a value that is also written in {' and '.join(places[:3])}, which is recorded as it is"
    return ""


def _list_texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Yield each plain text of the settings with its path."""
    if isinstance(value, str) and not SETTING_REFERENCE.fullmatch(value):
        yield path, value
    inner: Iterable[tuple[object, object]] = ()
    if isinstance(value, Mapping):
        inner = value.items()
    elif isinstance(value, list | tuple):
        inner = enumerate(value)
    for name, below in inner:
        yield from _list_texts(below, f"{path}.{name}" if path else str(name))
