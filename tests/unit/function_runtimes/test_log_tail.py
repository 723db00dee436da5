"""What is kept of the output of a process, and that no part of a secret is in it wherever it is cut."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from semantest_iac.domain.security.redaction import MASK, Redactor
from semantest_iac.infrastructure.function_runtimes.host_process import MAX_LOG_BYTES, MAX_LOG_LINES, LogTail
from tests.secret_scanner import FORMS, SecretScanner, make_secrets

SECRETS = make_secrets(seed=11)
SCANNERS = {name: SecretScanner({name: value}) for name, value in SECRETS.items()}
CHUNK = 256 * 1024


async def collect(chunks: Sequence[bytes], tail: LogTail) -> list[str]:
    """Return what is taken after each chunk, and after the end."""
    stream = asyncio.StreamReader(limit=CHUNK)
    collecting = asyncio.create_task(tail.collect(stream))
    taken = []
    for chunk in chunks:
        stream.feed_data(chunk)
        for _ in range(3):
            await asyncio.sleep(0)
        taken.append(tail.take())
    stream.feed_eof()
    await collecting
    return [*taken, tail.take()]


class TestLogTail:
    @pytest.mark.parametrize(("name", "form"), [("token", "plain"), ("password", "json-in-json"), ("key", "base64-1")])
    async def test_keeps_no_part_of_a_secret_across_its_beginning(self, name: str, form: str) -> None:
        written = FORMS[form](SECRETS[name]).encode()
        for inside in (1, 20, len(written) // 2, len(written) - 20):
            output = written + b"\n" * (MAX_LOG_BYTES - inside)

            [taken, _] = await collect([b"x" * MAX_LOG_BYTES + output], LogTail(Redactor([SECRETS[name]])))

            assert SCANNERS[name].scan(taken.strip("\n")) == []
            assert len(taken) <= MAX_LOG_BYTES + len(f"…{MASK}")

    @pytest.mark.parametrize("name", SECRETS)
    async def test_keeps_no_part_of_a_secret_that_is_written_in_two_calls(self, name: str) -> None:
        written = f"before {SECRETS[name]} after".encode()
        for at in range(1, len(written), 1 + len(written) // 4):
            taken = await collect([written[:at], written[at:]], LogTail(Redactor([SECRETS[name]])))

            assert SCANNERS[name].scan("".join(taken)) == []
            assert "".join(taken) == Redactor([SECRETS[name]]).redact(written.decode())

    async def test_keeps_no_beginning_of_a_secret_when_the_process_dies(self) -> None:
        [first, last] = await collect([f"before {SECRETS['token'][:-3]}".encode()], LogTail(Redactor(SECRETS.values())))

        assert (first, last) == ("before ", MASK)

    async def test_keeps_the_end_of_the_output_without_secrets(self) -> None:
        [taken, _] = await collect([b"x" * MAX_LOG_BYTES + b"end"], LogTail())

        assert taken == f"…{'x' * (MAX_LOG_BYTES - 3)}end"

    async def test_keeps_the_last_of_very_many_lines(self) -> None:
        output = "".join(f"{number}\n" for number in range(MAX_LOG_LINES + 10))

        [taken, _] = await collect([output.encode()], LogTail())

        assert taken.startswith("…10\n")
        assert taken.splitlines()[-1] == str(MAX_LOG_LINES + 9)
