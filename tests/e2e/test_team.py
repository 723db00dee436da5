"""A team on two hosts: state in S3, ledger in PostgreSQL, one stack; nothing is lost by what happens to one of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

import pytest

from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import read_backend_settings
from semantest_iac.infrastructure.pulumi_engine.state.maintenance import StateMaintenance
from semantest_iac.infrastructure.pulumi_engine.state.owners import read_owners
from semantest_iac.infrastructure.pulumi_engine.state.states import read_state_file, state_name
from semantest_iac.infrastructure.simulated_cloud.runtime.providers import open_inventory
from tests.e2e.conftest import Outcome
from tests.object_stores import run_s3, secret_key
from tests.postgresql_server import MISSING_REASON, find_postgresql, run_postgresql
from tests.pulumi_cli import require_pulumi_cli

_ROOT = Path(__file__).parents[2]
_STACK = "messaging.aws.development.us-east-1"
_DEPLOY = ("deploy", "messaging", "--engine", "pulumi", "--cloud", "sandbox", "--yes", "--json")
_TIMEOUT_S = 400
_UNSHARE = ("unshare", "--uts", "--map-root-user") if os.geteuid() else ("unshare", "--uts")


@dataclass(frozen=True)
class Team:
    """Hosts with names of their own and a folder each, and what they share."""

    folder: Path
    variables: dict[str, str]

    def start(self, host: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start a command on a host."""
        folder = self.folder / host
        folder.mkdir(exist_ok=True)
        (folder / "semantest.yaml").write_text((self.folder / "semantest.yaml").read_text())
        script = ["sh", "-c", 'hostname "$0" && exec "$@"', host, sys.executable, "-m", "tests.e2e.team_host"]
        return subprocess.Popen(
            [*_UNSHARE, *script, *arguments],
            cwd=folder,
            env={**self.variables, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, host: str, *arguments: str, **variables: str) -> Outcome:
        """Run a command on a host and wait for its end."""
        return end(self.start(host, *arguments, **variables))

    def write(self, *queues: str) -> None:
        """Write the configuration with these queues."""
        text = "".join(f"      {name}: {{}}\n" for name in queues)
        backend = f"state:\n  backend: {self.variables['BACKEND']}\n"
        (self.folder / "semantest.yaml").write_text(
            f"{backend}components:\n  messaging:\n    type: messaging\n    queues:\n{text}"
        )

    @property
    def states(self) -> StateMaintenance:
        settings = read_backend_settings(
            self.folder / "elsewhere", {**self.variables, "SEMANTEST_STATE_URL": self.variables["BACKEND"]}
        )
        return StateMaintenance(settings, self.variables)

    def list_cloud(self) -> list[str]:
        """Return the ids of all resources in the cloud."""
        with open_inventory(Path(self.variables["TEAM_CLOUD"])).read_without_transaction() as reader:
            return sorted(row.id for row in reader.list_by_owner_prefix("urn:pulumi:"))

    def list_state(self) -> list[str]:
        """Return the ids of all resources in the state."""
        state = read_state_file(self.states.files, _STACK)
        return sorted(it["id"] for it in state.cloud_resources) if state else []


def end(process: subprocess.Popen[str]) -> Outcome:
    """Wait for the end of a command."""
    out, err = process.communicate(timeout=_TIMEOUT_S)
    return Outcome(process.returncode, out, err)


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    """A team whose services run; skips the test where one of them, or names of hosts, cannot be had."""
    require_pulumi_cli()
    programs = find_postgresql()
    if programs is None:
        pytest.skip(MISSING_REASON)
    if subprocess.run([*_UNSHARE, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this user may not give processes a host name of their own")
    (tmp_path / "passphrase").write_text("a passphrase of the tests")
    with run_postgresql(programs) as server, run_s3() as store:
        store.create_bucket("team")
        options = f"region=us-east-1&endpoint={urlparse(store.endpoint).netloc}&disableSSL=true&s3ForcePathStyle=true"
        parts = dict(part.split("=", 1) for part in server.url.split())
        known = {name: os.environ[name] for name in ("HOME", "PATH", "XDG_CACHE_HOME") if name in os.environ}
        variables = {
            **known,
            **store.variables,
            store.key_variable: secret_key(store),
            "PYTHONPATH": str(_ROOT),
            "SEMANTEST_LEDGER_URL": f"postgresql://{parts['user']}@/{parts['dbname']}?host={parts['host']}",
            "SEMANTEST_STATE_PASSPHRASE_FILE": str(tmp_path / "passphrase"),
            "SEMANTEST_ARTIFACTS_URL": "s3://team/packages",
            "TEAM_CLOUD": str(tmp_path / "cloud.db"),
            "BACKEND": f"s3://team/state?{options}",
        }
        yield Team(tmp_path, variables)


def _damage_and_restore(team: Team) -> None:
    """Cut the state in half: it is refused, left, and restored."""
    name = state_name(_STACK)
    whole = team.states.files.read(name) or b""
    team.states.files.write(name, whole[: len(whole) // 2])
    refused = team.run("host-a", *_DEPLOY)
    assert (refused.code, refused.json["error"]["code"]) == (1, "STATE_DAMAGED"), refused
    assert team.states.files.read(name) == whole[: len(whole) // 2]
    assert team.run("host-a", "state", "restore", "messaging", "--yes", "--cloud", "real").code == 0


def _wait_for_owner(team: Team, host: str) -> None:
    """Wait until a run of the host waits for the lock."""
    deadline = time.monotonic() + _TIMEOUT_S
    while not any(owner.host == host for owner in read_owners(team.states.files, _STACK)):
        assert time.monotonic() < deadline
        time.sleep(0.5)


class TestTeam:
    @pytest.mark.timeout(900)
    def test_loses_nothing_on_two_hosts(self, team: Team) -> None:
        team.write("orders")
        at_once = [end(it) for it in [team.start(host, *_DEPLOY) for host in ("host-a", "host-b")]]
        states = sorted(it.json["state"] for it in at_once)
        assert states in (["completed", "completed"], ["completed", "superseded"]), at_once
        assert team.list_cloud() == team.list_state() != []

        team.write("orders", "payments", "refunds")
        died = team.run("host-a", *_DEPLOY, TEAM_DIES="1")
        assert (died.code, len(team.list_cloud()) > len(team.list_state())) == (-9, True), died
        (lock,) = json.loads(team.run("host-b", "state", "locks", "--cloud", "real", "--json").out)
        assert (lock["host"], lock["stale"], lock["command"][:20]) == ("host-a", False, "apply of deployment ")

        waiting = team.start("host-b", *_DEPLOY)
        _wait_for_owner(team, "host-b")
        unlock = ("state", "unlock", _STACK, "--lock", lock["lock"][:8], "--yes", "--cloud", "real")
        assert team.run("host-b", *unlock).code == 0
        carried_on = end(waiting)
        assert carried_on.code == 0, carried_on
        assert team.list_cloud() == team.list_state()

        _damage_and_restore(team)
        restored = team.run("host-b", *_DEPLOY, "--refresh")
        assert restored.code == 0, restored
        assert team.list_cloud() == team.list_state()
