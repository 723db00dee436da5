"""Runs installers of dependencies without our credentials, and finds the line that says why one failed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.security.redaction import Redactor

INSTALL_TIMEOUT_S = 600
# What installers need; install scripts of third parties must not see cloud credentials.
INHERITED_VARIABLES = re.compile(
    r"(?i)PATH|HOME|USER|LANG|LC_.*|TMPDIR|TEMP|.*_PROXY|SSL_CERT_.*|REQUESTS_CA_BUNDLE|NODE_EXTRA_CA_CERTS"
    r"|NPM_CONFIG_.*|NPM_TOKEN|PNPM_HOME|YARN_(?!.*TOKEN).*|COREPACK_.*|PIP_.*|XDG_.*|SYSTEMROOT"
)
VARIABLES_HINT = "An install script gets no other variables of this machine than package.pass_environment names."
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


def install_with(
    command: Sequence[str],
    folder: Path,
    dependencies: str,
    hint: str,
    passed: Sequence[str] = (),
    settings: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Run the command in the folder with the variables named in `passed`; raises ArtifactError with its reason."""
    environment = {name: value for name, value in os.environ.items() if INHERITED_VARIABLES.fullmatch(name)}
    asked = {name: os.environ[name] for name in passed if name in os.environ}
    code, output = _run_to_end(command, folder, {**environment, **asked, **settings})
    if code:
        secrets = Redactor(value for value in asked.values() if value.lower() not in _FLAG_VALUES)
        reason = find_failure_reason(secrets.redact(_CREDENTIALS_IN_URL.sub("://", output)))
        raise ArtifactError(f"Cannot install {dependencies}: {reason}.", hint=hint)


def _run_to_end(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    with subprocess.Popen(  # noqa: S603  # fixed words and paths, no shell
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            output = process.communicate(timeout=INSTALL_TIMEOUT_S)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            output = f"error: not finished after {INSTALL_TIMEOUT_S} s"
        finally:
            _kill_process_group(process)
    return process.returncode, output


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
