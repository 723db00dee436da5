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
MIN_SECRET_LENGTH = 4  # a shorter value would mask half of every text, and tell its length by that


class Redactor:
    """Replaces known values by `***`, whether plain, quoted for JSON, URLs or HTML, or in base64."""

    def __init__(self, values: Iterable[str]) -> None:
        worth = [value for value in values if value.strip()]
        forms = {form for value in worth for form in _written_forms(value) if len(form) >= MIN_SECRET_LENGTH}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __repr__(self) -> str:
        return "Redactor()"

    def redact(self, text: str) -> str:
        """The text without any of the values."""
        return self._pattern.sub(MASK, text) if self._pattern else text


def _written_forms(value: str) -> Iterator[str]:
    yield value
    yield value.strip()
    raw = value.encode("utf-8", "surrogatepass")  # a variable may hold bytes that are not UTF-8
    yield from (quote(raw), quote(raw, safe=""), quote_plus(raw), escape(value))
    yield from (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1])
    yield from (line.strip() for line in value.splitlines() if len(line.strip()) >= MIN_SECRET_LENGTH * 2)
    yield from _base64_forms(raw)


def _base64_forms(value: bytes) -> Iterator[str]:
    """The value's base64, and what it looks like inside the base64 of a longer text, at each of three offsets."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            start, end = (offset * 8 + 5) // 6, (offset + len(value)) * 8 // 6
            yield encode(bytes(offset) + value + bytes(3))[start:end].decode()
        yield encode(value).decode()


MIN_FUNCTION_SECRET_LENGTH = 4  # a shorter value would blot out ordinary words
FUNCTION_MASK = "[secret]"


def redact_json(value: Any, secrets: Iterable[str]) -> Any:
    """A JSON value in which no text holds a secret; longer ones go first, as one may hold another."""
    hidden = sorted((secret for secret in secrets if len(secret) >= MIN_FUNCTION_SECRET_LENGTH), key=len, reverse=True)
    return _mask_texts(value, hidden) if hidden else value


def _mask_texts(value: Any, hidden: list[str]) -> Any:
    if isinstance(value, dict):
        return {name: _mask_texts(inner, hidden) for name, inner in value.items()}
    if isinstance(value, list):
        return [_mask_texts(inner, hidden) for inner in value]
    if isinstance(value, str):
        for secret in hidden:
            value = value.replace(secret, FUNCTION_MASK)
    return value
