"""A consumer that was written from `events/schemas` alone understands everything that the relay publishes.

Of this project it uses nothing: what it accepts is what another system, in any language, would accept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

_SCHEMAS = Path(__file__).resolve().parents[3] / "events" / "schemas"


class SchemaConsumer:
    """Knows CloudEvents by their `type`, and Semantest's form by its metadata."""

    def __init__(self) -> None:
        forms = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(_SCHEMAS.glob("*.json"))]
        self._by_type = {form["properties"]["type"]["const"]: self._validator(form) for form in forms}
        semantest = json.loads((_SCHEMAS / "forms" / "semantest.v1.json").read_text(encoding="utf-8"))
        self._semantest = self._validator(semantest)

    def find_faults(self, content_type: str, body: bytes) -> list[str]:
        """Return what is wrong with a message, none where it is understood."""
        form = json.loads(body)
        if content_type == "application/cloudevents+json":
            validator = self._by_type.get(form["type"])
            return [f"unknown type {form['type']}"] if validator is None else self._explain(validator, form)
        return self._explain(self._semantest, form)

    @staticmethod
    def _validator(schema: Mapping[str, Any]) -> Draft202012Validator:
        Draft202012Validator.check_schema(schema)
        return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)

    @staticmethod
    def _explain(validator: Draft202012Validator, form: Any) -> list[str]:
        return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(form)]


@pytest.fixture(scope="module")
def consumer() -> SchemaConsumer:
    return SchemaConsumer()


class TestConsumer:
    def test_accepts_all_that_is_published_of_real_deployments(
        self, consumer: SchemaConsumer, published_messages: list[tuple[str, bytes]]
    ) -> None:
        faults = {
            (body[:80], *found) for kind, body in published_messages if (found := consumer.find_faults(kind, body))
        }

        assert faults == set()
        assert len(published_messages) > 60

    def test_accepts_every_sample_in_every_form(
        self, consumer: SchemaConsumer, sample_messages: list[tuple[str, bytes]]
    ) -> None:
        faults = [(body, found) for kind, body in sample_messages if (found := consumer.find_faults(kind, body))]

        assert faults == []
        assert len(sample_messages) == 3 * len(list(_SCHEMAS.glob("*.json")))

    @pytest.mark.parametrize("removed", ["id", "type", "payload", "metadata", "timestamp"])
    def test_refuses_a_form_that_lacks_something(
        self, consumer: SchemaConsumer, sample_messages: list[tuple[str, bytes]], removed: str
    ) -> None:
        forms = [json.loads(body) for kind, body in sample_messages if kind == "application/json"]

        for form in forms:
            del form[removed]
            assert consumer.find_faults("application/json", json.dumps(form).encode())

    def test_refuses_an_outcome_that_nobody_knows(
        self, consumer: SchemaConsumer, sample_messages: list[tuple[str, bytes]]
    ) -> None:
        forms = [json.loads(body) for kind, body in sample_messages if kind == "application/json"]
        ended = [form for form in forms if "outcome" in form["payload"]]

        for form in ended:
            form["payload"]["outcome"] = "unknown"
            assert consumer.find_faults("application/json", json.dumps(form).encode())
        assert len(ended) == 10

    def test_refuses_the_payload_of_another_event(
        self, consumer: SchemaConsumer, sample_messages: list[tuple[str, bytes]]
    ) -> None:
        forms = [json.loads(body) for kind, body in sample_messages if kind == "application/json"]
        completed = next(form for form in forms if form["type"].endswith("deployment.completed"))
        others = [form for form in forms if form["type"].endswith(("deployment.failed", "drift.detected"))]

        for other in others:
            mixed = json.dumps({**completed, "payload": other["payload"]}).encode()
            assert consumer.find_faults("application/json", mixed)
