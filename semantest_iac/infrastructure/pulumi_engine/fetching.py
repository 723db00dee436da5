"""Runs programs that fetch or build something, so that what they leave half done is never found."""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from semantest_iac.domain.environments.names import shown
from semantest_iac.domain.errors import RefusedError
from semantest_iac.infrastructure.function_runtimes.interpreters import death_pact
from semantest_iac.infrastructure.pulumi_engine.processes import kill_group

_GRACE_S = 5.0
_LAST_WORDS = 500  # characters


def run(command: Sequence[str | Path], variables: Mapping[str, str], longest_s: float) -> None:
    """Run to the end, or end it with all that it started; raises RefusedError with its last words."""
    with _started([*death_pact(), *command], variables) as process:
        try:
            output, _ = process.communicate(timeout=longest_s)
        except subprocess.TimeoutExpired as error:
            raise failed(f"it took longer than {longest_s:g} s") from error
        finally:
            _end(process)
    if process.returncode:
        raise failed(_last_words(output) or f"it ended with {process.returncode}")


def failed(cause: str) -> RefusedError:
    """Why one way does not work here."""
    return RefusedError(cause, "SETUP_FAILED")


@contextmanager
def draft(beside: Path) -> Iterator[Path]:
    """A folder to make something in, gone in the end; raises RefusedError where nothing can be written."""
    try:
        beside.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(prefix=".setup-", dir=beside.parent, ignore_cleanup_errors=True) as folder:
            yield Path(folder)
    except OSError as error:
        raise failed(f"cannot write to '{beside.parent}': {error.strerror or error}") from error


def put(made: Path, place: Path) -> None:
    """Into place at once; what is there and was found useless goes away with the draft."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if place.exists():
        place.rename(made.with_name(".before"))
    made.rename(place)


def _started(command: Sequence[str | Path], variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603  # no shell
            command, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise failed(f"cannot start '{command[0]}': {error.strerror}") from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """Also of what it left behind; while it runs it is asked first, so that it can take away what is half made."""
    try:
        if process.poll() is None:
            kill_group(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_S)
    finally:
        kill_group(process.pid)


def _last_words(output: bytes) -> str:
    """The last complaints where lines say that they are some (what comes last may sum up what came before)."""
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    complaints = [line for line in lines if line.startswith(("error:", "warning:"))]
    return shown(" ".join(complaints[-2:] or lines[-1:]), _LAST_WORDS)
