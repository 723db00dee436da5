"""Removes the values of secrets from text, in every form that text gives them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
MIN_SECRET_LENGTH = 4  # shorter values would mask parts of ordinary words


class Redactor:
    """Replaces known values by `***`, whether plain, quoted for JSON, URLs or HTML, or in base64."""

    def __init__(self, values: Iterable[str]) -> None:
        secrets = [value for value in values if value.strip()]
        forms = {form for value in secrets for form in _written_forms(value) if len(form) >= MIN_SECRET_LENGTH}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __repr__(self) -> str:
        return "Redactor()"

    def redact(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self._pattern else text

    def redact_json(self, value: Any) -> Any:
        """Redact every text in a JSON value; keys stay as they are."""
        if isinstance(value, dict):
            return {name: self.redact_json(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.redact_json(inner) for inner in value]
        return self.redact(value) if isinstance(value, str) else value


def _written_forms(value: str) -> Iterator[str]:
    yield value
    yield value.strip()
    raw = value.encode("utf-8", "surrogatepass")  # a variable may hold bytes that are not UTF-8
    yield from (quote(raw), quote(raw, safe=""), quote_plus(raw), escape(value))
    yield from (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1])
    yield from (line.strip() for line in value.splitlines() if len(line.strip()) >= MIN_SECRET_LENGTH * 2)
    yield from _base64_forms(raw)


def _base64_forms(value: bytes) -> Iterator[str]:
    """Yield the value's base64, alone and as part of a longer text's base64, at each of three offsets."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            start, end = (offset * 8 + 5) // 6, (offset + len(value)) * 8 // 6
            yield encode(bytes(offset) + value + bytes(3))[start:end].decode()
        yield encode(value).decode()
