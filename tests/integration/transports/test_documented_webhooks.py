"""The shell examples of docs/events.md are sent as they are written."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from semantest_iac.domain.environments.event_sections import SignatureScheme
from semantest_iac.infrastructure.transports.http.webhook_source import open_source
from tests.fakes.seen_messages import FakeSeenMessages
from tests.webhooks import SECRET, Receiver, a_section, listening

_PAGE = Path(__file__).parents[3] / "docs" / "events.md"
_PROGRAMS = ("sh", "openssl", "curl", "sed")


def _read_example(title: str) -> str:
    found = re.search(rf"^### {title}\n\n```sh\n(.*?)^```$", _PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert found, title
    return found[1]


@pytest.mark.parametrize(
    ("title", "scheme", "key"),
    [
        ("Standard Webhooks from a shell", "standard-webhooks", "type"),
        ("GitHub's signature from a shell", "github", "ref"),
    ],
)
async def test_an_example_is_accepted_with_the_secret_alone(title: str, scheme: SignatureScheme, key: str) -> None:
    if missing := [name for name in _PROGRAMS if shutil.which(name) is None]:
        pytest.skip(f"{', '.join(missing)} is not on the PATH")
    receiver = Receiver()
    source = open_source("hooks", a_section(signature=scheme), FakeSeenMessages())

    async with listening(source, receiver.take) as url:
        codes = [await _run(_read_example(title), url, secret) for secret in (SECRET, SECRET[::-1])]

    assert codes == [0, 22]
    assert key in json.loads(receiver.taken[0].body)


async def _run(script: str, url: str, secret: str) -> int:
    environment = {"PATH": os.environ["PATH"], "URL": url, "SECRET": secret, "no_proxy": "*"}
    process = await asyncio.create_subprocess_exec("sh", "-euc", script, env=environment)
    return await process.wait()
