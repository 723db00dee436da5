"""Reads the table of cases of HTTP and WebSocket translation, and the part of it that the documentation repeats."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

TABLE = Path(__file__).with_name("http_translation_cases.yaml")
CLOUDS = {"aws": "AWS", "azure": "Azure"}
OF_AZURE = {"azure_gateway": "azure"}
"""With its gateway, Azure behaves as without it unless a case says otherwise."""


@dataclass(frozen=True)
class TranslationCase:
    """One case as the table has it."""

    id: str
    topic: str
    given: Mapping[str, Any]

    def __str__(self) -> str:
        return self.id

    def expected(self, provider: str, kind: str) -> Mapping[str, Any]:
        """What is expected of a service of this kind, by the most exact key."""
        clouds = [provider, *([OF_AZURE[provider]] if provider in OF_AZURE else [])]
        keys = [*(f"{cloud}/{kind}" for cloud in (*clouds, "all")), *clouds, "all"]
        found: Mapping[str, Any] = next(self.given["expect"][key] for key in keys if key in self.given["expect"])
        return found


def read_cases(section: str) -> list[TranslationCase]:
    return [TranslationCase(case["id"], case["topic"], case) for case in _read_table()[section]]


@cache
def _read_table() -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Every process that collects tests reads the table: with the parser in C, and once."""
    table: Mapping[str, Sequence[Mapping[str, Any]]] = yaml.load(TABLE.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return table


def read_bytes(written: Any) -> bytes:
    """Return the bytes of a body, a header or a frame: a text, `{base64: …}` or `{size: …}`."""
    if isinstance(written, Mapping):
        return base64.b64decode(written["base64"]) if "base64" in written else b"x" * int(written["size"])
    return str(written).encode()


def list_unsettled() -> Iterator[str]:
    """Yield a line of documentation for each question that only an account can settle."""
    for case in (*read_cases("http"), *read_cases("web_socket")):
        for cloud, question in (case.given.get("unsettled") or {}).items():
            yield f"- {CLOUDS[cloud]}: {question}."
