from __future__ import annotations

import base64
import json
from collections.abc import Callable
from html import escape
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as some

from semantest_iac.domain.security.redaction import Redactor

SECRET = 'p@ss "wörd"/\\ 1&2'

FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "json": lambda value: json.dumps({"a": value}),
    "json-utf8": lambda value: json.dumps({"a": value}, ensure_ascii=False),
    "repr": lambda value: repr([value]),
    "url": lambda value: f"https://u:{quote(value, safe='')}@host/",
    "url-path": lambda value: f"https://host/{quote(value)}",
    "form": lambda value: f"a={quote_plus(value)}",
    "html": lambda value: f"<b>{escape(value)}</b>",
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64-url": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "basic-authorization": lambda value: base64.b64encode(f"user1:{value}".encode()).decode(),
}
values = some.text(some.characters(exclude_characters="*"), min_size=4)


class TestRedactor:
    @pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
    def test_masks_every_form_of_a_value(self, form: Callable[[str], str]) -> None:
        redacted = Redactor([SECRET]).redact(f"before {form(SECRET)} after")

        assert "***" in redacted
        assert redacted.startswith("before ")
        assert redacted.endswith(" after")
        assert not any(part in redacted for part in ("wörd", "w%C3", "w\\u00f6", "dw7Zy"))

    @pytest.mark.parametrize("prefix", ["", "a", "ab"])
    def test_masks_a_value_inside_longer_base64(self, prefix: str) -> None:
        whole = base64.b64encode(f"{prefix}correct-horse-battery{prefix}".encode()).decode()

        assert len(Redactor(["correct-horse-battery"]).redact(whole)) <= len("YWJ***lhYg==")

    def test_masks_the_longer_of_two_values_whole(self) -> None:
        assert Redactor(["abcd", "abcdef"]).redact("abcdef abcd") == "*** ***"

    def test_masks_the_lines_of_a_key(self) -> None:
        key = "-----BEGIN KEY-----\nMIIEabcdefgh\n-----END KEY-----\n"

        assert "MIIE" not in Redactor([key]).redact("it said MIIEabcdefgh somewhere")

    def test_leaves_text_alone_without_values_worth_masking(self) -> None:
        assert Redactor(["", "a", "1", "     "]).redact("a 1 text") == "a 1 text"

    def test_shows_nothing_of_what_it_knows(self) -> None:
        assert SECRET not in repr(Redactor([SECRET]))

    @given(values, some.text(), some.text())
    def test_leaves_no_value_between_any_two_texts(self, value: str, before: str, after: str) -> None:
        assert value not in Redactor([value]).redact(before + value + after)

    def test_masks_every_text_in_a_json_value(self) -> None:
        value = {"a": ["x hunter2 y", 1, None], "b": {"c": "hunter2"}}

        assert Redactor(["hunter2"]).redact_json(value) == {"a": ["x *** y", 1, None], "b": {"c": "***"}}

    def test_keeps_texts_in_a_json_value_without_secrets(self) -> None:
        assert Redactor(["yes", ""]).redact_json({"a": "yes"}) == {"a": "yes"}
