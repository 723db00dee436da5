"""Completion in shells, by the protocol of click's own shell functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semantest_iac.domain.environments.names import COMPONENT_TYPES
from semantest_iac.domain.errors import LedgerError
from tests.fakes.memory_ledger import MemoryLedger, a_deploy, an_event

_STACK = "rest-api.azure.development.eastus"
_FILE = """# comment
components:
    # the first one
    users-api:
        type: rest-api
    "rest-api": {memory: 512}
environments:
  pr-12: {extends: development}
event_sources:
  core: {type: files, folder: in}
  inbox: {type: files, folder: in}
"""


class Completer:
    """Asks for completions as the function of a shell does."""

    def __init__(self, cli: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._cli = cli
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def ask(self, instruction: str, *words: str) -> str:
        variables = {"COMP_WORDS": " ".join(("semantest-iac", *words)), "COMP_CWORD": str(len(words))}
        for name, value in {**variables, "_SEMANTEST_IAC_COMPLETE": instruction}.items():
            self._monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            self._cli()
        shown = self._capsys.readouterr()
        assert (ended.value.code, shown.err) == (0, "")
        return shown.out

    def complete(self, *words: str) -> list[str]:
        """Return the values offered for the last word, which may be empty."""
        return [line.partition(",")[2] for line in self.ask("bash_complete", *words).splitlines()]


@pytest.fixture
def completer(
    cli: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Completer:
    monkeypatch.chdir(tmp_path)
    return Completer(cli, capsys, monkeypatch)


class TestCompletion:
    @pytest.mark.parametrize(
        ("words", "offered"),
        [
            (("dep",), {"deploy"}),
            (("config", "v"), {"validate"}),
            (("deploy", "--prov"), {"--provider"}),
            (("deploy", "u"), {"users-api"}),
            (("deploy", "REST-"), {"rest-api", _STACK}),
            (("deploy", "rest-api", "al"), {"all"}),
            (("config", "show", "--component", "users"), {"users-api"}),
            (("invoke", ""), {"rest-api", _STACK}),
            (("invoke", "rest-api", "P"), {"POST", "PUT", "PATCH"}),
            (("destroy", "rest-api.a"), {_STACK}),
            (("events", "--stack", ""), {_STACK}),
            (("events", "--deployment", ""), {"d1"}),
            (("deploy", "--env", "p"), {"production", "pr-12"}),
            (("deploy", "--provider", ""), {"aws", "azure"}),
            (("deploy", "--provider", "azure", "--region", "westus"), {"westus", "westus2", "westus3"}),
            (("status", "--region", "eu-west-"), {"eu-west-1", "eu-west-2", "eu-west-3"}),
            (("deploy", "--engine", ""), {"sandbox"}),
            (("deploy", "--cloud", "s"), {"sandbox"}),
            (("subscriptions", "test", "--source", ""), {"core", "inbox"}),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
    )
    async def test_offers_values(
        self, completer: Completer, world: Any, tmp_path: Path, words: tuple[str, ...], offered: set[str]
    ) -> None:
        (tmp_path / "semantest.yaml").write_text(_FILE, encoding="utf-8")
        await world.ledger.append(_STACK, None, a_deploy("d1", stack=_STACK))

        assert set(completer.complete(*words)) == offered

    async def test_offers_queues_and_topics_by_their_whole_names(self, completer: Completer, world: Any) -> None:
        platform = ("messaging_queue_orders_queue", "messaging_queue_ship_address", "messaging_topic_news")
        api = ("queue_jobs_address", "queue_bill_address_address", "topic_events_address")
        outputs = dict.fromkeys((*platform, *api), "one")
        await world.ledger.append(_STACK, None, a_deploy("d1", stack=_STACK, outputs=outputs))

        queues, topics = completer.complete("send", "--queue", ""), completer.complete("send", "--topic", "")

        assert sorted(queues) == ["bill-address", "jobs", "orders-queue", "ship-address"]
        assert sorted(topics) == ["events", "news"]

    async def test_offers_the_deployments_that_hold_a_stack(self, completer: Completer, world: Any) -> None:
        needs_operator = an_event("deployment.needs_operator", "d2", stack=_STACK)
        await world.ledger.append(_STACK, None, a_deploy("d1", stack=_STACK))
        await world.ledger.append(_STACK, None, [*a_deploy("d2", stack=_STACK)[:4], needs_operator])

        assert completer.complete("resolve", "") == completer.complete("resolve", "--deployment", "") == ["d2"]

    def test_needs_no_configuration_and_no_home(self, completer: Completer) -> None:
        assert completer.complete("deploy", "") == [*COMPONENT_TYPES, "account", "all"]

    @pytest.mark.parametrize("words", [("deploy", ""), ("events", "--stack", ""), ("nonsense", "x", ""), ("--set", "")])
    def test_prints_no_errors(self, completer: Completer, world: Any, tmp_path: Path, words: tuple[str, ...]) -> None:
        (tmp_path / "semantest.yaml").write_bytes(b"\xff\xfe: [")
        world.ledger = UnreadableLedger()

        completer.complete(*words)

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_has_a_function_for_each_shell(self, completer: Completer, shell: str) -> None:
        assert f"_SEMANTEST_IAC_COMPLETE={shell}_complete" in completer.ask(f"{shell}_source")


class UnreadableLedger(MemoryLedger):
    """Fails as a damaged file does."""

    def stacks(self) -> Any:
        raise LedgerError("Cannot read it.")

    def newest(self) -> Any:
        raise LedgerError("Cannot read it.")
