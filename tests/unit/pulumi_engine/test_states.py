"""Reading a state, and completing one that has pending creates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import PULUMI_PROJECT
from semantest_iac.infrastructure.pulumi_engine.state.state_files import StateFolder
from semantest_iac.infrastructure.pulumi_engine.state.states import (
    StackState,
    drop_secret_values,
    parse_state,
    read_state_file,
    resolve_pending_creates,
    restore_previous_state,
    reveal_secrets,
)

ENCRYPTED = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:a:b"}
PENDING = {"urn": "urn:role", "type": "aws:iam/role:Role", "custom": True, "inputs": {"name": "r"}}


def deployment(*resources: dict[str, Any]) -> dict[str, Any]:
    """A deployment with a pending create of a role."""
    return {"resources": [*resources], "pending_operations": [{"resource": PENDING, "type": "creating"}]}


class TestState:
    def test_has_the_outputs_of_the_stack_without_secrets(self) -> None:
        outputs = {"endpoint": "https://x", "key": ENCRYPTED, "deep": {"list": [ENCRYPTED]}}

        state = StackState({"resources": [{"urn": "urn:s", "type": "pulumi:pulumi:Stack", "outputs": outputs}]})

        assert state.outputs == {"endpoint": "https://x"}

    def test_knows_the_ids_that_a_pending_create_replaces(self) -> None:
        old = {"urn": "urn:role", "type": "aws:iam/role:Role", "id": "old"}

        (create,) = StackState(deployment(old)).pending_creates

        assert (create.urn, create.known_ids) == ("urn:role", ("old",))

    def test_knows_what_was_changed_without_a_confirmation(self) -> None:
        resources = [{"urn": f"urn:{name}"} for name in ("alarm", "role", "table")]
        pending = [("updating", "table"), ("deleting", "alarm"), ("creating", "role"), ("updating", "gone")]
        operations = [{"type": type_, "resource": {"urn": f"urn:{name}"}} for type_, name in pending]

        state = StackState({"resources": resources, "pending_operations": operations})

        assert state.pending_changes == ["urn:alarm", "urn:table"]

    def test_is_empty_before_the_first_deployment(self) -> None:
        state = parse_state(b'{"checkpoint": {"latest": null}}', "checkpoint", "latest")

        assert (state.resources, state.pending_creates, state.outputs) == ([], [], {})

    @pytest.mark.parametrize(
        "text", [b"", b"{", b"[]", b'{"checkpoint": 1}', b'{"checkpoint": {"latest": {"resources": [{}]}}}']
    )
    def test_refuses_any_other_text(self, text: bytes) -> None:
        with pytest.raises((ValueError, TypeError, KeyError)):
            parse_state(text, "checkpoint", "latest")


class TestPreviousState:
    """What the CLI moved aside before it could not write the next state."""

    @pytest.fixture
    def previous(self, tmp_path: Path) -> Path:
        path = tmp_path / "stacks" / PULUMI_PROJECT / "stack.json.bak"
        path.parent.mkdir(parents=True)
        path.write_text('{"checkpoint": {"latest": {"resources": [{"urn": "urn:before"}]}}}')
        return path

    def test_is_put_back(self, tmp_path: Path, previous: Path) -> None:
        incomplete = previous.with_name("stack.json.18ec8ca720f5664e.tmp")
        incomplete.touch()

        restore_previous_state(tmp_path, "stack")

        assert not incomplete.exists()
        state = read_state_file(StateFolder(tmp_path), "stack")
        assert state is not None
        assert state.resources == [{"urn": "urn:before"}]

    def test_gives_way_to_a_newer_one(self, tmp_path: Path, previous: Path) -> None:
        previous.with_suffix("").write_text("newer")

        restore_previous_state(tmp_path, "stack")

        assert previous.with_suffix("").read_text() == "newer"

    @pytest.mark.parametrize("text", ["", "[]", "null", '{"checkpoint": {"latest": {"resources": []}}}'])
    def test_is_left_where_it_is_damaged_or_empty(self, tmp_path: Path, previous: Path, text: str) -> None:
        previous.write_text(text)

        restore_previous_state(tmp_path, "stack")

        assert not previous.with_suffix("").exists()


class TestResolvePendingCreates:
    def test_forgets_creates_that_were_not_found(self) -> None:
        result = resolve_pending_creates(deployment(), {})

        assert (result["resources"], result["pending_operations"]) == ([], [])

    def test_adopts_creates_that_were_found(self) -> None:
        result = resolve_pending_creates(deployment(), {"urn:role": "r-1"})

        assert result["resources"] == [{**PENDING, "id": "r-1", "outputs": {"name": "r"}}]

    def test_marks_replaced_resources_to_be_deleted(self) -> None:
        old = {"urn": "urn:role", "id": "old"}

        result = resolve_pending_creates(deployment(old), {"urn:role": "r-1"})

        assert result["resources"][0] == {**old, "delete": True}


class TestDropSecretValues:
    def test_drops_values_with_an_encrypted_part(self) -> None:
        assert drop_secret_values({"a": 1, "b": ENCRYPTED, "c": [{"d": ENCRYPTED}], "e": None}) == {"a": 1, "e": None}


class TestRevealSecrets:
    def test_replaces_secrets_by_their_plain_text(self) -> None:
        mark = {name: value for name, value in ENCRYPTED.items() if name != "ciphertext"}
        listed = [{"name": "a", "value": {**mark, "plaintext": '"one"'}}]

        assert reveal_secrets({"list": listed, "map": {**mark, "plaintext": '{"b": 2}'}, "plain": 3}) == {
            "list": [{"name": "a", "value": "one"}],
            "map": {"b": 2},
            "plain": 3,
        }

    def test_leaves_encrypted_values(self) -> None:
        assert reveal_secrets({"a": ENCRYPTED}) == {"a": ENCRYPTED}
