"""The settings of a Pulumi backend: its folder or URL, its encryption and its time limits; files are created at first
use.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlparse

from semantest_iac.infrastructure.durable_files import ensure_private_file, make_private_folder

PULUMI_PROJECT = "semantest-infrastructure"
_WITHOUT_METADATA_FILES = (
    "metadata=skip"  # the CLI writes them beside its files, and stops for good at an incomplete one
)


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """The folder and options of one engine; times are in seconds.

    Without `backend` the state is in the folder itself. `passphrase` is a file; it is the key to the secrets in the
    state and cannot be made again. `plugins` is the folder of the installed provider plugins.
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
        """The URL of the backend, as the CLI expects it."""
        if self.backend:
            return self.backend
        state = self.folder / "state"
        make_private_folder(state)
        return f"file://{quote(str(state.absolute()))}?{_WITHOUT_METADATA_FILES}"

    @property
    def file_backend(self) -> Path | None:
        """The backend's folder if the backend is files on this host."""
        url = urlparse(self.backend_url)
        return Path(unquote(url.path)) / ".pulumi" if url.scheme == "file" else None

    def ensure_passphrase_file(self) -> Path:
        """The file that holds the passphrase; created at first use, unless one was configured."""
        return self.passphrase or ensure_private_file(self.folder / "passphrase", lambda: secrets.token_urlsafe(32))

    @property
    def variables(self) -> Mapping[str, str]:
        """The CLI's variables for backend and secrets; they name the passphrase's file, not the passphrase."""
        variables = {"PULUMI_BACKEND_URL": self.backend_url}
        if self.secrets_provider == "passphrase":
            variables["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(self.ensure_passphrase_file().absolute())
        return variables

    @property
    def salt_file(self) -> Path:
        """The file with the salt of all stacks: with one salt the CLI derives its key once per start."""
        return self.folder / "salt"
