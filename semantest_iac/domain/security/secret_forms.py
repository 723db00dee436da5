r"""Lists the encoded forms in which a text may hold a secret, as parts of a regular expression.

A form is a sequence of pieces, one for each character of the secret. A piece accepts every writing of its character, so
a text that is quoted for JSON, then again for JSON, then for a URL needs no form of its own: `"` is also `\"`, `\\\"`,
`\u0022`, `\x22`, `%22`, `%2522`, `&quot;` and `&#34;`.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from html.entities import codepoint2name
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus, urlsplit

from semantest_iac.domain.security.secret_patterns import is_secret_property, looks_secret

SHORTEST_SECRET = 4  # a shorter value would mask parts of ordinary words
SHORTEST_LINE = 8  # of a secret of several lines, and of a value inside a secret
_MOST_BACKSLASHES = 15  # a quote in JSON has 1, in JSON in JSON 3, then 7 and 15
_ESCAPES = rf"\\{{1,{_MOST_BACKSLASHES}}}+"
_OPTIONAL_ESCAPES = rf"\\{{0,{_MOST_BACKSLASHES}}}+"
_PERCENT, _PERCENT_WIDTH = "%(?:25){0,3}", 7  # `%2F` is `%252F` where a URL is part of a URL
_AMPERSAND, _AMPERSAND_WIDTH = "&(?:amp;){0,2}", 9
_INDENTED_LINE_END = r"\r?\n[ \t]{0,40}"  # with the indentation of the next line
_CONTROL_LETTERS = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f", "\v": "v", "\0": "0"}
# Of a long form in base64 or hexadecimal digits only the first digits are compared, and what follows them is taken as
# the rest of it: patterns of thousands of digits take seconds to compile, and nobody reads what is left of such a text.
_COMPARED_DIGITS, _LONGEST_COMPARED = 48, 64
_WRAP = r"(?:\r?\n|\\{1,7}(?:r\\{1,7})?n)"  # the end of a line in base64, of 64 or 76 columns, or `\r\n` in JSON
_BASE64_DIGIT = rf"(?:[A-Za-z0-9+/=_-]|{_WRAP}|{_PERCENT}(?:2[BbFf]|3[Dd]|0[AaDd]))"
_WIDTH_PER_DIGIT = 2  # an average, far above that of wrapped lines and of `%2B`


class FormPiece(NamedTuple):
    """The writings of one character, or of the rest of a long form, as a regular expression."""

    pattern: str
    width: int  # no writing is longer
    firsts: str  # the characters that a writing may begin with
    is_open: bool = False  # whether more text may belong to it


SecretForm = tuple[FormPiece, ...]


def list_forms(value: str) -> Iterator[SecretForm]:
    """Yield the forms of a secret, and those of the lines and values in it that are secrets themselves."""
    value = value.replace("\r\n", "\n")
    inner = [part for part in map(str.strip, _inner_secrets(value)) if len(part) >= SHORTEST_LINE]
    whole = dict.fromkeys((value, value.strip(), *inner))
    for text in whole:
        yield _spell(text)
        yield from _binary_forms(text)
    for line in map(str.strip, value.splitlines()):
        if len(line) >= SHORTEST_LINE and line not in whole:
            yield _spell(line)


def _inner_secrets(value: str) -> Iterator[str]:
    """Yield the password of a URL, and the values in a JSON document whose names say that they are secret."""
    if "://" in value:
        try:
            yield urlsplit(value.strip()).password or ""
        except ValueError:
            return
    if value.lstrip().startswith(("{", "[")):
        try:
            yield from _secret_leaves("", json.loads(value))
        except (ValueError, RecursionError):
            return


def _secret_leaves(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner_name, inner in value.items():
            yield from _secret_leaves(inner_name, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _secret_leaves(name, inner)
    elif isinstance(value, str) and (looks_secret(name, value) or is_secret_property(name)):
        yield value
        yield from value.splitlines()


def _binary_forms(text: str) -> Iterator[SecretForm]:
    """Yield the forms in base64 and hexadecimal digits, also of the text as it is quoted for JSON and URLs."""
    quoted = (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
    with_returns = text.replace("\n", "\r\n")
    for written in dict.fromkeys((text, with_returns, *quoted)):
        yield from _base64_forms(_encode(written))
    for written in dict.fromkeys((quote(_encode(text), safe=""), quote_plus(_encode(text)))):
        if written != text:
            yield from _base64_forms(written.encode())
    for written in dict.fromkeys((text, with_returns)):
        yield _spell_hexadecimal(_encode(written).hex())


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # a variable may hold bytes that are not UTF-8


def _base64_forms(value: bytes) -> Iterator[SecretForm]:
    """Yield the base64 of the value inside a longer text at each of three offsets, and by itself.

    At an offset only the digits count that no neighbouring byte takes part in.
    """
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            start, end = (offset * 8 + 5) // 6, (offset + len(value)) * 8 // 6
            yield _spell_base64(encode(bytes(offset) + value + bytes(3))[start:end].decode())
        yield _spell_base64(encode(value).decode())


def _spell_base64(digits: str) -> SecretForm:
    if len(digits) <= _LONGEST_COMPARED:
        return _spell(digits)
    pieces = _spell(digits[:_COMPARED_DIGITS])
    wrapped = (piece._replace(pattern=f"{piece.pattern}{_WRAP}?") for piece in pieces)
    return (*wrapped, _rest_of_digits(_BASE64_DIGIT, len(digits)))


def _spell_hexadecimal(digits: str) -> SecretForm:
    compared = digits if len(digits) <= _LONGEST_COMPARED else digits[:_COMPARED_DIGITS]
    pieces = (FormPiece(_either_case(digit), 1, digit + digit.upper()) for digit in compared)
    return (*pieces, *(() if compared == digits else (_rest_of_digits("[0-9A-Fa-f]", len(digits)),)))


def _rest_of_digits(digit: str, count: int) -> FormPiece:
    width = _WIDTH_PER_DIGIT * count
    return FormPiece(f"{digit}{{0,{width}}}", width, "", is_open=True)


def _either_case(digits: str) -> str:
    """Return a pattern for hexadecimal digits in either case."""
    return "".join(digit if digit.isdigit() else f"[{digit}{digit.upper()}]" for digit in digits)


def _spell(text: str) -> SecretForm:
    """Return one piece for each character, and one for each run of backslashes."""
    pieces, is_after_backslash = [], False
    for match in re.finditer(r"\\+|.", text, re.DOTALL):
        written, following = match[0], text[match.end() : match.end() + 1]
        if is_backslash := written[0] == "\\":
            piece = _backslashes(len(written))
        else:
            piece = _character(written, is_after_backslash, may_wrap=bool(following.strip()))
        pieces.append(piece)
        is_after_backslash = is_backslash
    return tuple(pieces)


def _backslashes(count: int) -> FormPiece:
    longest = count * (_MOST_BACKSLASHES + 1)
    percent = f"(?:{_PERCENT}5[Cc]){{{count}}}"
    entity = rf"(?:{_AMPERSAND}#(?:92|[xX]5[cC]);){{{count}}}"
    pattern = rf"(?:\\{{{count},{longest}}}+|{percent}|{entity})"
    return FormPiece(pattern, max(longest, count * (_AMPERSAND_WIDTH + 6)), "\\%&")


@lru_cache(maxsize=1024)
def _character(character: str, is_after_backslash: bool, *, may_wrap: bool) -> FormPiece:
    """Return the piece of any character but a backslash.

    A run of backslashes before it takes the one of an escape as well. With `may_wrap`, the line after it may be
    indented.
    """
    if character.isascii() and character.isalnum() and not is_after_backslash:
        return FormPiece(character, 1, character)
    escapes = _OPTIONAL_ESCAPES if is_after_backslash else _ESCAPES
    literal, encoded = re.escape(character), _encode(character)
    percent = "".join(f"{_PERCENT}{_either_case(f'{byte:02x}')}" for byte in encoded)
    if character.isascii() and character.isalnum():
        return FormPiece(f"{escapes}{literal}", _MOST_BACKSLASHES + 1, f"\\{character}")
    escaped = f"{escapes}(?:{'|'.join(_escaped_writings(character))})"
    alternatives = [*_special_writings(character, may_wrap=may_wrap), literal, escaped, percent, _entity(character)]
    if not character.isascii():
        alternatives += [
            *_legacy_percent_writings(character),
            re.escape(encoded.decode("latin-1")),
            "[?\N{REPLACEMENT CHARACTER}]{1,4}",
            f"{_PERCENT}3[Ff]",
        ]
    firsts = f"{character}\\%&?\N{REPLACEMENT CHARACTER}\r\n+{encoded.decode('latin-1')[0]}"
    return FormPiece(f"(?:{'|'.join(alternatives)})", max(map(_measure, alternatives)), firsts)


def _escaped_writings(character: str) -> Iterator[str]:
    r"""Yield what may follow a backslash: `\"`, `\n`, `\u00e9`, `\xe9`, `\xc3\xa9`, `\303\251`, `\u{e9}` and so on."""
    code, encoded = ord(character), _encode(character)
    units = character.encode("utf-16-be", "surrogatepass").hex()
    yield re.escape(character)
    if letter := _CONTROL_LETTERS.get(character):
        yield letter
    yield _ESCAPES.join(f"u{_either_case(units[at : at + 4])}" for at in range(0, len(units), 4))
    yield _ESCAPES.join(f"x{_either_case(f'{byte:02x}')}" for byte in encoded)
    yield _ESCAPES.join(f"{byte:03o}" for byte in encoded)
    yield rf"u\{{0{{0,4}}{_either_case(f'{code:x}')}\}}"
    if code > 0xFFFF:
        yield f"U{_either_case(f'{code:08x}')}"
    if 127 < code < 256:
        yield f"x{_either_case(f'{code:02x}')}"


def _legacy_percent_writings(character: str) -> Iterator[str]:
    """Yield what a URL in Latin-1 and JavaScript's `escape` have: `%E9`, `%u20AC`."""
    if ord(character) < 256:
        yield f"{_PERCENT}{_either_case(f'{ord(character):02x}')}"
    units = character.encode("utf-16-be", "surrogatepass").hex()
    yield "".join(f"{_PERCENT}u{_either_case(units[at : at + 4])}" for at in range(0, len(units), 4))


def _entity(character: str) -> str:
    code = ord(character)
    name = "apos" if character == "'" else codepoint2name.get(code)
    return rf"{_AMPERSAND}(?:#(?:0{{0,4}}{code}|[xX]0{{0,4}}{_either_case(f'{code:x}')}){f'|{name}' if name else ''});"


def _special_writings(character: str, *, may_wrap: bool) -> tuple[str, ...]:
    """Return the writings of a character for which some notation has a rule of its own."""
    if character == "\n":
        percent = f"{_PERCENT}0[Dd]{_PERCENT}0[Aa]"
        escapes = f"{_ESCAPES}r{_ESCAPES}n", f"{_ESCAPES}u000[dD]{_ESCAPES}u000[aA]"
        return (_INDENTED_LINE_END if may_wrap else r"\r\n", *escapes, percent)
    if character == " ":  # where a line is wrapped
        return (r"\+", _INDENTED_LINE_END) if may_wrap else (r"\+",)
    if character == "'":  # a shell ends its quotes for one
        return (f"'{_OPTIONAL_ESCAPES}\"'{_OPTIONAL_ESCAPES}\"'", f"'{_ESCAPES}''", "''")
    return ('""',) if character == '"' else ()


_REPEATED_WIDTHS = {
    _ESCAPES: _MOST_BACKSLASHES, _OPTIONAL_ESCAPES: _MOST_BACKSLASHES, _PERCENT: _PERCENT_WIDTH,
    _AMPERSAND: _AMPERSAND_WIDTH, _INDENTED_LINE_END: 42,
}  # fmt: skip


def _measure(pattern: str) -> int:
    """Return a number of characters that no text which one of our patterns matches exceeds."""
    for repeated, width in _REPEATED_WIDTHS.items():
        pattern = pattern.replace(repeated, width * "-")
    return len(pattern)  # what else is repeated is longer as a pattern
