"""The settings of a Pulumi backend: its folder or URL, its encryption and its time limits; files are created at first
use.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlparse

PULUMI_PROJECT = "semantest-infrastructure"
_OWNER_ONLY_MODE = 0o600
_WITHOUT_METADATA_FILES = "metadata=skip"  # the CLI writes them beside its files, and a torn one stops it for good


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """One engine's folder and choices; times are in seconds.

    Without a backend the state lies in the folder itself. `passphrase` is a file, made at first need; it is the key
    to the secrets in the state and cannot be made again. `plugins` is a folder of installed provider plugins.
    """

    folder: Path
    backend: str = ""
    secrets_provider: str = "passphrase"
    passphrase: Path | None = None
    plugins: Path | None = None
    deadline_s: float = 3600.0
    grace_s: float = 30.0

    @property
    def backend_url(self) -> str:
        """The backend as the CLI is told it."""
        if self.backend:
            return self.backend
        state = self.folder / "state"
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        return f"file://{quote(str(state.absolute()))}?{_WITHOUT_METADATA_FILES}"

    @property
    def files(self) -> Path | None:
        """The backend's own folder, where the backend is files on this host."""
        url = urlparse(self.backend_url)
        return Path(unquote(url.path)) / ".pulumi" if url.scheme == "file" else None

    @property
    def passphrase_file(self) -> Path:
        """The file that holds the passphrase; one that was named and is missing is not made up."""
        return self.passphrase or ensure_private_file(self.folder / "passphrase", lambda: secrets.token_urlsafe(32))

    @property
    def variables(self) -> Mapping[str, str]:
        """What the CLI is told of backend and secrets; the passphrase is named by its file."""
        told = {"PULUMI_BACKEND_URL": self.backend_url}
        if self.secrets_provider == "passphrase":
            told["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(self.passphrase_file.absolute())
        return told

    @property
    def salt_file(self) -> Path:
        """Where the salt of all stacks is kept: with the same one the CLI derives its key once per start."""
        return self.folder / "salt"


def ensure_private_file(path: Path, make: Callable[[], str]) -> Path:
    """A file for its owner alone; of two processes that make it at once, one wins for both."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        draft.touch(_OWNER_ONLY_MODE)
        draft.write_text(make(), encoding="utf-8")
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path
