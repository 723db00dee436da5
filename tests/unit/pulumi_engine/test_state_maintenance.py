"""States in a backend: refused where they are damaged or foreign, backed up, restored, moved, and given a new key."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.errors import DeploymentError, NotFoundError, RefusedError, StackBusyError
from semantest_iac.infrastructure.pulumi_engine.state import maintenance
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import BackendSettings
from semantest_iac.infrastructure.pulumi_engine.state.backups import KEPT_BACKUPS, back_up_state
from semantest_iac.infrastructure.pulumi_engine.state.locks import hold_stack
from semantest_iac.infrastructure.pulumi_engine.state.maintenance import StateMaintenance
from semantest_iac.infrastructure.pulumi_engine.state.moves import StateMove, require_not_moved, write_move
from semantest_iac.infrastructure.pulumi_engine.state.states import read_state_file, state_name
from semantest_iac.infrastructure.secret_ciphers import state_cipher
from tests.unit.pulumi_engine.stored_states import (
    NEW,
    OLD,
    SECRET,
    STACK,
    KilledFiles,
    build_checkpoint,
    count_change,
    open_home,
    open_shared,
    read_secrets,
    run_killed,
)

OTHER = "websocket.aws.staging.us-east-1"


@pytest.fixture(autouse=True)
def _fast_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """One round in place of a million; the real number is tried with the CLI's own states."""
    monkeypatch.setattr(state_cipher, "_KEY_ROUNDS", 1)


def change_nothing(settings: BackendSettings, stack: str, provider: str) -> None:
    """Stand for the CLI where no other provider is asked for."""
    raise AssertionError("nothing asked for another provider")


class TestDamagedState:
    def test_is_refused_and_comes_back_from_a_backup(self, tmp_path: Path) -> None:
        states = open_home(tmp_path)
        name, whole = state_name(STACK), build_checkpoint(resources=8)
        states.files.write(name, whole)
        states.back_up(STACK)
        tried = 0
        for size in [0, 1, *range(1024, len(whole), 1024), len(whole) - 1]:
            states.files.write(name, whole[:size])
            with pytest.raises(DeploymentError) as refused:
                read_state_file(states.files, STACK)
            assert (refused.value.error_code, states.files.read(name)) == ("STATE_DAMAGED", whole[:size])
            assert f"state restore {STACK}" in refused.value.hint

            states.restore(STACK)

            assert states.files.read(name) == whole
            tried += 1
        assert tried > 3

    def test_is_kept_where_it_is_replaced(self, tmp_path: Path) -> None:
        states = open_home(tmp_path)
        states.back_up(STACK)
        states.files.write(state_name(STACK), b'{"checkpoint": ')

        states.restore(STACK)

        assert b'{"checkpoint": ' in [states.files.read(it.file) for it in states.list_backups(STACK)]

    def test_without_a_backup_is_left(self, tmp_path: Path) -> None:
        states = open_home(tmp_path)
        states.files.write(state_name(STACK), b"")

        with pytest.raises(NotFoundError, match="no backup"):
            states.restore(STACK)


class TestForeignState:
    @pytest.mark.parametrize(
        ("content", "owner"),
        [(build_checkpoint(OTHER), OTHER), (build_checkpoint(project="another"), "another")],
        ids=["stack", "project"],
    )
    def test_is_refused_by_name(self, tmp_path: Path, content: bytes, owner: str) -> None:
        states = open_home(tmp_path)
        states.files.write(state_name(STACK), content)

        with pytest.raises(RefusedError, match=owner) as refused:
            read_state_file(states.files, STACK)

        assert refused.value.error_code == "STATE_FOREIGN"

    def test_is_refused_by_its_resources(self, tmp_path: Path) -> None:
        states = open_home(tmp_path)
        exported = {"version": 3, "deployment": json.loads(build_checkpoint(OTHER))["checkpoint"]["latest"]}

        with pytest.raises(RefusedError, match=OTHER):
            states.import_state(STACK, json.dumps(exported).encode(), "file")


class TestBackups:
    def test_are_written_once_for_each_content_and_the_newest_are_kept(self, tmp_path: Path) -> None:
        states = open_home(tmp_path)
        for resources in range(KEPT_BACKUPS + 3):
            states.files.write(state_name(STACK), build_checkpoint(resources=resources))
            back_up_state(states.files, STACK)
            back_up_state(states.files, STACK)

        backups = states.list_backups(STACK)

        assert len(backups) == KEPT_BACKUPS
        assert backups[-1].written >= backups[0].written
        assert len(json.loads(states.files.read(backups[-1].file) or b"")["checkpoint"]["latest"]["resources"]) == 22

    def test_one_is_chosen_by_its_name(self, tmp_path: Path) -> None:
        states = open_home(tmp_path)
        first = states.back_up(STACK)
        states.files.write(state_name(STACK), build_checkpoint(resources=5))
        states.back_up(STACK)

        _, state = states.restore(STACK, first.name)

        assert len(state.live_resources) == 1
        with pytest.raises(NotFoundError, match="no backup 'x'"):
            states.restore(STACK, "x")


class TestFiles:
    def test_of_an_export_are_imported(self, tmp_path: Path) -> None:
        states = open_home(tmp_path)
        exported = states.export(STACK)
        states.files.delete(state_name(STACK))

        state = states.import_state(STACK, exported, "file")

        assert SECRET not in exported.decode()
        assert len(state.live_resources) == 1
        assert read_secrets(states, STACK, OLD) == [SECRET]

    def test_of_another_passphrase_are_refused(self, tmp_path: Path) -> None:
        states = open_home(tmp_path)

        with pytest.raises(RefusedError, match="another passphrase"):
            states.import_state(STACK, build_checkpoint(passphrase=NEW), "file")

    @pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"deployment": {"resources": [{}]}}'])
    def test_that_are_no_state_are_refused(self, tmp_path: Path, content: bytes) -> None:
        with pytest.raises(RefusedError, match="is no state"):
            open_home(tmp_path).import_state(STACK, content, "file")


class TestHeldStack:
    def test_is_changed_by_nobody_else(self, tmp_path: Path) -> None:
        states = open_home(tmp_path)
        states.back_up(STACK)

        with (
            hold_stack(states.files, STACK, "a test", is_private=True),
            pytest.raises(StackBusyError, match="a test, since") as busy,
        ):
            states.restore(STACK)

        assert "pulumi cancel" in busy.value.hint
        assert states.list_locks() == []

    def test_of_a_killed_process_is_free_again(self, tmp_path: Path) -> None:
        states = open_home(tmp_path)

        def hold() -> None:
            with hold_stack(KilledFiles(states.files), STACK, "a test"):
                count_change()

        assert run_killed(2, hold)
        assert [lock.is_stale for _, lock in states.list_locks()] == [True]

        states.back_up(STACK)

        assert states.list_locks() == []


class TestRotation:
    """Killed before each change, it goes on when it is run again, and no secret is lost."""

    def test_goes_on_wherever_it_is_killed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("replace_file", "remove_file", "ensure_private_file"):
            monkeypatch.setattr(maintenance, name, _counted(getattr(maintenance, name)))
        killed = 0
        while True:
            states = open_home(tmp_path / str(killed))
            states.files.write(state_name(OTHER), build_checkpoint(OTHER))
            dying = open_home(tmp_path / str(killed))
            dying.files = KilledFiles(dying.files)
            if not run_killed(killed, partial(dying.rotate_passphrase, None)):
                break
            KilledFiles.left = 1000

            result = states.rotate_passphrase(None)

            now = states.settings.read_passphrase()
            assert now != OLD
            assert [read_secrets(states, stack, now) for stack in (STACK, OTHER)] == [[SECRET], [SECRET]]
            assert set(result.rotated) == {STACK, OTHER}
            assert not states.settings.next_passphrase.exists()
            killed += 1
        assert killed > 10

    def test_needs_a_file_where_machines_share_the_state(self, tmp_path: Path) -> None:
        old = tmp_path / "old"
        old.write_text(f"{OLD}\n")
        states = open_shared(tmp_path, old)
        states.files.write(state_name(STACK), build_checkpoint())
        with pytest.raises(RefusedError, match="is not named"):
            states.rotate_passphrase(None)
        new = tmp_path / "new"
        new.write_text(NEW)

        states.rotate_passphrase(new)

        assert read_secrets(states, STACK, NEW) == [SECRET]
        assert old.read_text() == f"{OLD}\n"

    def test_changes_nothing_where_a_state_has_a_third_passphrase(self, tmp_path: Path) -> None:
        states = open_home(tmp_path)
        states.files.write(state_name(OTHER), build_checkpoint(OTHER, "a third"))

        with pytest.raises(RefusedError, match=OTHER):
            states.rotate_passphrase(None)

        assert read_secrets(states, STACK, OLD) == [SECRET]

    def test_is_undone_by_no_restored_backup(self, tmp_path: Path) -> None:
        states = open_home(tmp_path)
        first = states.back_up(STACK)
        states.rotate_passphrase(None)
        states.rotate_passphrase(None)
        now = states.settings.read_passphrase()

        states.files.write(state_name(STACK), b"")
        states.restore(STACK)
        assert read_secrets(states, STACK, now) == [SECRET]

        states.restore(STACK, first.name)
        assert read_secrets(states, STACK, now) == [SECRET]

        states.settings.former_passphrases.unlink()
        with pytest.raises(RefusedError, match="encrypted with another passphrase"):
            states.restore(STACK, first.name)
        assert read_secrets(states, STACK, now) == [SECRET]

    def test_of_a_home_is_finished_before_another_begins(self, tmp_path: Path) -> None:
        states = open_home(tmp_path)
        states.settings.next_passphrase.write_text("one that was made")
        file = tmp_path / "new"
        file.write_text(NEW)

        with pytest.raises(RefusedError, match="was interrupted"):
            states.rotate_passphrase(file)


def _counted(function: Any) -> Any:
    def call(*arguments: Any) -> Any:
        count_change()
        return function(*arguments)

    return call


class TestMove:
    """Killed before each change, it goes on when it is run again; the state is in one place at the end."""

    def _open_target(self, tmp_path: Path, passphrase: str) -> StateMaintenance:
        file = tmp_path / "passphrase"
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(passphrase)
        return open_shared(tmp_path, file)

    @pytest.mark.parametrize("passphrase", [OLD, NEW], ids=["same passphrase", "another passphrase"])
    def test_goes_on_wherever_it_is_killed(self, tmp_path: Path, passphrase: str) -> None:
        killed = 0
        while True:
            folder = tmp_path / str(killed)
            states, target = open_home(folder / "own"), self._open_target(folder, passphrase)
            dying, there = open_home(folder / "own"), self._open_target(folder, passphrase)
            dying.files, there.files = KilledFiles(dying.files), KilledFiles(there.files)
            if not run_killed(killed, partial(dying.move, STACK, there, change_nothing, None)):
                break
            assert STACK in {*states.list_stacks(), *target.list_stacks()}

            states.move(STACK, target, change_nothing, None)

            assert (states.list_stacks(), target.list_stacks()) == ([], [STACK])
            assert read_secrets(target, STACK, passphrase) == [SECRET]
            assert states.list_backups(STACK)
            killed += 1
        assert killed > 8

    def test_is_known_where_it_was_and_can_come_back(self, tmp_path: Path) -> None:
        states, target = open_home(tmp_path / "own"), self._open_target(tmp_path, OLD)
        states.move(STACK, target, change_nothing, None)

        with pytest.raises(RefusedError, match=r"was moved to '.*shared/.pulumi'"):
            require_not_moved(states.files, STACK)
        with pytest.raises(RefusedError, match="was moved"):
            states.import_state(STACK, build_checkpoint(), "file")

        target.move(STACK, states, change_nothing, None)

        require_not_moved(states.files, STACK)
        assert read_secrets(states, STACK, OLD) == [SECRET]

    def test_without_the_passphrase_of_the_state_does_not_begin(self, tmp_path: Path) -> None:
        states, target = open_home(tmp_path / "own", NEW), self._open_target(tmp_path, OLD)
        states.settings.own_passphrase.write_text("a third")

        with pytest.raises(RefusedError, match="another passphrase"):
            states.move(STACK, target, change_nothing, None)

        require_not_moved(states.files, STACK)
        assert target.list_stacks() == []

    def test_is_given_up_by_moving_to_where_it_is(self, tmp_path: Path) -> None:
        states = open_home(tmp_path / "own")
        write_move(states.files, STACK, StateMove("s3://gone"))
        with pytest.raises(RefusedError, match="is being moved to 's3://gone'"):
            require_not_moved(states.files, STACK)

        states.move(STACK, states, change_nothing, None)

        require_not_moved(states.files, STACK)

    def test_replaces_no_other_state(self, tmp_path: Path) -> None:
        states, target = open_home(tmp_path / "own"), self._open_target(tmp_path, OLD)
        target.files.write(state_name(STACK), build_checkpoint(resources=3))

        with pytest.raises(RefusedError, match="has another state of it"):
            states.move(STACK, target, change_nothing, None)

        require_not_moved(states.files, STACK)
        assert states.list_stacks() == [STACK]
