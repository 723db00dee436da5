"""Sandbox children: they end when they should, whatever their programs and their parents do."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.errors import DeploymentError, NotFoundError, ProviderError
from semantest_iac.domain.ports.provisioner import SettledResource, ignore_progress
from semantest_iac.infrastructure.sandbox_engine.child import processes
from semantest_iac.infrastructure.sandbox_engine.child.engine import ChildSandboxEngine
from semantest_iac.infrastructure.sandbox_engine.child.messages import SandboxTask, StoredError
from semantest_iac.infrastructure.sandbox_engine.child.processes import SandboxChild, SandboxChildren, start_child
from tests.contract.provisioner.provisioner_contract import EngineFixture
from tests.frozen_processes import freeze_process

_LIMIT_S = 90.0


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _read_shown(pid: int) -> bytes:
    """Return what everybody may read of a process."""
    return b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))


async def _wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + _LIMIT_S
    while _is_alive(pid):
        assert time.monotonic() < deadline, f"{pid} is still there"
        await asyncio.sleep(0.05)


@pytest.fixture
async def children(tmp_path: Path) -> AsyncIterator[SandboxChildren]:
    started = SandboxChildren(tmp_path, 1)
    yield started
    await started.close()


@pytest.fixture
def fixture(tmp_path: Path, children: SandboxChildren) -> EngineFixture:
    package = tmp_path / "package.zip"
    package.write_bytes(b"a package")
    no_cloud: Any = None
    return EngineFixture(ChildSandboxEngine(children, lambda _, secret: f"canary of {secret.key}"), package, no_cloud)


async def _publish(settled: SettledResource) -> None: ...


class TestChildren:
    async def test_are_used_again(self, fixture: EngineFixture, children: SandboxChildren) -> None:
        async with children.lend() as child:
            first = child.pid
        await fixture.deploy(fixture.work())
        async with children.lend() as child:
            assert (child.pid, child.operations > 1) == (first, True)

    async def test_are_replaced_after_so_many_operations(
        self, fixture: EngineFixture, children: SandboxChildren, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(processes, "OPERATIONS_PER_CHILD", 1)
        async with children.lend() as child:
            first = child.pid
        await fixture.engine.preview(fixture.work())
        await _wait_until_gone(first)
        async with children.lend() as child:
            assert child.pid != first

    async def test_are_replaced_when_they_die_during_an_operation(
        self, fixture: EngineFixture, children: SandboxChildren
    ) -> None:
        async with children.lend() as child:
            first = child.pid
        work = fixture.work()
        plan = await fixture.engine.preview(work)

        async def kill(settled: SettledResource) -> None:
            os.kill(first, signal.SIGKILL)

        with pytest.raises(DeploymentError) as failed:
            await fixture.engine.apply(work, plan, kill, ignore_progress)

        assert (failed.value.error_code, "signal 9" in failed.value.message) == ("ENGINE_DIED", True)
        await fixture.deploy(work)  # by another child, which continues from what was done

    async def test_are_replaced_when_they_have_died_idle(
        self, fixture: EngineFixture, children: SandboxChildren
    ) -> None:
        async with children.lend() as child:
            os.kill(child.pid, signal.SIGKILL)
            await _wait_until_gone(child.pid)
        await asyncio.sleep(0.1)

        await fixture.deploy(fixture.work())

    async def test_are_replaced_where_they_die_before_they_begin(
        self, fixture: EngineFixture, children: SandboxChildren
    ) -> None:
        async with children.lend() as child:
            freeze_process(child.pid)  # it takes no task
            pid = child.pid
        previewing = asyncio.create_task(fixture.engine.preview(fixture.work()))
        await asyncio.sleep(0.2)
        os.kill(pid, signal.SIGKILL)

        async with asyncio.timeout(_LIMIT_S):
            assert not (await previewing).is_empty

    async def test_end_with_their_owner(self, tmp_path: Path) -> None:
        owner = SandboxChildren(tmp_path, 2)
        owner.start_ahead()
        async with owner.lend() as child:
            pid = child.pid
        await owner.close()

        await _wait_until_gone(pid)


class TestOperations:
    async def test_stop_when_they_are_cancelled(self, fixture: EngineFixture) -> None:
        work = fixture.work()
        plan = await fixture.engine.preview(work)
        begun, settled = asyncio.Event(), list[str]()

        async def publish(resource: SettledResource) -> None:
            settled.append(resource.kind)
            begun.set()
            await asyncio.sleep(3600)

        applying = asyncio.create_task(fixture.engine.apply(work, plan, publish, ignore_progress))
        async with asyncio.timeout(_LIMIT_S):
            await begun.wait()
            applying.cancel()
            with pytest.raises(asyncio.CancelledError):
                await applying

        assert len(settled) == 1

    async def test_that_do_not_stop_are_killed(
        self, children: SandboxChildren, fixture: EngineFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(processes, "STOP_LIMIT_S", 0.2)
        async with children.lend() as child:
            await child.run(SandboxTask("detect_drift", (fixture.east,)), _publish, ignore_progress)
            freeze_process(child.pid)  # as a program that hangs
            pid = child.pid
        previewing = asyncio.create_task(fixture.engine.preview(fixture.work()))
        await asyncio.sleep(0.2)
        previewing.cancel()
        async with asyncio.timeout(_LIMIT_S):
            with pytest.raises(asyncio.CancelledError):
                await previewing
            await _wait_until_gone(pid)

    async def test_stop_when_nothing_can_be_recorded(self, fixture: EngineFixture) -> None:
        work = fixture.work()
        plan = await fixture.engine.preview(work)

        async def refuse(settled: SettledResource) -> None:
            raise NotFoundError("the lease is lost")

        with pytest.raises(NotFoundError, match="the lease is lost"):
            await fixture.engine.apply(work, plan, refuse, ignore_progress)

    async def test_leave_no_secret_in_the_child_s_arguments_and_environment(
        self, fixture: EngineFixture, children: SandboxChildren
    ) -> None:
        await fixture.deploy(fixture.work(environment={"TOKEN": "${secrets.token}"}))
        async with children.lend() as child:
            shown = _read_shown(child.pid)

        assert b"canary" not in shown


class TestParents:
    async def test_that_are_killed_take_their_children_along(self, tmp_path: Path) -> None:
        program = (
            "import asyncio, os, sys\nfrom pathlib import Path\n"
            "from semantest_iac.infrastructure.sandbox_engine.child.processes import start_child\n"
            "async def main():\n    child = await start_child(Path(sys.argv[1]))\n"
            "    print(child.pid, flush=True)\n    await asyncio.sleep(3600)\nasyncio.run(main())\n"
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        parent = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, str(tmp_path), stdout=subprocess.PIPE, env=environment
        )
        assert parent.stdout is not None
        child = int(await parent.stdout.readline())
        assert _is_alive(child)
        parent.kill()
        await parent.wait()
        await _wait_until_gone(child)

    async def test_that_are_gone_already_are_noticed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "getpid", lambda: 1)
        child: SandboxChild = await start_child(tmp_path)
        await _wait_until_gone(child.pid)
        await child.close()


class TestErrors:
    @pytest.mark.parametrize(
        "error",
        [
            ProviderError("Cannot create it.", "QUOTA", provider="aws", resource="function", hint="Ask for more."),
            OSError(28, "No space left on device"),
            KeyError("name"),
        ],
        ids=["provider", "system", "other"],
    )
    def test_arrive_as_they_were(self, error: Exception) -> None:
        import pickle

        restored = pickle.loads(pickle.dumps(StoredError.store(error))).restore()

        assert (type(restored), restored.args) == (type(error), error.args)
        assert {**vars(restored), "__notes__": None} == {**vars(error), "__notes__": None}

    def test_that_cannot_be_sent_keep_their_text(self) -> None:
        class LocalError(Exception):
            pass

        restored = StoredError.store(LocalError("what it says")).restore()

        assert str(restored) == "LocalError: what it says"
