from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.infrastructure.sandbox_engine.state.snapshots import ResourceState
from tests.integration.sandbox_engine.rest_api import SandboxHome

_ROOT = Path(__file__).parents[3]
_REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1")
_SECRET = {"TOKEN": "${secrets.token}"}


def _stack(region: str) -> Stack:
    return Stack("rest-api", "aws", "development", region)


def _text_of(state: ResourceState) -> str:
    return f"{state.urn} {state.id} {state.inputs} {state.outputs}"


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestStacksOfOneProcess:
    async def test_do_not_mix(self, tmp_path: Path) -> None:
        home = SandboxHome(tmp_path)
        works = {
            region: home.work({"components": {"rest-api": {"environment": {"WHO": f"canary-{region}"}}}}, stack)
            for region, stack in ((region, _stack(region)) for region in _REGIONS)
        }

        await asyncio.gather(*map(home.deploy, works.values()))

        for region in _REGIONS:
            text = " ".join(map(_text_of, home.store.read_snapshot(_stack(region))))
            assert f"canary-{region}" in text
            assert [other for other in _REGIONS if other != region and other in text] == []
        assert home.in_state(*map(_stack, _REGIONS)) == home.in_cloud()

    async def test_keep_their_secrets_out_of_all_files(self, tmp_path: Path) -> None:
        home = SandboxHome(tmp_path, secret="canary-5b1d7")
        configuration = {"components": {"rest-api": {"environment": _SECRET}}}

        await asyncio.gather(*(home.deploy(home.work(configuration, _stack(region))) for region in _REGIONS))
        await home.destroy(_stack(_REGIONS[0]))

        contents = _files(tmp_path)
        assert [name for name, content in contents.items() if b"canary-5b1d7" in content] == []
        assert any(b"ciphertext" in content for content in contents.values())


class TestStacksOfTwoProcesses:
    def test_do_not_clash(self, tmp_path: Path) -> None:
        script = (
            "import asyncio, sys; from pathlib import Path\n"
            "from tests.integration.sandbox_engine.rest_api import SandboxHome\n"
            "from semantest_iac.domain.deployment.stack import Stack\n"
            "home, stack = SandboxHome(Path(sys.argv[1])), Stack('rest-api', 'aws', 'development', sys.argv[2])\n"
            "secret = {'components': {'rest-api': {'environment': {'TOKEN': '${secrets.token}'}}}}\n"
            "asyncio.run(home.deploy(home.work(secret, stack)))\n"
        )
        environment = {**os.environ, "PYTHONPATH": f"{_ROOT}{os.pathsep}{_ROOT / 'events'}"}
        running = [
            subprocess.Popen([sys.executable, "-c", script, str(tmp_path), region], env=environment)
            for region in _REGIONS[:2]
        ]

        assert [process.wait(timeout=60) for process in running] == [0, 0]
        home = SandboxHome(tmp_path)
        assert home.in_state(*map(_stack, _REGIONS[:2])) == home.in_cloud()
