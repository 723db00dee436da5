"""`invoke` in a world in memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.errors import RuntimeFailedError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.ports.service_probe import ProbeAnswer

_INVOKE = ("invoke", "rest-api")


class TestRequest:
    def test_is_what_was_typed(self, cli: Any, world: Any) -> None:
        cli(*_INVOKE, "post", "/a%20b?x=1&x=%C3%A9&y", "-H", "X-One: a: b", "--header", "x-two:2", "-d", "é")

        assert world.called == [
            HttpRequest(
                "POST",
                "/a%20b",
                (("x", "1"), ("x", "é"), ("y", "")),
                (("X-One", "a: b"), ("x-two", "2")),
                "é".encode(),
            )
        ]

    def test_keeps_what_only_looks_like_a_host(self, cli: Any, world: Any) -> None:
        cli(*_INVOKE, "GET", "//evil/x#part")

        assert world.called[0].path == "//evil/x"

    def test_reads_its_body_from_a_file(self, cli: Any, world: Any, tmp_path: Path) -> None:
        (tmp_path / "body").write_bytes(b"\x00\xff")

        cli(*_INVOKE, "PUT", "/x", "-d", f"@{tmp_path / 'body'}")

        assert world.called[0].body == b"\x00\xff"

    @pytest.mark.parametrize(
        "arguments",
        [
            ("GET", "health"),
            ("GET", "/a b"),
            ("G3T", "/"),
            ("GET", "/", "-H", "no colon"),
            ("GET", "/", "-H", "a: b\r\nc: d"),
            ("PUT", "/", "-d", "@nowhere"),
        ],
        ids=["relative path", "space", "method", "header", "split header", "file"],
    )
    def test_is_refused_when_it_is_none(self, cli: Any, world: Any, arguments: tuple[str, ...]) -> None:
        outcome = cli(*_INVOKE, *arguments)

        assert (outcome.code, world.called) == (2, [])


class TestAnswer:
    def test_is_shown_as_curl_does(self, cli: Any) -> None:
        outcome = cli(*_INVOKE, "GET", "/health")

        assert outcome.out == 'HTTP/1.1 200\ncontent-type: application/json\n\n{"ok":true}\n'

    @pytest.mark.parametrize(
        ("body", "told"),
        [(b"text", {"body": "text"}), (b"\xff\x00", {"body": "/wA=", "base64": True})],
        ids=["text", "bytes"],
    )
    def test_is_json_when_asked_for(self, cli: Any, world: Any, body: bytes, told: dict[str, Any]) -> None:
        world.answer = ProbeAnswer(HttpResponse(418, (("set-cookie", "a"), ("set-cookie", "b")), body))

        outcome = cli(*_INVOKE, "GET", "/", "--json")

        assert outcome.code == 0
        assert json.loads(outcome.out) == {"status": 418, "headers": {"set-cookie": "a, b"}} | told

    def test_comes_with_logs_without_secrets(self, cli: Any, world: Any) -> None:
        world.answer = ProbeAnswer(HttpResponse(200), "key is hunter2-canary\n", notes=("It runs on another version.",))

        quiet, told = cli(*_INVOKE, "GET", "/"), cli(*_INVOKE, "GET", "/", "--logs")

        assert quiet.err == "Note: It runs on another version.\n"
        assert told.err == quiet.err + "key is ***\n"

    def test_is_missing_when_the_function_does_not_run(self, cli: Any, world: Any) -> None:
        world.raises = RuntimeFailedError("Cannot run it.")

        assert cli(*_INVOKE, "GET", "/").code == 1
