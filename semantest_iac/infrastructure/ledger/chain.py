"""Chains events by hashes: each hash covers its event and the hash before it, so no event can be changed alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from semantest_iac.application.ports.ledger import LedgerHead, NewEvent, RecordedEvent, VerifiedLedger
from semantest_iac.domain.errors import LedgerError

GENESIS = LedgerHead(0, "0" * 64)


def extend_chain(head: LedgerHead, stream: str, version: int, events: Sequence[NewEvent]) -> Iterator[RecordedEvent]:
    """Yield the events as recorded after a head, in a stream that is at `version`."""
    for count, event in enumerate(events, start=1):
        content = (head.position + 1, stream, version + count, event.type, event.json)
        head = LedgerHead(head.position + 1, _chain_hash(head.hash, *content))
        yield RecordedEvent(*content, hash=head.hash)


def verify_chain(log: Iterable[RecordedEvent], expected: LedgerHead | None) -> VerifiedLedger:
    """Recompute every hash; raises LedgerError at the first row that is not as recorded."""
    head = GENESIS
    versions: dict[str, int] = {}
    _check_expected_hash(expected, head)
    for row in log:
        _check_row(row, head, versions)
        head = LedgerHead(row.position, row.hash)
        _check_expected_hash(expected, head)
    if expected is not None and expected.position > head.position:
        raise _broken_chain_error(expected.position, f"expected hash {expected.hash}, found the end of the ledger")
    return VerifiedLedger(head.position, head)


def _check_expected_hash(expected: LedgerHead | None, head: LedgerHead) -> None:
    if expected is not None and expected.position == head.position and expected.hash != head.hash:
        raise _broken_chain_error(head.position, f"expected hash {expected.hash}, found {head.hash}")


def _check_row(row: RecordedEvent, head: LedgerHead, versions: dict[str, int]) -> None:
    position = head.position + 1
    version = versions[row.stream] = versions.get(row.stream, 0) + 1
    link = _chain_hash(head.hash, row.position, row.stream, row.version, row.type, row.json)
    expected, found = (position, version, link), (row.position, row.version, row.hash)
    for field, expected_value, value in zip(("position", "version", "hash"), expected, found, strict=True):
        if expected_value != value:
            raise _broken_chain_error(position, f"expected {field} {expected_value}, found {value}")


def _broken_chain_error(position: int, cause: str) -> LedgerError:
    return LedgerError(
        f"Cannot verify ledger at position {position}: {cause}.",
        "LEDGER_CHANGED",
        hint="The ledger was changed from outside. Keep the file as evidence and restore a backup.",
    )


def _chain_hash(previous: str, *content: object) -> str:
    """Return the SHA-256 of the parts, each preceded by its length so that no two lists of parts encode alike."""
    import hashlib  # imported here: `history` hashes nothing, and this import would be its most expensive one

    parts = [previous, *map(str, content)]
    framed = "".join([f"{len(part)}:{part}" for part in parts])
    return hashlib.sha256(framed.encode()).hexdigest()
