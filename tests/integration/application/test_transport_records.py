"""Dead letters, positions and leases share the ledger's file, and change nothing of what a home does with it."""

from __future__ import annotations

from pathlib import Path

from semantest_iac.application.ports.event_transports import DeadLetter
from semantest_iac.bootstrap.application import Application
from tests.fakes.memory_ledger import STACK, a_deploy

_LETTER = DeadLetter("a1", "received", "core", "EVENT_UNREADABLE", "it is no JSON", 1.0, b"{")


async def _write_records(application: Application) -> None:
    await application.dead_letters.add(_LETTER)
    await application.transport_positions.save("core", "7")
    lease = await application.relay_leases.claim("nats", "worker", 60)
    assert lease and await application.relay_leases.renew(lease, 60, "3")


def _read_records(application: Application) -> tuple[list[DeadLetter], str | None, str | None]:
    return (
        application.dead_letters.list(),
        application.transport_positions.read("core"),
        application.relay_leases.read_position("nats"),
    )


def _conditions(application: Application) -> set[str]:
    return {part.status for part in application.inspect_home() if part.part.startswith("ledger.db")}


async def test_a_home_with_records_alone_is_intact_and_takes_an_import(home: Path) -> None:
    source, application = Application(home / "source"), Application(home / "target")
    await source.ledger.append(STACK, 0, a_deploy())
    await _write_records(source)
    await application.dead_letters.add(_LETTER)
    assert _conditions(application) == {"intact"}

    application.ledger.import_log(source.ledger.log())

    assert application.ledger.verify() == source.ledger.verify()
    assert _read_records(application) == ([_LETTER], None, None)
    assert _conditions(application) == {"intact"}


async def test_records_survive_the_repair_of_a_ledger(home: Path) -> None:
    application = Application(home)
    await application.ledger.append(STACK, 0, a_deploy())
    await _write_records(application)

    application.ledger.rebuild()

    assert _read_records(application) == ([_LETTER], "7", "3")
    assert application.ledger.verify().events == 7
    assert _read_records(Application(home)) == ([_LETTER], "7", "3")


def test_looking_at_records_creates_no_home(home: Path) -> None:
    assert _read_records(Application(home)) == ([], None, None)

    assert not home.exists()
