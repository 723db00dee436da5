"""The lines of an export."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantest_iac.application.ports.ledger import RecordedEvent
from semantest_iac.application.queries.exported_log import format_exported_event, parse_exported_log
from semantest_iac.domain.errors import ValidationError

_ROW = RecordedEvent(1, "-", 1, "x", '{"id": "é\\u0000",  "data":{}}', "0" * 64)
_VALUES = st.recursive(st.text() | st.integers(), lambda inner: st.dictionaries(st.text(), inner, max_size=3))


def _lines(*rows: RecordedEvent) -> bytes:
    return "".join(f"{format_exported_event(row)}\n" for row in rows).encode("utf-8", "surrogatepass")


@given(st.dictionaries(st.text(), _VALUES), st.sampled_from([None, 1]), st.text(), st.booleans())
def test_keep_every_event_to_the_byte(event: object, indent: int | None, stream: str, ascii_: bool) -> None:
    text = json.dumps(event, indent=indent, ensure_ascii=ascii_)
    row = RecordedEvent(7, stream, 2, "a.b", text, "f" * 64)

    content = _lines(row, row)

    assert list(parse_exported_log(content.splitlines(keepends=True))) == [row, row]


def test_may_be_written_again_by_another_tool() -> None:
    row = RecordedEvent(1, "-", 1, "x", '{"id":"é"}', "0" * 64)
    rewritten = json.dumps(json.loads(format_exported_event(row)), sort_keys=True).encode()

    assert list(parse_exported_log([rewritten])) == [row]


@pytest.mark.parametrize(
    "line",
    [b"{", b"[]", b"7", b"{}", b"\xff", _lines(_ROW).replace(b'"version":1', b'"version":true'), _lines(_ROW)[:-9]],
)
def test_that_hold_no_event_are_named(line: bytes) -> None:
    with pytest.raises(ValidationError, match="Cannot read line 3 of the export"):
        list(parse_exported_log([_lines(_ROW), b"\n", line]))
