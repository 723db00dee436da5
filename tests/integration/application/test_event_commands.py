"""`publish`, `subscriptions` and `events dead-letters`, with the real application."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.application.ports.event_transports import PublishedMessage, ReceivedMessage
from semantest_iac.application.relay.messages import build_dead_letter
from semantest_iac.bootstrap.application import Application
from semantest_iac.presentation.cli.program import run_cli
from semantest_iac.presentation.cli.terminal import Terminal
from semantest_iac.presentation.subscribers.subscriber import build_received_letter
from tests.fakes.screen import Screen
from tests.webhook_receiver import ThreadedReceiver

Run = Callable[..., tuple[int, str, str]]
NEEDED = {"type": "ServiceDeploymentNeeded", "correlationId": "c1", "payload": {"serviceType": "rest-api"}}
CONFIGURATION = """\
components: {rest-api: {}}
subscriptions:
  slow: {event: ServerPerformanceWarning, action: deploy, component: rest-api, match: {cpu: {at_least: 80}}}
  busy: {event: AlarmChanged, action: scale, component: rest-api, min_step: 2, max_instances: 50}
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in a folder with a configuration."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "semantest.yaml").write_text(CONFIGURATION, encoding="utf-8")

    def call(*arguments: str) -> tuple[int, str, str]:
        out, err = Screen(), Screen()
        code = run_cli(arguments, Application, Terminal(out, err))
        return code, out.text, err.text

    return call


@pytest.fixture
def write_event(tmp_path: Path) -> Callable[[Any], str]:
    def write(event: Any) -> str:
        path = tmp_path / "event.json"
        path.write_text(event if isinstance(event, str) else json.dumps(event), encoding="utf-8")
        return str(path)

    return write


def _lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


class TestPublish:
    def test_queues_a_deployment_once(self, run: Run, write_event: Callable[[Any], str]) -> None:
        file = write_event(NEEDED)

        codes, answers = zip(
            *((code, _lines(out)[0]) for code, out, _ in (run("publish", file, "--json"),) * 1), strict=True
        )
        again = _lines(run("publish", file, "--json")[1])[0]

        assert (codes, answers[0]["outcome"], again["outcome"]) == ((0,), "accepted", "duplicate")
        assert again["deployment"] == answers[0]["deployment"]
        assert _lines(run("queue", "--json")[1])[0][0]["deployment"] == again["deployment"]

    def test_reads_stdin(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        class Stdin:
            buffer = io.BytesIO(json.dumps(NEEDED).encode())

        monkeypatch.setattr("sys.stdin", Stdin())

        assert run("publish", "-")[0] == 0

    def test_waits_for_the_end(self, run: Run, write_event: Callable[[Any], str]) -> None:
        file = write_event(NEEDED)
        run("publish", file)
        run("worker", "--until-idle")

        code, out, _ = run("publish", file, "--wait", "--json")

        assert (code, _lines(out)[-1]["state"]) == (0, "completed")

    def test_waits_for_no_person(self, run: Run, write_event: Callable[[Any], str], tmp_path: Path) -> None:
        (tmp_path / "semantest.yaml").write_text(f"approvals: {{required: true}}\n{CONFIGURATION}", encoding="utf-8")
        file = write_event(NEEDED)
        run("publish", file)
        run("worker", "--until-idle")

        code, out, err = run("publish", file, "--wait", "--json")

        answer = _lines(out)[-1]
        assert (code, answer["state"]) == (3, "awaiting_approval")
        assert f"Run `semantest-iac approve {answer['deployment']}`" in " ".join(err.split())

    def test_says_that_an_event_leads_to_nothing(self, run: Run, write_event: Callable[[Any], str]) -> None:
        code, out, _ = run("publish", write_event({**NEEDED, "type": "Other"}))

        assert (code, out) == (0, "Nothing is to be done. No subscription is for 'Other', and it is no request.\n")

    def test_is_refused_for_an_event_that_is(self, run: Run, write_event: Callable[[Any], str]) -> None:
        code, out, _ = run("publish", write_event({**NEEDED, "payload": {"serviceType": "nothing"}}))

        assert code == 3
        assert out.startswith("Refused for nothing.aws.development.us-east-1: ")

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"payload": {}}', '{"type": "infrastructure.removal.requested"}'])
    def test_names_what_is_wrong_with_a_file(self, run: Run, write_event: Callable[[Any], str], text: str) -> None:
        code, out, err = run("publish", write_event(text))

        assert (code, out) == (2, "")
        assert err.startswith("Error: Cannot read the event.\n")
        assert "Traceback" not in err

    def test_names_a_file_that_is_not_there(self, run: Run) -> None:
        code, _, err = run("publish", "nothing.json")

        assert (code, "nothing.json" in err) == (2, True)


class TestSubscriptions:
    def test_are_listed(self, run: Run) -> None:
        code, out, _ = run("subscriptions", "list", "--json")

        assert (code, _lines(out)[0][0]["name"], _lines(out)[0][0]["action"]) == (0, "slow", "deploy")

    @pytest.mark.parametrize(
        ("cpu", "expected"),
        [
            (91, ["Subscription 'slow' matches.", "Would deploy rest-api.aws.development.us-east-1."]),
            (12, ["Subscription 'slow' does not match: cpu is 12, not at least 80."]),
        ],
    )
    def test_say_what_an_event_would_lead_to(
        self, run: Run, write_event: Callable[[Any], str], cpu: int, expected: list[str]
    ) -> None:
        code, out, _ = run("subscriptions", "test", write_event({"type": "ServerPerformanceWarning", "cpu": cpu}))

        assert (code, [line.strip() for line in out.splitlines()[1:]]) == (0, expected)
        assert not Path(".semantest/ledger.db").exists()

    def test_say_how_an_alarm_would_scale(self, run: Run, write_event: Callable[[Any], str]) -> None:
        event = write_event({"type": "AlarmChanged", "NewStateValue": "OK"})

        code, out, _ = run("subscriptions", "test", event)

        assert (code, out.splitlines()[-1].strip()) == (
            0,
            "Would scale rest-api.aws.development.us-east-1: min -2, max 50.",
        )

    def test_say_that_it_would_be_refused(self, run: Run, write_event: Callable[[Any], str]) -> None:
        event = {
            "type": "ServiceDeploymentNeeded",
            "payload": {"serviceType": "rest-api", "serviceConfig": {"source": "/"}},
        }

        code, out, _ = run("subscriptions", "test", write_event(event), "--json")

        [change] = _lines(out)[0]["changes"]
        assert (code, change["refusal"]["code"]) == (0, "VALIDATION_ERROR")


class TestDeadLetters:
    def add(self, body: bytes, secret: str = "\0") -> str:
        message = ReceivedMessage("core", body, {"content-type": "application/json"}, "STREAM:4")
        letter = build_received_letter(
            message, "CODE", "why", lambda text: text.replace(secret, "***"), 1_795_000_000.0
        )
        asyncio.run(Application(Path(".semantest")).dead_letters.add(letter))
        return letter.id

    def test_are_listed_and_shown(self, run: Run) -> None:
        run("status")
        letter = self.add(b"{\x1b[31m")

        _, listed, _ = run("events", "dead-letters", "list", "--json")
        _, shown, _ = run("events", "dead-letters", "show", letter[:6])

        assert _lines(listed)[0][0]["id"] == letter
        assert "place: STREAM:4" in shown
        assert "\x1b" not in shown

    def test_are_taken_again(self, run: Run) -> None:
        letter = self.add(json.dumps(NEEDED).encode())

        code, out, _ = run("events", "dead-letters", "replay", letter[:8], "--json")

        assert (code, _lines(out)[0]["outcome"]) == (0, "accepted")
        assert _lines(run("events", "dead-letters", "list", "--json")[1])[0] == []

    def test_stay_where_they_still_cannot_be_read(self, run: Run) -> None:
        letter = self.add(b"{")

        code, _, err = run("events", "dead-letters", "replay", "--all")

        assert (code, "is not JSON" in err) == (2, True)
        assert _lines(run("events", "dead-letters", "list", "--json")[1])[0][0]["id"] == letter

    def test_are_not_replayed_with_masked_secrets(self, run: Run) -> None:
        letter = self.add(b'{"password": "hunter2"}', "hunter2")

        code, _, err = run("events", "dead-letters", "replay", letter)

        assert (code, "secrets in it were masked" in err) == (3, True)

    def test_can_be_removed(self, run: Run) -> None:
        letter = self.add(b"{")

        assert run("events", "dead-letters", "remove", letter[:8])[0] == 0
        assert run("events", "dead-letters", "show", letter[:8])[0] == 2
        assert run("events", "dead-letters", "list")[1] == "No dead letters.\n"

    def test_are_a_part_of_events_that_are_listed_otherwise(self, run: Run) -> None:
        assert run("events")[0] == 0
        assert run("events", "rest-api", "--limit", "3")[0] == 0
        assert run("events", "--json")[1] == "[]\n"


@pytest.fixture
def receiver() -> Iterator[ThreadedReceiver]:
    opened = ThreadedReceiver()
    yield opened
    opened.close()


class TestDeadLettersOfTargets:
    def add(self) -> str:
        message = PublishedMessage("e1", "infrastructure.updated", "stack", b'{"a":1}')
        letter = build_dead_letter("hooks", message, "MESSAGE_REFUSED", "it answered 400", "event 7", 1_795_000_000.0)
        asyncio.run(Application(Path(".semantest")).dead_letters.add(letter))
        return letter.id

    def configure(self, url: str) -> None:
        text = f"components: {{rest-api: {{}}}}\nevent_targets: {{hooks: {{type: webhook, url: '{url}'}}}}\n"
        Path("semantest.yaml").write_text(text, encoding="utf-8")

    def test_are_published_again(self, run: Run, receiver: ThreadedReceiver) -> None:
        self.configure(f"{receiver.url}/hook")
        letter = self.add()

        code, out, _ = run("events", "dead-letters", "replay", "--all", "--json")

        assert (code, _lines(out)) == (0, [{"dead_letter": letter, "outcome": "published", "target": "hooks"}])
        assert [request.body for request in receiver.of_path("/hook")] == [b'{"a":1}']
        assert _lines(run("events", "dead-letters", "list", "--json")[1])[0] == []

    def test_stay_where_they_are_refused_again(self, run: Run, receiver: ThreadedReceiver) -> None:
        receiver.statuses.append(400)
        self.configure(f"{receiver.url}/hook")
        letter = self.add()

        code, _, err = run("events", "dead-letters", "replay", letter)

        assert (code, "it answered 400 Bad Request" in err, "/hook" in err) == (1, True, False)
        assert _lines(run("events", "dead-letters", "list", "--json")[1])[0][0]["id"] == letter

    def test_of_a_target_that_is_no_more_stay(self, run: Run) -> None:
        letter = self.add()

        code, _, err = run("events", "dead-letters", "replay", letter)

        assert (code, "the configuration has no target 'hooks'" in err) == (2, True)
