"""States of a backend in a folder, whose secrets a passphrase encrypts, and processes that are killed at a write."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import PULUMI_PROJECT, BackendSettings
from semantest_iac.infrastructure.pulumi_engine.state.ciphers import PassphraseKey, open_state_key
from semantest_iac.infrastructure.pulumi_engine.state.maintenance import StateMaintenance
from semantest_iac.infrastructure.pulumi_engine.state.state_files import StateFiles
from semantest_iac.infrastructure.pulumi_engine.state.states import map_ciphertexts, read_state_file, state_name

STACK = "rest-api.aws.staging.us-east-1"
SECRET = "canary-5ecre7-value"
OLD, NEW = "the old passphrase", "the new passphrase"
_CHANGES = ("write", "delete")


def build_checkpoint(
    stack: str = STACK, passphrase: str = OLD, resources: int = 1, project: str = PULUMI_PROJECT
) -> bytes:
    """The text of a state whose every resource has a secret."""
    key = PassphraseKey(passphrase)
    secret = {
        "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
        "ciphertext": key.encrypt(json.dumps(SECRET).encode()),
    }
    latest = {
        "manifest": {"time": "2026-12-01T00:00:00Z", "version": "v3.250.0"},
        "secrets_providers": {"type": "passphrase", "state": {"salt": key.salt}},
        "resources": [
            {
                "urn": f"urn:pulumi:{stack}::{project}::aws:s3/bucket:Bucket::bucket-{number}",
                "type": "aws:s3/bucket:Bucket",
                "custom": True,
                "id": f"bucket-{number}",
                "inputs": {"password": secret},
            }
            for number in range(resources)
        ],
    }
    named = f"organization/{project}/{stack}"
    return json.dumps({"version": 3, "checkpoint": {"stack": named, "latest": latest}}, indent=4).encode()


def open_home(folder: Path, passphrase: str = OLD) -> StateMaintenance:
    """The states of a home, with a state of a stack if there is none."""
    settings = BackendSettings(folder)
    states = StateMaintenance(settings, {})
    if not settings.own_passphrase.exists():
        settings.folder.mkdir(parents=True, exist_ok=True)
        settings.own_passphrase.write_text(passphrase)
        states.files.write(state_name(STACK), build_checkpoint(STACK, passphrase))
    return states


def open_shared(folder: Path, passphrase: Path) -> StateMaintenance:
    """The states of a folder that several machines use."""
    settings = BackendSettings(folder / "home", f"file://{folder}/shared", passphrase=passphrase)
    return StateMaintenance(settings, {})


def read_secrets(states: StateMaintenance, stack: str, passphrase: str) -> list[str]:
    """Every secret of a state in plain text."""
    state = read_state_file(states.files, stack)
    assert state is not None
    key = open_state_key(state, passphrase)
    assert key is not None, "the passphrase does not open the state"
    found: list[str] = []
    map_ciphertexts(state.deployment, lambda text: found.append(json.loads(key.decrypt(text))) or text)  # type: ignore[func-returns-value]
    return found


class KilledFiles:
    """The files of a backend in a process that kills itself before one of its changes."""

    left = 0

    def __init__(self, files: StateFiles) -> None:
        self._files = files

    def __getattr__(self, name: str) -> Any:
        if name in _CHANGES:
            count_change()
        return getattr(self._files, name)


def count_change() -> None:
    """Kill this process where no change is left to it."""
    if KilledFiles.left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    KilledFiles.left -= 1


def run_killed(changes: int, run: Callable[[], object]) -> bool:
    """Run in a process that is killed before the change after so many; whether it was."""
    child = os.fork()
    if child == 0:
        KilledFiles.left = changes
        try:
            run()
        except BaseException:  # the child must not go on with the tests
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)
