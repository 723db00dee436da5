"""Signals that are forwarded, ignored or raised."""

from __future__ import annotations

import asyncio
import io
import signal
from collections.abc import Iterator

import pytest

from semantest_iac.presentation.cli.execution import run_interruptible
from semantest_iac.presentation.cli.process.signals import CancelledBySignal, describe_cancellation, forward_signals
from semantest_iac.presentation.cli.terminal import Terminal

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(params=SIGNALS, ids=[each.name for each in SIGNALS])
def number(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """A signal, whose handler is restored."""
    before = signal.getsignal(request.param)
    yield request.param
    signal.signal(request.param, before)


class TestForwardedSignals:
    def test_are_counted_and_named_within_the_block_alone(self, number: signal.Signals) -> None:
        received, before = list[tuple[int, str]](), signal.getsignal(number)
        with forward_signals(lambda *each: received.append(each)):
            signal.raise_signal(number)
            signal.raise_signal(number)

        assert received == [(1, number.name), (2, number.name)]
        assert signal.getsignal(number) is before

    def test_leave_an_ignored_signal_alone(self, number: signal.Signals) -> None:
        signal.signal(number, signal.SIG_IGN)
        with forward_signals(lambda *each: pytest.fail("it was forwarded")):
            signal.raise_signal(number)

        assert signal.getsignal(number) is signal.SIG_IGN

    def test_cancel_a_run_which_may_clean_up(self, number: signal.Signals) -> None:
        cleaned, err = list[str](), io.StringIO()

        async def work() -> None:
            try:
                signal.raise_signal(number)
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0)
                cleaned.append("cleaned up")

        with pytest.raises(KeyboardInterrupt):
            run_interruptible(work(), Terminal(io.StringIO(), err))

        assert cleaned == ["cleaned up"]
        assert err.getvalue().startswith("Cancelling after the current operation; ")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyboardInterrupt(), "Cancelled."),
        (CancelledBySignal("SIGINT"), "Cancelled."),
        (CancelledBySignal("SIGHUP"), "Cancelled by SIGHUP."),
    ],
)
def test_a_cancellation_names_its_signal(error: KeyboardInterrupt, words: str) -> None:
    assert describe_cancellation(error) == words
