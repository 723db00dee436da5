"""The settings of a Pulumi backend: its folder or URL, its encryption and its time limits; files are created at first
use.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlparse

from semantest_iac.domain.errors import ConfigurationError, Fault
from semantest_iac.infrastructure.durable_files import ensure_private_file, make_private_folder

PULUMI_PROJECT = "semantest-infrastructure"
STATE_URL_VARIABLE: Final = "SEMANTEST_STATE_URL"
PASSPHRASE_VARIABLE: Final = "PULUMI_CONFIG_PASSPHRASE"  # noqa: S105 - names a variable
STATE_PASSPHRASE_VARIABLE: Final = "SEMANTEST_STATE_PASSPHRASE_FILE"  # noqa: S105 - names the variable of a file
STATE_SECRETS_VARIABLE: Final = "SEMANTEST_STATE_SECRETS_PROVIDER"
_TOKEN_VARIABLE: Final = "PULUMI_ACCESS_TOKEN"  # noqa: S105 - names a variable
_PASSPHRASE_PROVIDER: Final = "passphrase"  # noqa: S105 - a kind of provider
_KEY_SCHEMES: Final = ("awskms", "azurekeyvault")
_URL_HINT = (
    "Write s3://BUCKET/PREFIX?region=us-east-1, azblob://CONTAINER/PREFIX or file:///FOLDER there, or in state.backend."
)
_KEY_HINT = (
    "Write passphrase, awskms://alias/NAME?region=us-east-1 or azurekeyvault://VAULT.vault.azure.net/keys/NAME there, "
    "or in state.secrets_provider."
)
_WITHOUT_METADATA_FILES = (
    "metadata=skip"  # the CLI writes them beside its files, and stops for good at an incomplete one
)


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """The folder and options of one engine; times are in seconds.

    Without `backend` the state is in the folder itself. `secrets_provider` is for stacks that are created; the state of
    one that exists names its own. `passphrase` is a file; it is the key to the secrets in the state and cannot be made
    again. `given_passphrase` was given as a variable in its place. `plugins` is the folder of the installed provider
    plugins.
    """

    folder: Path
    backend: str = ""
    secrets_provider: str = _PASSPHRASE_PROVIDER
    passphrase: Path | None = None
    given_passphrase: str = field(default="", repr=False)
    plugins: Path | None = None
    deadline_s: float = 3600.0
    grace_s: float = 30.0

    @property
    def backend_url(self) -> str:
        """The URL of the backend, as the CLI expects it."""
        if self.backend:
            is_bare_folder = self.backend.startswith("file:") and "?" not in self.backend
            return f"{self.backend}?{_WITHOUT_METADATA_FILES}" if is_bare_folder else self.backend
        state = self.folder / "state"
        make_private_folder(state)
        return f"file://{quote(str(state.absolute()))}?{_WITHOUT_METADATA_FILES}"

    @property
    def is_private(self) -> bool:
        """Whether the backend is that of the folder, which only this home uses."""
        return not self.backend

    @property
    def file_backend(self) -> Path | None:
        """The backend's folder if the backend is files on this host."""
        url = urlparse(self.backend_url)
        return Path(unquote(url.path)) / ".pulumi" if url.scheme == "file" else None

    @property
    def own_passphrase(self) -> Path:
        """The passphrase's file of the folder, which a shared backend does not use."""
        return self.folder / "passphrase"

    @property
    def next_passphrase(self) -> Path:
        """The file of the passphrase to which a rotation of the folder's own is under way."""
        return self.folder / "passphrase.new"

    @property
    def former_passphrases(self) -> Path:
        """The file with the passphrases before rotations of the folder's own, a line each, the last one at the end."""
        return self.folder / "passphrase.old"

    def read_former_passphrases(self) -> list[str]:
        """The passphrases that the folder had before, the last one at the end."""
        file = self.former_passphrases
        return file.read_text(encoding="utf-8").splitlines() if self.is_private and file.exists() else []

    def ensure_passphrase_file(self) -> Path:
        """The file that holds the passphrase; created at first use, unless one was configured."""
        return self.passphrase or ensure_private_file(self.own_passphrase, lambda: secrets.token_urlsafe(32))

    def read_passphrase(self) -> str:
        """The passphrase, without the spaces around it, as the CLI reads it; empty where there is none."""
        if self.given_passphrase:
            return self.given_passphrase
        file = self.passphrase or self.own_passphrase
        return file.read_text(encoding="utf-8").strip() if file.exists() else ""

    @property
    def variables(self) -> Mapping[str, str]:
        """The CLI's variables for backend and secrets; they name the passphrase's file where there is one."""
        variables = {"PULUMI_BACKEND_URL": self.backend_url}
        if self.given_passphrase:
            variables[PASSPHRASE_VARIABLE] = self.given_passphrase
        elif self.passphrase or self.secrets_provider == _PASSPHRASE_PROVIDER:
            variables["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(self.ensure_passphrase_file().absolute())
        elif self.is_private and self.own_passphrase.exists():  # of stacks that were created before
            variables["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(self.own_passphrase.absolute())
        return variables

    @property
    def salt_file(self) -> Path:
        """The file with the salt of all stacks: with one salt the CLI derives its key once per start."""
        return self.folder / "salt"


def read_backend_settings(folder: Path, variables: Mapping[str, str], plugins: Path | None = None) -> BackendSettings:
    """Return the settings of real clouds: the state in the folder, or in the backend that several machines share.

    Raises ConfigurationError, whose text repeats nothing of the URL.
    """
    url, file = variables.get(STATE_URL_VARIABLE, "").strip(), variables.get(STATE_PASSPHRASE_VARIABLE, "").strip()
    provider = variables.get(STATE_SECRETS_VARIABLE, "").strip()
    if not url and not file and not provider:
        return BackendSettings(folder, plugins=plugins)
    given = "" if file else variables.get(PASSPHRASE_VARIABLE, "")
    is_service = url.startswith("https://")
    needs_passphrase = provider in ("", _PASSPHRASE_PROVIDER) and bool(url) and not is_service
    faults = [
        *(_check_state_url(url, variables) if url or not provider else []),
        *_check_secrets_provider(provider),
        *(_check_passphrase_file(file) if file or (needs_passphrase and not given) else []),
    ]
    if faults:
        raise ConfigurationError("Cannot use the state of other machines.", faults=faults)
    return BackendSettings(
        folder,
        url,
        provider or ("default" if is_service else _PASSPHRASE_PROVIDER),
        passphrase=Path(file) if file else None,
        given_passphrase=given,
        plugins=plugins,
    )


def _check_state_url(url: str, variables: Mapping[str, str]) -> list[Fault]:
    try:
        parts = urlparse(url)
    except ValueError:
        return [Fault(STATE_URL_VARIABLE, "is no URL", _URL_HINT)]
    if not url:
        return [Fault(STATE_URL_VARIABLE, f"is not set, and {STATE_PASSPHRASE_VARIABLE} is", _URL_HINT)]
    if "@" in parts.netloc:
        hint = "Give credentials in variables of their own, such as AWS_ACCESS_KEY_ID or AZURE_STORAGE_KEY."
        return [Fault(STATE_URL_VARIABLE, "holds credentials, which would be shown with it", hint)]
    if parts.scheme == "https" and not variables.get(_TOKEN_VARIABLE):
        return [Fault(STATE_URL_VARIABLE, f"is that of Pulumi Cloud, and {_TOKEN_VARIABLE} is not set", _URL_HINT)]
    if parts.scheme == "file" and (parts.netloc or not parts.path.startswith("/")):
        return [Fault(STATE_URL_VARIABLE, "names a folder that is not absolute", "Such as file:///srv/state.")]
    has_place = {"s3": parts.netloc, "azblob": parts.netloc, "https": parts.netloc, "file": parts.path}
    if not has_place.get(parts.scheme):
        return [Fault(STATE_URL_VARIABLE, "is no URL of an object store, a folder or Pulumi Cloud", _URL_HINT)]
    return []


def _check_secrets_provider(provider: str) -> list[Fault]:
    scheme = provider.partition("://")[0] if "://" in provider else ""
    if provider in ("", _PASSPHRASE_PROVIDER) or scheme in _KEY_SCHEMES:
        return []
    return [Fault(STATE_SECRETS_VARIABLE, "is no provider of keys that can be used", _KEY_HINT)]


def _check_passphrase_file(file: str) -> list[Fault]:
    hint = "Name a file with the passphrase that encrypts the secrets in the state: the same one on every machine."
    if not file:
        return [Fault(STATE_PASSPHRASE_VARIABLE, f"is not set, and {STATE_URL_VARIABLE} is", hint)]
    try:
        is_empty = not Path(file).read_bytes().strip()
    except OSError as error:
        return [Fault(STATE_PASSPHRASE_VARIABLE, f"names a file that cannot be read: {error.strerror}", hint)]
    return [Fault(STATE_PASSPHRASE_VARIABLE, "names an empty file", hint)] if is_empty else []
