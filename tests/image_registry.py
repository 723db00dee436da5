"""Starts a real registry of images for tests, and reads what is in it with programs that are not ours."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROGRAMS = ("docker-registry", "skopeo", "umoci", "busybox")
_LIMIT_S = 30.0
_CONFIGURATION = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
log: {{level: error}}
"""


def find_missing_programs() -> list[str]:
    """Return the programs that are not on this machine; tools/install_programs installs them on Debian."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


MISSING_PROGRAMS = f"not on this machine: {', '.join(find_missing_programs())}"


class ImageRegistry:
    """A registry at `address`, which everybody may read and write."""

    def __init__(self, address: str, folder: Path) -> None:
        self.address = address
        self._folder = folder

    def add_base(self, name: str, folder: Path, *, architecture: str = "amd64") -> str:
        """Put an image of the files in a folder into the registry, made by umoci; returns its name."""
        layout = self._folder / f"layout-{name.replace('/', '-').replace(':', '-')}"
        _run("umoci", "init", "--layout", str(layout))
        _run("umoci", "new", "--image", f"{layout}:base")
        _run("umoci", "insert", "--rootless", "--image", f"{layout}:base", str(folder), "/")
        settings = ["--config.env", "PATH=/bin", "--config.env", "BASE=kept", "--config.entrypoint", "/bin/refused"]
        _run("umoci", "config", "--image", f"{layout}:base", "--architecture", architecture, *settings)
        copied = f"{self.address}/{name}"
        _run("skopeo", "copy", "--dest-tls-verify=false", f"oci:{layout}:base", f"docker://{copied}")
        return copied

    def inspect(self, name: str) -> dict[str, object]:
        """Return what skopeo says of an image."""
        found: dict[str, object] = json.loads(_run("skopeo", "inspect", "--tls-verify=false", f"docker://{name}"))
        return found

    def unpack(self, name: str, target: Path) -> Path:
        """Unpack an image with skopeo and umoci; returns the bundle, with `rootfs` and `config.json`."""
        layout = target / "layout"
        _run("skopeo", "copy", "--src-tls-verify=false", f"docker://{name}", f"oci:{layout}:image")
        _run("umoci", "unpack", "--rootless", "--image", f"{layout}:image", str(target / "bundle"))
        return target / "bundle"


@contextmanager
def start_registry(folder: Path) -> Iterator[ImageRegistry]:
    """Start a registry whose data is in the folder, and end it."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "registry.yml"
    configuration.write_text(_CONFIGURATION.format(folder=folder / "data", port=port))
    program = str(shutil.which("docker-registry"))
    with subprocess.Popen([program, "serve", str(configuration)], stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/v2/")
            yield ImageRegistry(f"127.0.0.1:{port}", folder)
        finally:
            process.terminate()
            process.wait(_LIMIT_S)


def make_busybox(folder: Path) -> Path:
    """Make a folder with busybox and the names of the programs in it that tests start."""
    programs = folder / "bin"
    programs.mkdir(parents=True)
    shutil.copy2(str(shutil.which("busybox")), programs / "busybox")
    for name in ("sh", "httpd", "env"):
        (programs / name).symlink_to("busybox")
    return folder


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + _LIMIT_S
    while True:
        with suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        assert time.monotonic() < deadline, f"{url} does not answer"
        time.sleep(0.05)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]} {command[1]}: {done.stderr}"
    return done.stdout
