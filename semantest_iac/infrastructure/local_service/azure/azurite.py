"""Runs Azurite, Microsoft's emulator of storage accounts, with a certificate of its own and tokens of identities.

Azure's libraries send tokens of an identity by HTTPS alone, so that the code of functions is the same as on Azure. Data
stays in the home. Source: Azurite's README: `--oauth basic`, `--cert`, `--key`, AZURITE_ACCOUNTS.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import re
import secrets
import shutil
import ssl
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from semantest_iac.domain.errors import DeploymentError
from semantest_iac.infrastructure.durable_files import (
    make_draft_folder,
    make_private_folder,
    open_lock_file,
    replace_file,
)
from semantest_iac.infrastructure.file_locks import lock_or_close
from semantest_iac.infrastructure.local_service.stores.local_stores import StoresUnavailableError
from semantest_iac.infrastructure.local_service.stores.server_process import ServerProcess, start_server

AZURITE_PROGRAM = "azurite"
AZURITE_FOLDER = "local-data"
_SERVICES = ("blob", "queue", "table")
_READY = "successfully listen"
_ADDRESS = re.compile(r"https://127\.0\.0\.1:(\d+)")
_CERTIFICATE_LIFETIME = timedelta(days=30)
_INSTALL_HINT = f"Azurite is not installed: run npm install -g {AZURITE_PROGRAM}"


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files of a certificate for this machine: it alone, its key, and it with those that are trusted anyway."""

    own: Path
    key: Path
    bundle: Path


class Azurite:
    """Azurite's process. It knows the accounts that it was started with, and starts again when there are more."""

    def __init__(self, program: str, folder: Path, certificate: Certificate, exits: AsyncExitStack) -> None:
        self.certificate = certificate
        self._program = program
        self._folder = folder
        self._exits = exits
        self._keys: dict[str, str] = {}
        self._ports: dict[str, str] = dict.fromkeys(_SERVICES, "0")
        self._process: ServerProcess | None = None

    async def add_accounts(self, accounts: Iterable[str]) -> None:
        """Let the server know the accounts, at the same ports as before; nobody learns their keys."""
        added = {*accounts} - self._keys.keys()
        if not added and self._process is not None and self._process.is_running:
            return
        for account in sorted(added):
            self._keys[account] = base64.b64encode(secrets.token_bytes(32)).decode()
        if self._process is not None:
            await self._process.stop()
        self._process = await start_server(self._build_command(), self._build_environment(), self._exits)
        for line in await self._process.read_lines(len(_SERVICES), _READY):
            if match := _ADDRESS.search(line):
                self._ports[line.split()[1].lower()] = match[1]

    def address_of(self, service: str) -> str:
        """Return the URL of `blob`, `queue` or `table`; accounts are the first part of its paths."""
        return f"https://127.0.0.1:{self._ports[service]}"

    def _build_command(self) -> list[str]:
        ports = [text for it in _SERVICES for text in (f"--{it}Host", "127.0.0.1", f"--{it}Port", self._ports[it])]
        certificate = ("--oauth", "basic", "--cert", str(self.certificate.own), "--key", str(self.certificate.key))
        options = ("--silent", "--disableTelemetry", "--skipApiVersionCheck", "--location", str(self._folder))
        return [self._program, *ports, *certificate, *options]

    def _build_environment(self) -> Mapping[str, str]:
        accounts = ";".join(f"{account}:{key}" for account, key in self._keys.items())
        return {"AZURITE_ACCOUNTS": accounts}


def open_azurite(home: Path, exits: AsyncExitStack) -> Azurite:
    """Prepare Azurite for a home, of which one process at a time has the data; raises StoresUnavailableError."""
    program = shutil.which(AZURITE_PROGRAM)
    if program is None:
        raise StoresUnavailableError(_INSTALL_HINT)
    folder = home / AZURITE_FOLDER / AZURITE_PROGRAM
    try:
        make_private_folder(folder)
        descriptor = lock_or_close(open_lock_file(folder.with_suffix(".lock")))
    except (OSError, DeploymentError) as error:
        raise StoresUnavailableError(f"the home cannot be written: {error}") from error
    if descriptor is None:
        raise StoresUnavailableError("another `serve` of this home has them")
    exits.callback(os.close, descriptor)
    try:
        certificate = create_certificate(exits.enter_context(make_draft_folder(home / "tmp")))
    except (OSError, DeploymentError) as error:
        raise StoresUnavailableError(f"the home cannot be written: {error}") from error
    return Azurite(program, folder, certificate, exits)


def create_certificate(folder: Path) -> Certificate:
    """Create a certificate for 127.0.0.1 that signs itself, with a key that leaves the folder never."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key, now = generate_private_key(SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "semantest-iac on this machine")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _CERTIFICATE_LIFETIME)
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    certificate = Certificate(folder / "certificate.pem", folder / "key.pem", folder / "bundle.pem")
    own = signed.public_bytes(Encoding.PEM)
    replace_file(certificate.own, own)
    replace_file(certificate.key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    replace_file(certificate.bundle, _read_trusted_certificates() + own)
    return certificate


def _read_trusted_certificates() -> bytes:
    """Return the certificates that this machine trusts, so that functions reach other services as before."""
    trusted = ssl.create_default_context().get_ca_certs(binary_form=True)
    return "".join(map(ssl.DER_cert_to_PEM_cert, trusted)).encode()
