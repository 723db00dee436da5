from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from semantest_iac.infrastructure.configuration.schema import configuration_schema, schema_for, sibling_keys


def errors(values: dict[str, Any], schema: dict[str, Any] | None = None) -> list[str]:
    return [error.message for error in Draft202012Validator(schema or configuration_schema()).iter_errors(values)]


class TestSchema:
    def test_is_a_schema_of_its_dialect(self) -> None:
        Draft202012Validator.check_schema(configuration_schema())

    def test_accepts_a_configuration(self) -> None:
        own = {"pr-1": None, "load-test": {"extends": "qa", "tags": {"a": 1}, "components": {"rest-api": {}}}}
        assert errors({"environment": "prod", "components": {"rest-api": {"environment": {"A1": 1, "B1": True}}}}) == []
        assert errors({"project": "shop", "components": {"users-api": {"type": "rest-api"}}}) == []
        assert [len(errors(value)) for value in ({"project": "My shop"}, {"components": {"a": {"type": "api"}}})] == [
            1,
            1,
        ]
        assert errors({"environment": "pr-1", "environments": own, "tags": {"team": "qa"}}) == []

    @pytest.mark.parametrize(
        "values",
        [
            *({"regoin": "x"}, {"components": {"all": {}}}, {"provider": "gcp"}, {"environment": "Moon Base"}),
            *({"environments": {"a": section}} for section in ({"provider": "gcp"}, {"b": 1})),
            {"environments": {"PR": {}}},
        ],
        ids=["key", "component", "provider", "environment", "provider-of-own", "key-of-own", "own-name"],
    )
    def test_refuses_what_the_loader_refuses(self, values: dict[str, Any]) -> None:
        assert len(errors(values)) == 1

    def test_allows_the_given_providers(self) -> None:
        schema = schema_for(["aws", "meadow"], ["sandbox"])

        assert [len(errors({"provider": name}, schema)) for name in ("aws", "meadow", "azure")] == [0, 0, 1]


class TestSiblingKeys:
    @pytest.mark.parametrize(
        ("path", "keys"),
        [
            (
                ("x",),
                [
                    "monitoring",
                    "features",
                    "network",
                    "security",
                    "tiers",
                    "project",
                    "provider",
                    "region",
                    "engine",
                    "cloud",
                    "components",
                    "scaling",
                    "deadlines",
                    "approvals",
                    "guardrails",
                    "tags",
                    "environment",
                    "environments",
                    "state",
                    "event_sources",
                    "event_targets",
                    "subscriptions",
                ],
            ),
            (("components", "rest-api", "instances", "x"), ["min", "max"]),
            (("monitoring", "alerts", 0, "x"), ["type", "threshold"]),
        ],
        ids=["top", "mapping", "list"],
    )
    def test_are_those_of_the_same_mapping(self, path: tuple[str | int, ...], keys: list[str]) -> None:
        assert sibling_keys(path) == keys
