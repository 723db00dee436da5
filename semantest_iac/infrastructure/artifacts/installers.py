"""Runs installers and builds without our credentials, and finds the line that says why one failed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from types import MappingProxyType
from typing import NamedTuple

from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.ports.artifact_builder import PackagingRun
from semantest_iac.domain.security.redaction import Redactor
from semantest_iac.infrastructure.function_runtimes.platforms import parent_death_signal_prefix

PROGRAM_TIMEOUT_S = 900
LONGEST_OUTPUT, MOST_OUTPUT = 256 * 1024, 256 * 1024 * 1024  # what is read of it, and what it may print
BUILD_VARIABLES = {"NODE_ENV": "production", "NO_COLOR": "1"}
"""A package for a cloud is a production build, whatever the environment that it is deployed to."""
# What installers need; install scripts of third parties must not see cloud credentials.
INHERITED_VARIABLES = re.compile(
    r"(?i)PATH|HOME|USER|LANG|LC_.*|TMPDIR|TEMP|.*_PROXY|SSL_CERT_.*|REQUESTS_CA_BUNDLE|NODE_EXTRA_CA_CERTS"
    r"|NPM_CONFIG_.*|NPM_TOKEN|PNPM_HOME|YARN_(?!.*TOKEN).*|COREPACK_.*|PIP_.*|XDG_.*|SYSTEMROOT"
)
VARIABLES_HINT = "An install script gets no other variables of this machine than package.pass_environment names."
_CREDENTIAL_VARIABLE = re.compile(r"(?i)token|auth|passw|secret|credential")
_KNOWN_PROGRAMS = frozenset({"npm", "pnpm", "yarn", "bun"})
_ANSI_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_POLL_S = 0.05
_FLAG_VALUES = frozenset({"true", "false"})
_CREDENTIALS_IN_URL = re.compile(r"://[^/@\s]+@")
_NPM_PREFIX = re.compile(r"npm (error|ERR!)(?: |$)")
_NPM_DETAIL = re.compile(r"(code|path|errno|syscall|A complete log|command failed|gyp info)\b")
_NPM_COMMAND = "command sh -c "
_ERROR_PREFIX = re.compile(r"(?i)^(npm error|npm ERR!|error:?|ERR_PNPM_\w+|.?\s*ERR_PNPM_\w+)\s*")
_EXCEPTION = re.compile(r"(?:\w+\.)*\w*(Error|Exception)\b(?: \[\w+\])?:")
_PIP_SUBPROCESS = "subprocess-exited-with-error"
_REASON = re.compile(
    r"(?i)\b\w*(error|exception)\b|not found|no such|cannot|can't|could not|unable|failed|denied|refused"
    r"|missing|required"
)


class ProgramEnd(NamedTuple):
    """The exit code (negative: a signal), the output, and why we ended the program, if we did."""

    code: int
    output: str
    ended_because: str = ""


@dataclass(frozen=True, slots=True)
class ProgramRunner:
    """Runs installers and builds for one package, without our credentials and with the variables that `passed` names.

    Every program is reported to `run` from its start on, and ended with all its children when the run is cancelled.
    """

    run: PackagingRun = field(default_factory=PackagingRun)
    passed: Sequence[str] = ()

    def install(
        self,
        command: Sequence[str],
        folder: Path,
        dependencies: str,
        hint: str,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Run an installer in the folder; raises ArtifactError with its reason."""
        environment = _select_variables(INHERITED_VARIABLES)
        with self.run.report_step("install", f"{dependencies} with {_program_name(command)}"):
            end = self._run_to_end(command, folder, {**environment, **self._passed_variables(), **settings})
            if end.code:
                reason = end.ended_because or find_failure_reason(end.output)
                raise ArtifactError(f"Cannot install {dependencies}: {reason}.", hint=hint)

    def execute(
        self, command: Sequence[str], folder: Path, settings: Mapping[str, str] = MappingProxyType({})
    ) -> ProgramEnd:
        """Run a build in the folder, and return how it ended, with the end of its output without secrets.

        It receives none of the variables with which installers reach private registries.
        """
        environment = {
            name: value
            for name, value in _select_variables(INHERITED_VARIABLES).items()
            if not _CREDENTIAL_VARIABLE.search(name)
            and (name.upper().endswith("_PROXY") or not _CREDENTIALS_IN_URL.search(value))
        }
        return self._run_to_end(
            command, folder, {**environment, **BUILD_VARIABLES, **settings, **self._passed_variables()}
        )

    def describe_settings(self, names: re.Pattern[str]) -> bytes:
        """Return what decides what an installer installs: the variables that it reads, by name, and the passed ones."""
        own = (name for name in os.environ if INHERITED_VARIABLES.fullmatch(name) and names.match(name))
        return describe_variables((*sorted(own), *self.passed))

    def _passed_variables(self) -> dict[str, str]:
        return {name: os.environ[name] for name in self.passed if name in os.environ}

    def _run_to_end(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> ProgramEnd:
        hidden = [value for value in self._passed_variables().values() if value.lower() not in _FLAG_VALUES]
        redactor = Redactor(hidden)
        with tempfile.TemporaryFile() as output, subprocess.Popen(  # noqa: S603  # words and paths, no shell
            _with_death_signal(command, environment), cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        ) as process:  # fmt: skip
            try:
                ended = _wait_for(process, output.fileno(), self.run.cancelled)
            finally:
                _kill_process_group(process)
                process.wait()
            size = os.fstat(output.fileno()).st_size
            output.seek(max(0, size - LONGEST_OUTPUT - redactor.longest_form))  # no secret is cut before it is found
            before = output.read(max(0, size - output.tell() - LONGEST_OUTPUT)).decode(errors="ignore")
            text = redactor.redact_from(before + output.read().decode(errors="replace"), len(before))
        text = _ANSI_SEQUENCE.sub("", _CREDENTIALS_IN_URL.sub("://", text))
        return ProgramEnd(process.returncode, text, ended)


def _with_death_signal(command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Return the command, ended by the kernel when our process is killed; as it is where it cannot be started."""
    is_found = shutil.which(command[0], path=environment.get("PATH")) is not None
    return [*(parent_death_signal_prefix() if is_found else ()), *command]


def describe_variables(names: Iterable[str]) -> bytes:
    """Return variables of this machine with their values: other values may install other files."""
    return "".join(f"{name}={os.environ.get(name)}\0" for name in names).encode(errors="surrogateescape")


def _select_variables(names: re.Pattern[str]) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if names.fullmatch(name)}


def _program_name(command: Sequence[str]) -> str:
    return next((Path(word).name for word in command if Path(word).name in _KNOWN_PROGRAMS), "pip")


def _wait_for(process: subprocess.Popen[bytes], output: int, cancelled: Event) -> str:
    """Wait until the program ends; returns why it has to be ended, or nothing."""
    deadline = time.monotonic() + PROGRAM_TIMEOUT_S
    while process.poll() is None:
        if cancelled.wait(_POLL_S):
            return "cancelled"
        if time.monotonic() > deadline:
            return f"not finished after {PROGRAM_TIMEOUT_S} s"
        if os.fstat(output).st_size > MOST_OUTPUT:
            return f"it printed more than {MOST_OUTPUT >> 20} MB"
    return ""


def _kill_process_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the installer and the scripts that it started, also after Ctrl-C."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def find_failure_reason(output: str) -> str:
    """Return the line of an installer's output that says why it failed, with the script that failed, if one did."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    script = next(
        (line.split(_NPM_COMMAND, 1)[1] for line in lines if _NPM_PREFIX.match(line) and _NPM_COMMAND in line), ""
    )
    if script:
        words = _first_reason([*_words_of_script(lines)])
        return f"the script '{script[:80]}' failed: {words}"[:400]
    errors = [line for line in lines if re.match(r"(?i)(npm )?err|.?\s*ERR_PNPM", line)]
    informative = [line for line in errors if _is_informative(_NPM_PREFIX.sub("", line).strip())]
    chosen = (informative or errors or lines or ["it gave no reason"])[0]
    if _PIP_SUBPROCESS in chosen:  # the build's own words lie between pip's
        chosen = next((line for line in reversed(lines) if _EXCEPTION.match(line)), chosen)
    return _ERROR_PREFIX.sub("", chosen).rstrip(".")[:300]


def _is_informative(text: str) -> bool:
    return bool(text) and not _NPM_DETAIL.match(text)


def _words_of_script(lines: Sequence[str]) -> Iterator[str]:
    """Yield what a script printed: npm repeats it behind its own prefix, or lets it through."""
    for line in lines:
        text = _NPM_PREFIX.sub("", line).strip()
        is_npm_detail = _NPM_PREFIX.match(line) and (_NPM_DETAIL.match(text) or text.startswith(_NPM_COMMAND))
        if text and not is_npm_detail and not text.startswith("> "):
            yield text


def _first_reason(words: Sequence[str]) -> str:
    """Return the line of an exception, or the first one that speaks of a failure, or the last one."""
    exceptions = (line for line in words if _EXCEPTION.match(line))
    reasons = (line for line in words if _REASON.search(line))
    return next(exceptions, next(reasons, (words or ["it gave no reason"])[-1])).rstrip(".")
