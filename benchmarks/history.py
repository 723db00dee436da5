"""`status` and `history` in a home with 100,000 deployments, beside a home with ten; both have the same ten stacks.

Whole commands include the start of Python; queries are what is left without it. `history` shows the newest ten.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.timing import Action, process_action, time_in_turns
from semantest_iac.application.ports.ledger import LedgerReader, NewEvent, RecordedEvent
from semantest_iac.application.queries.history import find_deployment_id, read_events, read_history, read_status
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.infrastructure.home_manifest import HomeManifest
from semantest_iac.infrastructure.ledger.chain import GENESIS, extend_chain
from semantest_iac.infrastructure.ledger.sqlite import SqliteLedger

_MANY, _FEW = 100_000, 10
_STACKS = [Stack("rest-api", "aws", "development", f"eu-north-{number}") for number in range(1, 11)]
_KINDS = ("requested", "started", "planned", "completed")
_COMMAND_TURNS, _QUERY_TURNS = 15, 60
_COMMANDS = (["status"], ["status", "--json"], ["history", "--limit", "10"])


def _list_similar_ids(ledger: LedgerReader) -> object:
    return ledger.list_similar_ids([row.deployment for row in ledger.deployments(limit=10)])


_QUERIES: dict[str, Callable[[LedgerReader], object]] = {
    "`status`": read_status,
    "`history --limit 10`": lambda ledger: read_history(ledger, limit=10),
    "the unique beginnings of ten ids, as on a terminal": _list_similar_ids,
    "a deployment by the beginning of its id": lambda ledger: find_deployment_id(ledger, _id_of(7)[:8]),
    "the events of a deployment": lambda ledger: read_events(ledger, deployment=_id_of(7)),
}


def rows() -> Iterator[dict[str, Any]]:
    """Commands first, then queries."""
    with tempfile.TemporaryDirectory() as folder:
        homes = Path(folder, "many"), Path(folder, "few")
        for home, count in zip(homes, (_MANY, _FEW), strict=True):
            _fill_home(home, count)
        for arguments in _COMMANDS:
            many, few = (_command_action(home, arguments) for home in homes)
            yield _row(f"command `{' '.join(arguments)}`", many, few, _COMMAND_TURNS)
        with closing(_open_ledger(homes[0])) as many_ledger, closing(_open_ledger(homes[1])) as few_ledger:
            for what, query in _QUERIES.items():
                ask_many, ask_few = partial(query, many_ledger), partial(query, few_ledger)
                yield _row(f"query {what}", ask_many, ask_few, _QUERY_TURNS)


def _row(what: str, many: Action, few: Action, n: int) -> dict[str, Any]:
    times = time_in_turns(many, few, n)
    return {"what": what, f"{_MANY:,}": times.median_a, "ten": times.median_b, "ratio": times.ratio, "n": n}


def _command_action(home: Path, arguments: list[str]) -> Action:
    return process_action([sys.executable, "-m", "semantest_iac", *arguments], SEMANTEST_HOME=str(home))


def _open_ledger(home: Path) -> SqliteLedger:
    return SqliteLedger(home / "ledger.db", manifest=HomeManifest(home))


def _fill_home(home: Path, count: int) -> None:
    home.mkdir()
    with closing(_open_ledger(home)) as ledger:
        ledger.import_log(_build_log(count))


def _build_log(count: int) -> Iterator[RecordedEvent]:
    """Deployments of the stacks in turn, the newest one with the lowest number."""
    head, versions = GENESIS, dict.fromkeys(map(str, _STACKS), 0)
    for number in reversed(range(count)):
        stack = _STACKS[number % len(_STACKS)]
        events = [_build_event(kind, number, stack) for kind in _KINDS]
        for recorded in extend_chain(head, str(stack), versions[str(stack)], events):
            yield recorded
        head = type(head)(recorded.position, recorded.hash)
        versions[str(stack)] = recorded.version


def _build_event(kind: str, number: int, stack: Stack) -> NewEvent:
    wire_type = f"infrastructure.deployment.{kind}"
    parts = {name: getattr(stack, name) for name in ("component", "provider", "environment", "region")}
    event = {
        "specversion": "1.0",
        "id": _id_of(number, 1 + _KINDS.index(kind)),
        "source": "/semantest/infrastructure",
        "type": wire_type,
        "subject": str(stack),
        "time": "2026-01-01T12:00:00Z",
        "correlationid": _id_of(number),
        "data": {**parts, "deployment_id": _id_of(number), **_DATA.get(kind, {})},
    }
    return NewEvent(wire_type, json.dumps(event))


_DATA: dict[str, dict[str, Any]] = {
    "requested": {"configuration": {}, "requested_by": "benchmark"},
    "completed": {
        "changes": {"create": 19, "update": 0, "replace": 0, "delete": 0, "same": 0},
        "outputs": {"endpoint": "https://abcdefghij.example", "function_name": "semantest-rest-api-dev"},
        "duration_s": 1.0,
    },
}


def _id_of(number: int, part: int = 0) -> str:
    """An id whose first digits look random, as those of real deployments do."""
    return f"{number * 2654435761 % (1 << 32):08x}-{part:04}-4000-8000-{number:012}"
