"""State files and journals."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import ProviderError
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import StateChange
from semantest_iac.infrastructure.sandbox_engine.state.store import StateStore
from tests.unit.sandbox_engine.builders import a_state

STACK = Stack("rest-api", "aws", "development", "us-east-1")
_FILE, _JOURNAL = (f"rest-api.aws.development.us-east-1.{suffix}" for suffix in ("json", "journal"))


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    """An empty store."""
    return StateStore(tmp_path)


class TestState:
    def test_is_remembered(self, store: StateStore) -> None:
        store.save(STACK, [a_state("a"), a_state("b", needs=["a"])])

        assert list(store.snapshot(STACK)) == [a_state("a"), a_state("b", needs=["a"])]

    def test_is_empty_before_anything_was_saved(self, store: StateStore, tmp_path: Path) -> None:
        assert list(store.snapshot(STACK)) == []
        assert list(tmp_path.iterdir()) == []

    def test_is_the_same_file_for_the_same_resources(self, store: StateStore, tmp_path: Path) -> None:
        store.save(STACK, [a_state("a")])
        before = (tmp_path / _FILE).read_bytes()

        store.save(STACK, store.snapshot(STACK))

        assert (tmp_path / _FILE).read_bytes() == before

    def test_is_for_its_owner_only(self, store: StateStore, tmp_path: Path) -> None:
        store.save(STACK, [])

        assert stat.S_IMODE((tmp_path / _FILE).stat().st_mode) == 0o600

    @pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"deployment": {"resources": [{}]}}', '{"deployment": 1}'])
    def test_that_is_damaged_is_refused(self, store: StateStore, tmp_path: Path, text: str) -> None:
        (tmp_path / _FILE).write_text(text)

        with pytest.raises(ProviderError, match=f"the file {_FILE} is damaged") as refusal:
            store.remembered(STACK)

        assert refusal.value.error_code == "STATE_DAMAGED"
        assert (tmp_path / _FILE).read_text() == text


class TestJournal:
    def test_adds_what_was_done_since(self, store: StateStore) -> None:
        store.save(STACK, [a_state("a"), a_state("b")])
        journal = store.journal(STACK)
        owner = journal.begin("create", a_state("c", id=""), StateChange())
        journal.end(owner, StateChange(put=a_state("c")))
        journal.note(StateChange(drop=a_state("a").key))

        remembered = store.remembered(STACK)

        assert [state.name for state in remembered.snapshot] == ["c", "b"]
        assert (remembered.begun, remembered.cut_short) == ((), True)

    def test_tells_what_has_no_end(self, store: StateStore) -> None:
        after = StateChange(drop=a_state("a").key)
        owner = store.journal(STACK).begin("delete", a_state("a"), after)

        [begun] = store.remembered(STACK).begun

        assert (begun.op, begun.owner, begun.goal, begun.after) == ("delete", owner, a_state("a"), after)

    def test_reads_on_where_a_line_was_cut_off(self, store: StateStore, tmp_path: Path) -> None:
        store.journal(STACK).note(StateChange(put=a_state("a")))
        with (tmp_path / _JOURNAL).open("a") as file:
            file.write('{"end": "x", "put": {"urn"')

        assert [state.name for state in store.snapshot(STACK)] == ["a"]

    def test_that_is_damaged_is_refused(self, store: StateStore, tmp_path: Path) -> None:
        (tmp_path / _JOURNAL).write_text("not a row\n")

        with pytest.raises(ProviderError, match=f"the file {_JOURNAL} is damaged"):
            store.remembered(STACK)

    def test_is_gone_when_its_sum_is_saved(self, store: StateStore, tmp_path: Path) -> None:
        store.journal(STACK).note(StateChange(put=a_state("a")))

        store.save(STACK, store.snapshot(STACK))

        assert [path.name for path in tmp_path.iterdir()] == [_FILE]

    @pytest.mark.parametrize("times", [1, 2])
    def test_may_be_added_to_a_state_that_has_it_already(self, store: StateStore, times: int) -> None:
        old, new = a_state("a", id="1"), a_state("a", id="2")
        store.save(STACK, [old] if times == 1 else [new])
        journal = store.journal(STACK)
        doomed = replace(old, delete=True)
        journal.note(StateChange(put=new, mark=doomed))
        journal.note(StateChange(drop=doomed.key))

        assert list(store.snapshot(STACK)) == [new]


class TestExport:
    def test_names_operations_that_are_under_way(self, store: StateStore) -> None:
        store.journal(STACK).begin("create", a_state("a", id=""), StateChange())
        remembered = store.remembered(STACK)

        deployment = store.deployment(remembered.snapshot, remembered.begun)["deployment"]

        [pending] = deployment["pending_operations"]
        assert (pending["type"], pending["resource"]["urn"]) == ("creating", a_state("a").urn)
        assert json.dumps(deployment)
