from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as some

from semantest_iac.domain.security.redaction import Redactor, StreamRedactor, is_maskable
from tests.secret_scanner import FORMS, SecretScanner, make_secrets

SECRET = 'p@ss "wörd"/\\ 1&2'
SECRETS = make_secrets(seed=7)
SCANNERS = {name: SecretScanner({name: value}) for name, value in SECRETS.items()}
values = some.text(some.characters(exclude_characters="*"), min_size=4).filter(is_maskable)


class TestRedactor:
    @pytest.mark.parametrize("name", SECRETS)
    @pytest.mark.parametrize("form", FORMS)
    def test_leaves_no_part_of_a_value_in_any_form(self, name: str, form: str) -> None:
        text = f"before {FORMS[form](SECRETS[name])} after"

        redacted = Redactor(SECRETS.values()).redact(text)

        assert f"{name} as {form}" in SCANNERS[name].scan(text)
        assert SCANNERS[name].scan(redacted) == []
        assert redacted.startswith("before ")
        assert redacted.endswith(" after")

    @pytest.mark.parametrize("name", SECRETS)
    def test_leaves_no_part_of_a_value_that_comes_in_pieces(self, name: str) -> None:
        text = " and ".join(FORMS[form](SECRETS[name]) for form in ("plain", "json", "url", "base64-2", "hex"))
        redactor = Redactor([SECRETS[name]])
        stream, size = StreamRedactor(redactor), 1 + len(text) // 23

        parts = [stream.feed(text[at : at + size]) for at in range(0, len(text), size)]

        assert "".join([*parts, stream.finish()]) == redactor.redact(text)

    @pytest.mark.parametrize("name", ["token", "password"])
    def test_leaves_no_beginning_of_a_value_where_text_was_shortened(self, name: str) -> None:
        value, redactor = SECRETS[name], Redactor([SECRETS[name]])
        for length in range(0, len(value), 3):
            assert SCANNERS[name].scan(redactor.redact(f"before {value[:length]}… after")) == []

    def test_leaves_no_part_of_values_that_overlap(self) -> None:
        assert Redactor(["abcdef", "defghi"]).redact("- abcdefghi -") == "- *** -"

    def test_keeps_the_end_of_a_text_without_the_rest_of_a_value(self) -> None:
        assert Redactor(["correct-horse"]).redact_from("say correct-horse now", 12) == "*** now"

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
