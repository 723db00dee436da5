"""Rules for every test: a home of its own, no network beyond this machine, no skip unseen."""

from __future__ import annotations

import gc
import ipaddress
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_TESTS = Path(__file__).parent
_REACHING_OUT = {
    "socket.bind": 1,
    "socket.connect": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "socket.sendmsg": 1,
    "socket.sendto": 1,
}  # audit event -> which of its arguments is the address
# Coverage is measured of the domain and the application, and the unit tests have to reach them: measuring would double
# the processor time of the others. Those of the clouds' programs and types are about neither.
_MEASURED = "tests/unit/"
_NOT_MEASURED = ("tests/unit/cloud_programs/", "tests/unit/simulated_cloud/")
_TERMINAL_VARIABLES = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")  # xdist sets the first in its workers


class NetworkRefusedError(Exception):
    """A test reached for a network that its kind may not have."""


def _host(address: Any) -> str | None:
    """The host of a socket address; None where no network is meant, as in a path of a local socket."""
    if isinstance(address, tuple):
        address = address[0]
        return address.decode() if isinstance(address, bytes) else str(address)
    return str(address) if isinstance(address, str) and not address.startswith(("/", "\0")) else None


def _is_elsewhere(host: str | None) -> bool:
    if host in (None, "localhost"):
        return False
    try:
        return not ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return True


def _is_any(_host: str | None) -> bool:
    return True


class _Guard:
    """What the running test may not reach; audit hooks stay for good, so one hook asks this each time."""

    refuses: Callable[[str | None], bool] | None = None

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Raise when a socket call of the running test leaves its bounds."""
        if self.refuses is None or event not in _REACHING_OUT:
            return
        host = _host(arguments[_REACHING_OUT[event]])
        if self.refuses(host):
            raise NetworkRefusedError(f"Cannot call {event} for {host!r}: this test has no such network.")


_guard = _Guard()
sys.addaudithook(_guard)


@pytest.fixture(autouse=True)
def _bounds(request: pytest.FixtureRequest) -> Iterator[None]:
    is_unit = request.path.is_relative_to(_TESTS / "unit")
    _guard.refuses = _is_any if is_unit else _is_elsewhere
    yield
    _guard.refuses = None


@pytest.fixture(autouse=True)
def _environment_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SEMANTEST_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home (ledger, artifacts, simulated clouds) that does not exist yet and is nobody else's."""
    return tmp_path / "home"


@pytest.fixture(scope="session")
def third_cloud(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the distribution of a cloud that is not ours; it is there for whoever has it on its path."""
    site = tmp_path_factory.mktemp("site")
    quiet = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index")
    command = [sys.executable, "-m", "pip", "install", *quiet, "--target", str(site), str(_TESTS / "third_cloud")]
    subprocess.run(command, check=True)
    return site


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Measure the coverage of this test and its fixtures, or leave it."""
    measurement = getattr(item.config.pluginmanager.getplugin("_cov"), "cov_controller", None)
    if measurement is not None:
        is_measured = item.nodeid.startswith(_MEASURED) and not item.nodeid.startswith(_NOT_MEASURED)
        if measurement.started != is_measured:
            (measurement.resume if is_measured else measurement.pause)()
        # Python 3.11 refuses to trace a thread while another one begins to be traced, and the thread would not run.
        threading.settrace(None)  # as coverage does at its end
    return (yield)


def _stay(number: int, frame: Any) -> None:
    """Handle a signal by doing nothing."""


def pytest_configure() -> None:
    """Let hypothesis take its time on a busy machine, and let signals through to the processes that tests start.

    The garbage collector looks less often: the libraries of both clouds stay loaded, and looking through them again and
    again took a third of some tests' time.

    What a shell starts in the background ignores Ctrl-C, what `nohup` starts ignores SIGHUP, and so would every process
    below it; a handler of this process is none of theirs.
    """
    from hypothesis import HealthCheck, settings

    settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("suite")
    gc.set_threshold(10_000, 20, 50)
    for name in _TERMINAL_VARIABLES:
        os.environ.pop(name, None)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _stay)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep tests together that share what is deployed or started for them, in the order of their files."""
    from tests.distribution import SharedStacksScheduling

    config.option.loadscopereorder = False  # the short tests come last and fill both processes
    return SharedStacksScheduling(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped, and why: a skipped test proves nothing."""
    reasons = Counter(report.longrepr[2] for report in terminalreporter.stats.get("skipped", ()))
    terminalreporter.section(f"skipped tests: {reasons.total()}")
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"{count:4} {reason.removeprefix('Skipped: ')}")
    _tell_what_was_compared(terminalreporter)


def _tell_what_was_compared(reporter: pytest.TerminalReporter) -> None:
    """The sum of the differential suite: here and not beside it, since only this file is known to the workers' head."""
    compared = [*reporter.stats.get("passed", ()), *reporter.stats.get("failed", ())]
    told = [value for report in compared for name, value in report.user_properties if name == "differential"]
    if told:
        sequences, operations = sum(value[0] for value in told), sum(value[1] for value in told)
        different = sum("differential" in report.nodeid for report in reporter.stats.get("failed", ()))
        ending = f"{different} tests found differences" if different else "0 differences"
        reporter.write_line(
            f"differential: {sequences} sequences, {operations} operations, seed {told[0][2]}, {ending}"
        )
