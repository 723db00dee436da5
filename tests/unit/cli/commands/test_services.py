"""`invoke`, `serve` and `logs` of an application in memory."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.errors import NotFoundError, RuntimeFailedError
from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse
from semantest_iac.domain.ports.service_probe import ProbeAnswer
from semantest_iac.presentation.request_log import RequestLogEntry
from tests.fakes.memory_ledger import a_deploy

_INVOKE = ("invoke", "rest-api")


class TestRequest:
    def test_has_every_part_of_the_arguments(self, cli: Any, world: Any) -> None:
        cli(*_INVOKE, "post", "/a%20b?x=1&x=%C3%A9&y", "-H", "X-One: a: b", "--header", "x-two:2", "-d", "é")

        assert world.called == [
            HttpRequest(
                "POST",
                "/a%20b",
                (("x", "1"), ("x", "é"), ("y", "")),
                (("X-One", "a: b"), ("x-two", "2")),
                "é".encode(),
                raw_query="x=1&x=%C3%A9&y",
            )
        ]

    def test_keeps_a_path_that_looks_like_a_host(self, cli: Any, world: Any) -> None:
        cli(*_INVOKE, "GET", "//evil/x#part")

        assert world.called[0].path == "//evil/x"

    @pytest.mark.parametrize(
        ("body", "headers", "sent"),
        [
            ('{"a":1}', (), (("Content-Type", "application/json"),)),
            ('{"a":1}', ("-H", "content-type: text/x"), (("content-type", "text/x"),)),
            ("a=1", (), ()),
        ],
        ids=["json", "own type", "no json"],
    )
    def test_names_the_type_of_json(self, cli: Any, world: Any, body: str, headers: Any, sent: Any) -> None:
        cli(*_INVOKE, "POST", "/x", "-d", body, *headers)

        assert world.called[0].headers == sent

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
    def test_is_refused_when_it_is_invalid(self, cli: Any, world: Any, arguments: tuple[str, ...]) -> None:
        outcome = cli(*_INVOKE, *arguments)

        assert (outcome.code, world.called) == (2, [])


class TestAnswer:
    def test_is_printed_as_curl_does(self, cli: Any) -> None:
        outcome = cli(*_INVOKE, "GET", "/items")

        assert outcome.out == 'HTTP/1.1 200\ncontent-type: application/json\n\n{"ok":true}\n'

    @pytest.mark.parametrize(
        ("body", "told"),
        [(b"text", {"body": "text"}), (b"\xff\x00", {"body": "/wA=", "base64": True})],
        ids=["text", "bytes"],
    )
    def test_is_json_with_json(self, cli: Any, world: Any, body: bytes, told: dict[str, Any]) -> None:
        world.answer = ProbeAnswer(HttpResponse(418, (("set-cookie", "a"), ("set-cookie", "b")), body))

        outcome = cli(*_INVOKE, "GET", "/", "--json")

        assert outcome.code == 0
        assert json.loads(outcome.out) == {"status": 418, "headers": {"set-cookie": "a, b"}} | told

    def test_has_redacted_logs_with_logs(self, cli: Any, world: Any) -> None:
        world.answer = ProbeAnswer(HttpResponse(200), "key is hunter2-canary\n", notes=("It runs on another version.",))

        quiet, told = cli(*_INVOKE, "GET", "/"), cli(*_INVOKE, "GET", "/", "--logs")

        assert quiet.err == "Note: It runs on another version.\n"
        assert told.err == quiet.err + "key is ***\n"

    def test_fails_when_the_function_does_not_run(self, cli: Any, world: Any) -> None:
        world.raises = RuntimeFailedError("Cannot run it.")

        assert cli(*_INVOKE, "GET", "/").code == 1


STACK = "rest-api.aws.development.us-east-1"
ENTRY = RequestLogEntry("GET", "/a\x1b[2J", STACK, 200, 0.0123)


class TestServe:
    def test_prints_its_url_and_exits_0(self, cli: Any) -> None:
        outcome = cli("serve")

        assert (outcome.code, outcome.out.splitlines()[0]) == (
            0,
            "Serving on http://127.0.0.1:4180; press Ctrl-C to stop.",
        )

    def test_says_that_nothing_is_deployed_yet(self, cli: Any) -> None:
        assert "nothing yet" in cli("serve").out

    def test_lists_the_endpoints(self, cli: Any) -> None:
        cli("deploy", "--component", "rest-api")

        assert cli("serve", "--port", "5000").out.splitlines()[1] == f"  http://127.0.0.1:5000/{STACK}/"

    @pytest.mark.parametrize(
        ("component", "is_named"),
        [("messaging", True), ("functions", True), ("etl", True), ("platform", True), ("network", False)],
    )
    def test_names_what_has_messages_or_schedules(self, cli: Any, component: str, is_named: bool) -> None:
        cli("deploy", "--component", component)
        stack = f"{component}.aws.development.us-east-1"

        assert (f"  messages and schedules of {stack}" in cli("serve").out.splitlines()) == is_named

    def test_names_what_has_services(self, cli: Any, world: Any) -> None:
        cli("deploy", "--component", "platform")
        stack = "platform.aws.development.us-east-1"
        line = f"  services of {stack}, each at an address that the log names"
        before = cli("serve").out.splitlines()
        outputs = {"services_registry": "r", "services_orders_api": "o"}
        asyncio.run(world.ledger.append(stack, None, a_deploy("d9", stack=stack, outputs=outputs)))

        assert line not in before
        assert line in cli("serve").out.splitlines()

    def test_names_the_entrances_of_a_platform(self, cli: Any, world: Any) -> None:
        cli("deploy", "--component", "platform")
        stack, urls = "platform.aws.development.us-east-1", {"gateway_url": "https://g", "site_url": "https://s"}
        asyncio.run(world.ledger.append(stack, None, a_deploy("d9", stack=stack, outputs=urls)))

        lines = cli("serve", "--port", "5000").out.splitlines()
        assert lines[1:3] == [f"  http://{stack}.localhost:5000/", f"  http://127.0.0.1:5000/{stack}/"]

    def test_listens_on_another_port(self, cli: Any) -> None:
        assert json.loads(cli("serve", "--port", "5000", "--json").out)["url"] == "http://127.0.0.1:5000"

    @pytest.mark.parametrize("port", ["65536", "-1", "http"])
    def test_names_the_ports_that_there_are(self, cli: Any, port: str) -> None:
        outcome = cli("serve", "--port", port)

        assert outcome.code == 2
        assert f"'{port}' is no port. Use a number from 0 to 65535; 0 chooses a free port." in outcome.err

    def test_logs_requests_without_control_characters(self, cli: Any, world: Any) -> None:
        world.entries = [ENTRY]

        line = cli("serve").out.splitlines()[-1]

        assert line.endswith(f"{STACK} GET /a\\x1b[2J 200 12.3 ms")

    def test_logs_requests_as_json(self, cli: Any, world: Any) -> None:
        world.entries = [RequestLogEntry("GET", "/", "", 404, 0.001, "a remark")]

        told = json.loads(cli("serve", "--json").out.splitlines()[1])

        assert told.pop("time")
        assert told == {"stack": "", "method": "GET", "path": "/", "status": 404, "ms": 1.0, "note": "a remark"}


_AZURE = "rest-api.azure.development.eastus"


class TestWhatIsDeployed:
    def test_is_called_without_being_named_if_it_is_the_only_one(self, cli: Any, world: Any) -> None:
        cli("deploy", "rest-api", "--provider", "Azure")
        world.called.clear()

        assert cli(*_INVOKE, "GET", "/items", "--json").code == 0
        assert len(world.called) == 1

    def test_is_chosen_by_the_configuration_where_several_fit(self, cli: Any, world: Any) -> None:
        cli("deploy", "rest-api", "--provider", "azure", "--provider", "aws")
        world.values = {"provider": "azure"}
        world.printed[_AZURE] = [[line("printed on azure")]]

        assert texts(cli("logs", "rest-api").out) == ["printed on azure"]

    def test_is_listed_with_the_command_for_each_where_several_fit(self, cli: Any, world: Any) -> None:
        cli("deploy", "rest-api", "--provider", "azure", "--provider", "aws")

        outcome = cli(*_INVOKE, "GET", "/ab", "-H", "x: y", "--json")

        error = json.loads(outcome.out)["error"]
        assert (outcome.code, sorted(fault["message"] for fault in error["faults"])) == (2, [STACK, _AZURE])
        assert f" invoke {_AZURE} GET /ab -H 'x: y' --json" in " ".join(fault["hint"] for fault in error["faults"])

    def test_is_named_where_nothing_fits(self, cli: Any, world: Any) -> None:
        cli("deploy", "rest-api", "--provider", "azure")
        world.raises = NotFoundError("Cannot call it: nothing is deployed there.")

        outcome = cli(*_INVOKE, "GET", "/", "--provider", "aws")

        assert outcome.code == 2
        assert f"deployed: {_AZURE}" in outcome.err


class TestOpen:
    @pytest.mark.parametrize(
        ("component", "options", "watched", "opened"),
        [
            ("rest-api", (), True, True),
            ("rest-api", (), False, False),
            ("rest-api", ("--no-browser",), True, False),
            ("rest-api", ("--json",), True, False),
            ("websocket", (), True, False),
        ],
    )
    def test_opens_a_browser_on_a_terminal_only(
        self, cli: Any, world: Any, component: str, options: tuple[str, ...], watched: bool, opened: bool
    ) -> None:
        cli("deploy", component)
        world.serving = "http://127.0.0.1:5000"

        outcome = cli("open", component, *options, watched=watched)

        url = f"{'ws' if component == 'websocket' else 'http'}://127.0.0.1:5000/{component}.aws.development.us-east-1/"
        assert (outcome.code, url in outcome.out) == (0, True)
        assert world.opened == ([url] if opened else [])

    @pytest.mark.parametrize(
        ("outputs", "path"),
        [
            (
                {"gateway_url": "https://g", "site_url": "https://s"},
                "platform.aws.development.us-east-1.localhost:5000/",
            ),
            ({"gateway_url": "https://g"}, "127.0.0.1:5000/platform.aws.development.us-east-1/"),
            ({"gateway_url": "https://g/live"}, "127.0.0.1:5000/platform.aws.development.us-east-1/live/"),
        ],
    )
    def test_opens_the_site_of_a_platform_or_its_gateway(
        self, cli: Any, world: Any, outputs: dict[str, str], path: str
    ) -> None:
        cli("deploy", "--component", "platform")
        stack, world.serving = "platform.aws.development.us-east-1", "http://127.0.0.1:5000"
        asyncio.run(world.ledger.append(stack, None, a_deploy("d9", stack=stack, outputs=outputs)))

        assert cli("open", "platform", watched=True).out == f"http://{path}\n"
        assert world.opened == [f"http://{path}"]

    def test_of_a_simulated_stack_needs_serve(self, cli: Any) -> None:
        cli("deploy", "rest-api")

        outcome = cli("open")

        assert (outcome.code, outcome.out) == (3, "")
        assert "semantest_iac serve" in outcome.err

    def test_of_a_real_stack_is_its_endpoint(self, cli: Any, world: Any) -> None:
        world.engines = ("sandbox", "pulumi")
        cli("deploy", "rest-api", "--env", "staging")

        assert cli("open").out == "https://a1.execute-api.us-east-1.amazonaws.com\n"

    def test_of_nothing_is_refused(self, cli: Any) -> None:
        assert cli("open", "rest-api").code == 2


class TestDeployAndServe:
    def test_serves_what_was_deployed(self, cli: Any) -> None:
        outcome = cli("deploy", "--component", "rest-api", "--serve")

        assert (outcome.code, "Serving on" in outcome.out) == (0, True)

    def test_serves_nothing_after_a_failure(self, cli: Any, world: Any) -> None:
        world.fails = True

        outcome = cli("deploy", "--component", "rest-api", "--serve")

        assert (outcome.code, "Serving on" in outcome.out) == (1, False)

    def test_is_refused_on_a_real_cloud_before_deploying(self, cli: Any, world: Any) -> None:
        world.engines = ("sandbox", "pulumi")

        outcome = cli("deploy", "--component", "rest-api", "--env", "staging", "--serve")

        assert (outcome.code, world.ledger.stacks()) == (3, [])
        assert "will be in a real cloud" in outcome.err


def line(text: str, age: timedelta = timedelta()) -> dict[str, str]:
    return {"time": (datetime.now(UTC) - age).isoformat(timespec="milliseconds"), "text": text}


def texts(out: str) -> list[str]:
    return [shown.partition("  ")[2] for shown in out.splitlines()]


class TestLogs:
    def test_show_the_stored_lines(self, cli: Any, world: Any) -> None:
        world.printed[STACK] = [[line("one"), line("two")]]

        outcome = cli("logs", "rest-api")

        assert (outcome.code, texts(outcome.out)) == (0, ["one", "two"])

    def test_show_an_event_of_several_lines_below_its_time(self, cli: Any, world: Any) -> None:
        world.printed[STACK] = [[line("[ERROR] E: m\n2026-01-01T00:00:00  forged\x1b[2J"), line("next")]]

        first, continued, following = cli("logs", "rest-api").out.splitlines()

        assert first.endswith("  [ERROR] E: m")
        assert continued == " " * (first.index("[")) + "2026-01-01T00:00:00  forged\\x1b[2J"
        assert following.endswith("  next")

    def test_are_empty_if_nothing_was_printed(self, cli: Any) -> None:
        assert cli("logs", "rest-api").out == ""

    @pytest.mark.parametrize("since", ["90s", "10m", "2h", "1d"])
    def test_start_at_an_age(self, cli: Any, world: Any, since: str) -> None:
        world.printed[STACK] = [[line("old", timedelta(days=3)), line("new")]]

        assert texts(cli("logs", "rest-api", "--since", since).out) == ["new"]

    def test_start_at_a_time(self, cli: Any, world: Any) -> None:
        world.printed[STACK] = [[{"time": "2026-01-01T00:00:00+00:00", "text": "old"}, line("new")]]

        assert texts(cli("logs", "rest-api", "--since", "2026-01-02").out) == ["new"]

    def test_refuse_an_invalid_time(self, cli: Any) -> None:
        assert cli("logs", "rest-api", "--since", "soon").code == 2

    def test_follow_until_ctrl_c(self, cli: Any, world: Any) -> None:
        world.printed[STACK] = [[line("one")], [], [line("two")]]

        outcome = cli("logs", "rest-api", "-f")

        assert (outcome.code, texts(outcome.out)) == (0, ["one", "two"])

    def test_are_json_with_json(self, cli: Any, world: Any) -> None:
        world.printed[STACK] = [[line("one")]]

        assert json.loads(cli("logs", "rest-api", "--json").out)["text"] == "one"
