"""OpenAPI documents that a configuration names."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import ValidationService
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES
from semantest_iac.infrastructure.configuration.loading import (
    ConfigurationSources,
    ParsedConfiguration,
    read_configuration,
)

_DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "servers": [{"url": "https://orders.example.org/v1/"}],
    "paths": {
        "/": {
            "parameters": [{"$ref": "#/components/parameters/Page"}],
            "get": {"parameters": [{"in": "query", "name": "limit"}, {"in": "header", "name": "x-a"}]},
            "post": {"responses": {"200": {"description": "done"}}},
        },
        "/{id}": {"get": {}, "summary": "one"},
    },
    "components": {"parameters": {"Page": {"in": "query", "name": "page"}}},
}


def _read(folder: Path, document: Any, **api: Any) -> ParsedConfiguration:
    text = document if isinstance(document, str) else yaml.safe_dump(document)
    (folder / "orders.yaml").write_text(text, encoding="utf-8")
    section = {"gateway": {"apis": {"orders": {"openapi": "./orders.yaml", **api}}}}
    values = {"components": {"gateway": section}}
    (folder / "semantest.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return read_configuration(ConfigurationSources(folder=folder))


def _find_api(parsed: ParsedConfiguration) -> Any:
    section = parsed.configuration.components["gateway"].gateway
    assert section is not None
    assert section.apis is not None
    return section.apis["orders"]


class TestDocuments:
    def test_become_operations_with_their_parameters(self, tmp_path: Path) -> None:
        parsed = _read(tmp_path, _DOCUMENT)
        api = _find_api(parsed)

        assert parsed.faults == ()
        assert [(it.path, it.methods, it.query) for it in api.operations] == [
            ("/", ("GET",), ("page", "limit")),
            ("/", ("POST",), ("page",)),
            ("/{id}", ("GET",), ()),
        ]
        assert (api.openapi, api.url) == (None, "https://orders.example.org/v1")

    def test_may_be_json_and_leave_a_written_backend_alone(self, tmp_path: Path) -> None:
        text = '{"openapi": "3.0.3", "servers": [{"url": "https://a.example.org"}], "paths": {"/": {"get": {}}}}'

        assert _find_api(_read(tmp_path, text, url="https://b.example.org")).url == "https://b.example.org"

    @pytest.mark.parametrize(
        ("document", "reason"),
        [
            ("a: [", "neither YAML nor JSON in line"),
            ("- a", "no OpenAPI document"),
            ({**_DOCUMENT, "openapi": "2.0"}, "no OpenAPI document of version 3.0 or 3.1"),
            ({"openapi": "3.0.0", "paths": {}}, "has 0 operations"),
            ({"openapi": "3.0.0", "paths": {"/": {"$ref": "other.yaml#/a"}}}, "which is not in it"),
            (
                {"openapi": "3.0.0", "paths": {"/": {"$ref": "#/a"}}, "a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}},
                "lead in a circle",
            ),
            ({"openapi": "3.0.0", "paths": {"/": {"gett": {}}}}, "has 'gett' at '/'"),
            ({"openapi": "3.0.0", "paths": {"/": {"trace": {}}}}, "has 'trace' at '/'"),
            ({"openapi": "3.0.0", "paths": {"orders": {"get": {}}}}, "has the path 'orders'"),
            (
                {"openapi": "3.0.0", "paths": {"/{id}": {"get": {}}, "/{name}": {"put": {}}}},
                "has the paths '/{id}' and '/{name}', which are the same",
            ),
            ({"swagger": "2.0", "paths": {"/": {"get": {}}}}, "no OpenAPI document"),
            ({"openapi": "3.0.0", "paths": {f"/{number}": {"get": {}} for number in range(301)}}, "301 operations"),
        ],
        ids=lambda it: it if isinstance(it, str) and " " in it else "",
    )
    def test_are_refused_with_the_place_that_names_them(self, tmp_path: Path, document: Any, reason: str) -> None:
        [fault] = _read(tmp_path, document).faults

        assert fault.path == "components.gateway.gateway.apis.orders.openapi"
        assert reason in fault.message
        assert fault.line is not None

    def test_are_refused_with_all_that_is_wrong_and_nothing_that_follows_from_it(self, tmp_path: Path) -> None:
        paths = {"/a": {"$ref": "a.yaml"}, "/b": {"get": {"parameters": [{"$ref": "b.yaml"}]}}, "x-owner": "shop"}
        parsed = _read(tmp_path, {"openapi": "3.0.0", "paths": paths}, cache={"seconds": 60})
        report = ValidationService(date(2026, 11, 1), CLOUD_ENTRIES).validate(
            Stack("gateway", "aws", "staging", "us-east-1"), parsed.configuration
        )

        assert [fault.message.split("'")[3] for fault in parsed.faults] == ["a.yaml", "b.yaml"]
        assert report.faults == ()

    @pytest.mark.parametrize("name", ["https://example.org/openapi.json", "./other.yaml"])
    def test_say_where_they_are_looked_for(self, tmp_path: Path, name: str) -> None:
        [fault] = _read(tmp_path, _DOCUMENT, openapi=name).faults

        assert ("Download" if "://" in name else str(tmp_path)) in fault.hint

    def test_that_do_not_exist_are_refused(self, tmp_path: Path) -> None:
        parsed = _read(tmp_path, _DOCUMENT, openapi="./other.yaml")

        assert "other.yaml" in parsed.faults[0].message

    def test_beside_operations_are_refused(self, tmp_path: Path) -> None:
        [fault, *_] = _read(tmp_path, _DOCUMENT, operations=[{"path": "/"}]).faults

        assert "there are operations, too" in fault.message


class TestPasswords:
    def test_of_the_login_may_be_secrets(self, tmp_path: Path) -> None:
        text = 'components: {gateway: {gateway: {login: {user: a, password: "${secrets.word}"}}}}'
        (tmp_path / "semantest.yaml").write_text(text, encoding="utf-8")

        assert read_configuration(ConfigurationSources(folder=tmp_path)).faults == ()
