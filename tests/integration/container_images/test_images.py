"""Images of services in a real registry, read and run by programs that are not ours."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.errors import ArtifactError, DeploymentError, ProviderError
from semantest_iac.domain.ports.artifact_builder import FunctionSource, ImageSource
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder
from semantest_iac.infrastructure.container_images.base_images import find_base_image
from semantest_iac.infrastructure.container_images.image_pushing import ImagePush, push_image
from semantest_iac.infrastructure.container_images.registry_client import PasswordLogin
from tests.image_registry import MISSING_PROGRAMS, ImageRegistry, find_missing_programs, make_busybox, start_registry

pytestmark = pytest.mark.skipif(bool(find_missing_programs()), reason=MISSING_PROGRAMS)

START = "httpd -f -p 127.0.0.1:18173 -h /app/public"
_LIMIT_S = 20.0


@pytest.fixture(scope="module")
def registry() -> Iterator[ImageRegistry]:
    with tempfile.TemporaryDirectory() as folder, start_registry(Path(folder) / "registry") as started:
        yield started


@pytest.fixture(scope="module")
def base(registry: ImageRegistry) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield registry.add_base("tools/busybox:1", make_busybox(Path(folder) / "files"))


@pytest.fixture
def source(tmp_path: Path, base: str) -> FunctionSource:
    """A service that serves a folder, with a file that looks secret."""
    public = tmp_path / "orders" / "public"
    public.mkdir(parents=True)
    (public / "health").write_text("well")
    (tmp_path / "orders" / ".env").write_text("TOKEN=hidden")
    return FunctionSource(folder=public.parent, image=ImageSource(START, 18173, base))


def build(source: FunctionSource, home: Path) -> Artifact:
    return PackageBuilder(home, find_base=find_base_image).build(source)


def push(artifact: Artifact, repository: str) -> str:
    push_image(ImagePush(artifact.path, repository, PasswordLogin(), "aws"))
    return f"{repository}@{artifact.handler}"


class TestImage:
    def test_runs_what_start_says(self, source: FunctionSource, registry: ImageRegistry, tmp_path: Path) -> None:
        name = push(build(source, tmp_path / "home"), f"{registry.address}/shop/orders")

        bundle = registry.unpack(name, tmp_path)

        process = json.loads((bundle / "config.json").read_text())["process"]
        assert process["args"] == START.split()
        assert process["cwd"] == "/app"
        assert {"BASE=kept", "PATH=/bin"} <= set(process["env"])
        assert not (bundle / "rootfs" / "app" / ".env").exists()
        assert _ask_started(bundle / "rootfs", process) == "well"

    def test_is_described_to_other_clients(
        self, source: FunctionSource, registry: ImageRegistry, base: str, tmp_path: Path
    ) -> None:
        artifact = build(source, tmp_path / "home")
        repository = f"{registry.address}/shop/described"
        push(artifact, repository)

        found = registry.inspect(f"{repository}:{artifact.handler.partition(':')[2][:12]}")

        assert found["Digest"] == artifact.handler
        assert (found["Os"], found["Architecture"]) == ("linux", "amd64")
        assert len(found["Layers"]) == 2  # type: ignore[arg-type]  # one of the base, and the source's

    def test_is_the_same_for_the_same_source(self, source: FunctionSource, tmp_path: Path) -> None:
        first = build(source, tmp_path / "first")
        assert source.folder is not None
        os.utime(source.folder / "public" / "health", (1, 1))

        second = build(source, tmp_path / "second")

        assert (second.handler, second.digest) == (first.handler, first.digest)

    def test_is_another_one_on_another_base(
        self, source: FunctionSource, registry: ImageRegistry, tmp_path: Path
    ) -> None:
        files = make_busybox(tmp_path / "files")
        name = registry.add_base("tools/moving:1", files)
        moving = FunctionSource(folder=source.folder, image=ImageSource(START, 18173, name))
        builder = PackageBuilder(tmp_path / "home", find_base=find_base_image)
        first = builder.build(moving)
        (files / "new").write_text("")
        shutil.rmtree(tmp_path / "again", ignore_errors=True)
        ImageRegistry(registry.address, tmp_path / "again").add_base("tools/moving:1", files)

        assert builder.build(moving).handler != first.handler

    def test_is_pushed_once_and_again_where_it_is_gone(
        self, source: FunctionSource, registry: ImageRegistry, tmp_path: Path
    ) -> None:
        artifact, repository = build(source, tmp_path / "home"), f"{registry.address}/shop/gone"
        push(artifact, repository)
        url = f"http://{registry.address}/v2/shop/gone/manifests/{artifact.handler}"
        urllib.request.urlopen(urllib.request.Request(url, method="DELETE")).close()

        push(artifact, repository)

        assert registry.inspect(f"{repository}@{artifact.handler}")["Digest"] == artifact.handler

    def test_brings_dependencies_in_a_layer_of_their_own(
        self, registry: ImageRegistry, base: str, tmp_path: Path
    ) -> None:
        folder = tmp_path / "service"
        make_wheel(folder / "wheels")
        (folder / "requirements.txt").write_text("./wheels/greeting-1-py3-none-any.whl\n")
        (folder / "app.py").write_text("import greeting\n")
        name = registry.add_base("tools/python:3.11", make_busybox(tmp_path / "files"))
        source = FunctionSource(folder=folder, image=ImageSource("greet", 8080, name))
        image = push(build(source, tmp_path / "home"), f"{registry.address}/shop/greeter")

        bundle = registry.unpack(image, tmp_path)

        variables = json.loads((bundle / "config.json").read_text())["process"]["env"]
        assert "PYTHONPATH=/opt/dependencies" in variables
        assert "PATH=/opt/dependencies/bin:/bin" in variables
        site = bundle / "rootfs" / "opt" / "dependencies"
        greeted = subprocess.run(
            [site / "bin" / "greet"], env={"PYTHONPATH": str(site), "PATH": os.environ["PATH"]}, capture_output=True
        )
        assert greeted.stdout == b"hello\n"
        assert len(registry.inspect(image)["Layers"]) == 3  # type: ignore[arg-type]


class TestRefusal:
    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("{registry}/tools/nowhere:1", "does not have it"),
            ("127.0.0.1:1/tools/busybox:1", "cannot be reached"),
            ("{registry}/tools/arm:1", "it is for linux/arm64, and services run on linux/amd64"),
        ],
    )
    def test_of_a_base(self, registry: ImageRegistry, tmp_path: Path, name: str, words: str) -> None:
        if "arm" in name:
            registry.add_base("tools/arm:1", make_busybox(tmp_path / "files"), architecture="arm64")

        with pytest.raises(ArtifactError) as refused:
            find_base_image(name.format(registry=registry.address))

        assert words in refused.value.message
        assert refused.value.hint

    def test_of_a_push(self, source: FunctionSource, tmp_path: Path) -> None:
        artifact = build(source, tmp_path / "home")

        with pytest.raises(ProviderError, match=r"Cannot push an image to '127\.0\.0\.1:1/shop': it cannot be reached"):
            push(artifact, "127.0.0.1:1/shop")

    def test_of_an_image_without_its_base(
        self, source: FunctionSource, registry: ImageRegistry, tmp_path: Path
    ) -> None:
        simulated = PackageBuilder(tmp_path / "home").build(source)

        with pytest.raises(ArtifactError, match="made for a simulated cloud"):
            push(simulated, f"{registry.address}/shop/simulated")

    def test_after_a_cancellation(self, source: FunctionSource, registry: ImageRegistry, tmp_path: Path) -> None:
        artifact, cancelled = build(source, tmp_path / "home"), threading.Event()
        cancelled.set()

        with pytest.raises(DeploymentError, match="cancelled"):
            push_image(
                ImagePush(artifact.path, f"{registry.address}/shop/cancelled", PasswordLogin(), "aws"), cancelled
            )


def make_wheel(folder: Path) -> None:
    """Write a wheel with a module and a program."""
    folder.mkdir(parents=True)
    files = {
        "greeting.py": "def main():\n    print('hello')\n",
        "greeting-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: greeting\nVersion: 1\n",
        "greeting-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "greeting-1.dist-info/entry_points.txt": "[console_scripts]\ngreet = greeting:main\n",
    }
    record = "".join(f"{name},,\n" for name in files) + "greeting-1.dist-info/RECORD,,\n"
    with zipfile.ZipFile(folder / "greeting-1-py3-none-any.whl", "w") as wheel:
        for name, text in {**files, "greeting-1.dist-info/RECORD": record}.items():
            wheel.writestr(name, text)


def _ask_started(root: Path, process: dict[str, list[str]]) -> str:
    """Start the command with the unpacked image as its root, and return what answers at /health."""
    command = ["chroot", str(root), "/bin/env", "-i", *process["env"], *process["args"]]
    if os.geteuid() != 0:
        command = ["unshare", "--map-root-user", *command]
    with subprocess.Popen(command) as started:
        try:
            deadline = time.monotonic() + _LIMIT_S
            while time.monotonic() < deadline:
                with suppress(OSError), urllib.request.urlopen("http://127.0.0.1:18173/health", timeout=5) as answer:
                    return str(answer.read().decode())
                time.sleep(0.05)
        finally:
            started.terminate()
    return "no answer"
