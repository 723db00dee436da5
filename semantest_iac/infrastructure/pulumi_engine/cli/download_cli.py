"""Downloads the CLI with Pulumi's own installer, as a program: FOLDER VERSION; the last line of output is the error.

It is a process of its own because the SDK gives its downloads no time limit: the caller can kill it with all it
started.
"""

from __future__ import annotations

import socket
import subprocess
import sys

from pulumi.automation import PulumiCommand
from semver import VersionInfo

_SOCKET_TIMEOUT_S = 15


def download_cli(folder: str, version: str) -> None:
    """Install the CLI as `bin/pulumi` in the folder, with the files that belong to it."""
    socket.setdefaulttimeout(_SOCKET_TIMEOUT_S)
    try:
        PulumiCommand.install(root=folder, version=VersionInfo.parse(version))
    except subprocess.CalledProcessError as error:
        said = (error.output or b"").decode(errors="replace").strip()
        sys.exit(said or f"the installer ended with {error.returncode}")
    except Exception as error:  # whatever the SDK and its script raise: the parent shows the last line
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    download_cli(*sys.argv[1:])
