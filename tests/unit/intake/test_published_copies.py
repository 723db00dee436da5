"""A request that was published and came back is known, although what is secret in it was masked."""

from __future__ import annotations

from typing import Any

import pytest

from semantest_iac.application.intake.request_origin import is_published_copy

_RECORDED: dict[str, Any] = {
    "component": "rest-api",
    "configuration": {"a": ["hunter2", {"b": "x-hunter2-y-hunter2"}], "c": 512, "d": None},
    "deployment_id": "d1",
    "hops": 0,
}


def _received(**configuration: Any) -> dict[str, Any]:
    return {**_RECORDED, "configuration": {**_RECORDED["configuration"], **configuration}}


@pytest.mark.parametrize(
    "received",
    [
        _RECORDED,
        _received(a=["***", {"b": "x-***-y-***"}]),
        _received(a=["hunter2", {"b": "***"}]),
        {**_RECORDED, "deployment_id": "d2", "hops": 4, "requested_by": "ana"},
    ],
)
def test_are_known(received: dict[str, Any]) -> None:
    assert is_published_copy(_RECORDED, received)


@pytest.mark.parametrize(
    "received",
    [
        _received(c=1024),
        _received(a=["***"]),
        _received(a=["***", {"b": "y-***"}]),
        _received(a=["***", {"b": "x-***-z"}]),
        _received(a=["***", {"b": "x-hunter2-y-hunter2***x"}]),
        _received(a=["***", {"b": "x-***-y-***", "more": 1}]),
        _received(c="***"),
        {**_RECORDED, "component": "websocket"},
        {**_RECORDED, "keep_failed": True},
    ],
)
def test_are_no_others(received: dict[str, Any]) -> None:
    assert not is_published_copy(_RECORDED, received)


def test_pieces_do_not_overlap() -> None:
    assert not is_published_copy({"a": "ab"}, {"a": "ab***b"})
    assert is_published_copy({"a": "abb"}, {"a": "ab***b"})


def test_cost_no_more_for_many_masks() -> None:
    recorded, received = {"a": "a" * 5000 + "b"}, {"a": "***a" * 5000 + "***c"}

    assert not is_published_copy(recorded, received)
