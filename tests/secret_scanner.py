"""Finds a secret in any encoded form, whole or in part, in texts and files; knows nothing of the redactor."""

from __future__ import annotations

import base64
import json
import random
import re
import shlex
import string
import textwrap
from collections.abc import Callable, Iterable, Mapping
from html import escape
from pathlib import Path
from urllib.parse import quote, quote_plus

PART, _STEP = 12, 3  # characters of a form that count as a part of the secret, and from one part to the next


def _base64_at(offset: int, encode: Callable[[bytes], bytes] = base64.b64encode) -> Callable[[str], str]:
    """Encode the value behind so many bytes and before others, as in `user:password` or in a JSON document."""
    return lambda value: encode(b"user:"[:offset] + value.encode() + b"\n}").decode()


def _escape_as_javascript(character: str) -> str:
    """Write a character as the old function `escape` does."""
    if character.isascii():
        return quote(character, safe="@*_+-./")
    return f"%{ord(character):02X}" if ord(character) < 256 else f"%u{ord(character):04X}"


def _json(value: str) -> str:
    return json.dumps({"value": value})


FORMS: Mapping[str, Callable[[str], str]] = {
    "plain": str,
    "trimmed": str.strip,
    "crlf": lambda value: value.replace("\n", "\r\n"),
    "json": _json,
    "json-utf8": lambda value: json.dumps({"value": value}, ensure_ascii=False),
    "json-in-json": lambda value: _json(_json(value)),
    "json-in-json-in-json": lambda value: _json(_json(_json(value))),
    "json-slashes": lambda value: _json(value).replace("/", "\\/"),
    "repr": lambda value: repr({"value": value}),
    "repr-in-json": lambda value: _json(repr(ValueError(value))),
    "json-in-repr": lambda value: repr(_json(value)),
    "ascii": ascii,
    "bytes": lambda value: repr(value.encode()),
    "url": lambda value: f"https://host/?a={quote(value, safe='')}",
    "url-path": lambda value: f"https://host/{quote(value)}",
    "url-component": lambda value: quote(value, safe="!~*'()"),
    "url-lower": lambda value: re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), quote(value, safe="")),
    "url-latin-1": lambda value: quote(value.encode("latin-1", "replace"), safe=""),
    "url-escape": lambda value: "".join(_escape_as_javascript(character) for character in value),
    "url-twice": lambda value: quote(quote(value, safe=""), safe=""),
    "form": lambda value: f"a={quote_plus(value)}",
    "url-in-json": lambda value: _json(f"https://host/?a={quote(value, safe='')}"),
    "html": lambda value: f"<b>{escape(value)}</b>",
    "shell": lambda value: f"export A={shlex.quote(value)}",
    "shell-in-json": lambda value: _json(shlex.quote(value)),
    **{f"base64-{offset}": _base64_at(offset) for offset in range(3)},
    **{f"base64url-{offset}": _base64_at(offset, base64.urlsafe_b64encode) for offset in range(3)},
    "base64-of-json": lambda value: base64.b64encode(_json(value).encode()).decode(),
    "base64-lines": lambda value: base64.encodebytes(value.encode()).decode(),
    "base64-in-url": lambda value: quote(base64.b64encode(value.encode()).decode(), safe=""),
    "hex": lambda value: value.encode().hex(),
    "HEX": lambda value: value.encode().hex().upper(),
    "indented": lambda value: textwrap.indent(value, "    "),
    "wrapped": lambda value: "\n  ".join(textwrap.wrap(f"it said {value} and ended", 30, break_long_words=False)),
}  # fmt: skip


def make_secrets(seed: int) -> dict[str, str]:
    """Return one secret of each kind; the same seed gives the same values."""
    draw = random.Random(seed)

    def word(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
        return "".join(draw.choices(alphabet, k=length))

    lines = [word(64, string.ascii_letters + string.digits + "+/") for _ in range(5)]
    return {
        "token": word(40),
        "password": f"{word(6)} \"{word(5)}\\{word(4)}'{word(4)}/&%<{word(5)}é€{word(4)}$!",
        "url": f"postgres://app:{word(14)}%40{word(6)}@db.example.com:5432/shop?sslmode=require",
        "json": json.dumps({"user": "app", "password": word(20), "note": f'a "{word(8)}"\\n'}, indent=1),
        "key": f"-----BEGIN PRIVATE KEY-----\n{chr(10).join(lines)}\n{word(22)}==\n-----END PRIVATE KEY-----\n",
    }


class SecretScanner:
    """Searches for secrets, by name, in every form; PART + 2 characters of a form count."""

    def __init__(self, secrets: Mapping[str, str], forms: Iterable[str] = FORMS) -> None:
        allowed = f"{_COMMON}\n{Path(__file__).read_text(encoding='utf-8')}"
        self._parts = {
            f"{name} as {form}": [part.encode() for part in _parts(value, write) if part not in allowed]
            for name, value in secrets.items()
            for form, write in FORMS.items()
            if form in forms
        }

    def scan(self, content: str | bytes) -> list[str]:
        """Return what is in the content, such as `token as base64-1`."""
        data = content if isinstance(content, bytes) else content.encode(errors="surrogatepass")
        return [found for found, parts in self._parts.items() if any(part in data for part in parts)]


# Parts of the forms that are no secret: the first and last line of a key, what a URL and JSON are made of, and the text
# around a value. A part of base64 counts where it is of the value alone.
_COMMON = (
    "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"
    "@db.example.com:5432/shop?sslmode=require postgres://app: https://host/?a= and ended it said"
)


def _parts(value: str, write: Callable[[str], str]) -> list[str]:
    """Return parts of the form that are of the value: another value of the same shape gives other ones.

    The text around the value and escapes are the same for both.
    """
    form, other = write(value), write("".join(map(_next_of_its_kind, value)))
    windows = range(0, max(1, len(form) - PART + 1), _STEP)
    telling = (at for at in windows if _count_differences(form[at : at + PART], other[at : at + PART]) >= PART // 3)
    return sorted({form[at : at + PART] for at in telling})


def _count_differences(one: str, other: str) -> int:
    return sum(left != right for left, right in zip(one, other, strict=False))


def _next_of_its_kind(character: str) -> str:
    """Return another letter or digit, so that the form has the same length."""
    for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits):
        if character in kind:
            return kind[(kind.index(character) + 1) % len(kind)]
    return character
