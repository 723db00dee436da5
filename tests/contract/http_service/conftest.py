"""Every source on every cloud: packaged, described as deployed resources, and called through WarmService."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
import pytest_asyncio

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.function_runtimes.package_cache import PackageCache
from semantest_iac.infrastructure.local_service.api_frontend import ApiFrontend
from semantest_iac.infrastructure.local_service.warm_service import WarmService
from tests.contract.http_service.deployments import FRONTENDS
from tests.contract.http_service.service import Service
from tests.contract.http_service.sources import APPLICATIONS, KINDS_OF_FORMAT_2, SOURCES
from tests.example_packages import use_example_wheels
from tests.node_packages import build_or_skip

Deploy = Callable[[str, str, int], ApiFrontend]


@pytest.fixture(scope="session")
def deploy(tmp_path_factory: pytest.TempPathFactory) -> Deploy:
    """Packages a source once for a cloud and builds its frontend."""
    home = tmp_path_factory.mktemp("http")
    packages: dict[tuple[str, str], Artifact] = {}

    def package(provider: str, kind: str) -> Artifact:
        source = SOURCES[kind]
        if kind.startswith("node") and shutil.which("node") is None:
            pytest.skip("no node on this machine")
        folder = _write_source(home / kind, source["file"], source["text"]) if source else None
        named = FunctionSource(
            folder,
            source.get("entry", ""),
            source.get("handler", ""),
            provider=provider,
            app=source.get("app", ""),
        )
        with use_example_wheels() if kind in APPLICATIONS else nullcontext():
            return build_or_skip(home, named)

    def deploy_source(provider: str, kind: str, timeout_s: int = 29) -> ApiFrontend:
        key = provider.partition("_")[0], kind
        artifact = packages.get(key) or packages.setdefault(key, package(*key))
        cache = PackageCache(home)
        payload = SOURCES[kind].get("payload", "2.0")
        frontend = FRONTENDS[provider](artifact, timeout_s, lambda digest: cache.unpack(artifact.path), payload)
        assert frontend is not None
        return frontend

    return deploy_source


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=[(provider, kind) for provider in FRONTENDS for kind in KINDS_OF_FORMAT_2],
    ids="-".join,
)
async def service(request: pytest.FixtureRequest, deploy: Deploy) -> AsyncIterator[Service]:
    """One source on one cloud, with one process for all tests."""
    provider, kind = request.param
    frontend = await asyncio.to_thread(deploy, provider, kind, 29)
    async with WarmService(frontend) as warm:
        yield Service(provider, kind, warm)


def _write_source(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    (folder / "beside.txt").write_text("found only if the function starts in the folder of its files")
    return folder
