"""`events/asyncapi.yaml` is valid by the schema that the AsyncAPI initiative publishes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from tests.node_packages import find_packages


@pytest.fixture(scope="module")
def validator() -> Draft7Validator:
    schema = find_packages() / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
    if not schema.is_file():
        pytest.skip("the npm packages of the tests lack @asyncapi/specs: `make node-packages`")
    return Draft7Validator(json.loads(schema.read_text(encoding="utf-8")))


def test_is_valid(validator: Draft7Validator, asyncapi_text: str) -> None:
    errors = validator.iter_errors(yaml.safe_load(asyncapi_text))

    assert [f"{error.json_path}: {error.message[:200]}" for error in errors] == []


def _shout(document: Any) -> None:
    document["operations"]["send"]["action"] = "shout"


def _forget_the_title(document: Any) -> None:
    del document["info"]["title"]


def _misspell(document: Any) -> None:
    document["channels"]["infrastructure"]["mesages"] = {}


@pytest.mark.parametrize("damage", [_shout, _forget_the_title, _misspell])
def test_would_not_be_with_a_fault(
    validator: Draft7Validator, asyncapi_text: str, damage: Callable[[Any], None]
) -> None:
    document = yaml.safe_load(asyncapi_text)
    damage(document)

    assert list(validator.iter_errors(document)) != []
