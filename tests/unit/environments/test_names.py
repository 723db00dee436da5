from __future__ import annotations

import pytest

from semantest_iac.domain.environments.names import (
    COMPONENTS,
    ENVIRONMENTS,
    Region,
    canonical_environment,
    find_nearest,
    make_printable,
    secret_variable_name,
    suggest_known,
)


class TestCanonicalEnvironment:
    @pytest.mark.parametrize(
        ("word", "name"),
        [("dev", "development"), ("PROD", "production"), ("stage", "staging"), (" qa ", "qa"), ("stg", "staging")],
    )
    def test_returns_the_full_name_of_an_alias(self, word: str, name: str) -> None:
        assert canonical_environment(word) == name

    def test_keeps_unknown_names(self) -> None:
        assert canonical_environment("Moon") == "moon"


class TestRegion:
    @pytest.mark.parametrize(
        ("text", "name"), [("West US 2", "westus2"), ("US-EAST-1", "us-east-1"), ("eastus", "eastus")]
    )
    def test_is_read_as_people_write_it(self, text: str, name: str) -> None:
        assert str(Region.parse(text)) == name


class TestFindNearest:
    @pytest.mark.parametrize(
        ("word", "choice"), [("rest-ap", "rest-api"), ("websockets", "websocket"), ("zzz", None), ("a" * 300, None)]
    )
    def test_returns_the_most_similar_choice(self, word: str, choice: str | None) -> None:
        assert find_nearest(word, COMPONENTS) == choice

    def test_precedes_the_known_names(self) -> None:
        hint = suggest_known("prodction", ENVIRONMENTS)

        assert hint == "Did you mean 'production'? Known: development, qa, staging, production."


class TestMakePrintable:
    @pytest.mark.parametrize(
        ("text", "fit"),
        [
            ("rest-api", "rest-api"),
            ("a\nb", "a\\u000ab"),
            ("\x1b[2J", "\\u001b[2J"),
            ("\u202eabc", "\\u202eabc"),
            ("\u200b", "\\u200b"),
            ("x" * 300, "x" * 64 + "…"),
        ],
        ids=["plain", "newline", "escape", "bidi", "zero-width", "long"],
    )
    def test_escapes_and_shortens(self, text: str, fit: str) -> None:
        assert make_printable(text) == fit


class TestSecretVariableName:
    def test_has_a_prefix(self) -> None:
        assert secret_variable_name("database_url") == "SEMANTEST_SECRET_DATABASE_URL"


def test_a_component_that_is_configured_and_built_in_is_listed_once() -> None:
    assert suggest_known("x", ["rest-api", "websocket", "rest-api"]) == "Known: rest-api, websocket."
