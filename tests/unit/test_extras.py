"""What an extra brings is named, with the command that installs it, where it is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """\
from pathlib import Path
from types import SimpleNamespace
from semantest_iac.domain.errors import ExtraMissingError
from semantest_iac.infrastructure.artifact_stores.object_store import open_object_store
from semantest_iac.infrastructure.artifact_stores.package_folder import PackageFolder
from semantest_iac.infrastructure.databases.postgresql import open_database_url
from semantest_iac.infrastructure.transports.http.webhook_source import open_source
from semantest_iac.infrastructure.transports.http.webhook_target import open_target
from semantest_iac.presentation.gateway.launch import open_gateway
try:
    {call}
except ExtraMissingError as error:
    print(error.error_code, error.message, error.hint)
"""

_SECTION = "SimpleNamespace(listen='[::1]:1', path=None, signature=None, secret='s' * 32)"


@pytest.mark.parametrize(
    ("call", "purpose", "library", "extra"),
    [
        ("open_database_url('postgresql://user@host/name')", "use a ledger in PostgreSQL", "psycopg", "postgres"),
        (
            "open_object_store('s3://bucket/a', PackageFolder(Path('cache')))",
            "keep packages in 's3://bucket/a'",
            "obstore",
            "object-store",
        ),
        ("open_gateway(None, None, None)", "serve", "aiohttp", "gateway"),
        (f"open_source('hooks', {_SECTION}, None)", "receive webhooks", "aiohttp", "webhooks"),
        ("open_target('hooks', None)", "publish events to webhooks", "aiohttp", "webhooks"),
    ],
)
def test_a_missing_extra_is_named(call: str, purpose: str, library: str, extra: str) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-S", "-c", _PROGRAM.format(call=call)]  # without installed libraries
    environment = {"PYTHONPATH": f"{root}:{root / 'events'}"}

    printed = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout

    hint = f"Run pip install 'semantest-iac[{extra}]'."
    assert printed == f"EXTRA_MISSING Cannot {purpose}: no module named '{library}'. {hint}\n"
