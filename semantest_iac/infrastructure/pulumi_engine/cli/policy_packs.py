"""Policy packs of Pulumi (CrossGuard): checks them, and lets the CLI run each in an environment of its own.

The CLI starts a pack in Python with `pulumi-analyzer-policy-python` from the PATH where it has no language host; its
distributions have both. Source: `NewPolicyAnalyzer` in Pulumi's `pkg/resource/plugin/analyzer_plugin.go`, 3.250.0.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import Fault, ValidationError
from semantest_iac.infrastructure.durable_files import make_private_folder, replace_file

POLICY_PACKS_VARIABLE: Final = "SEMANTEST_POLICY_PACKS"
"""The variable with the folders of policy packs, separated as those of a PATH."""

_PROJECT_FILE, _ENVIRONMENTS = "PulumiPolicy.yaml", ("venv", ".venv")
_HOST_NAME = "pulumi-analyzer-policy-python"
# The engine's environment holds passphrases and credentials, which are no business of a pack.
_HOST_SCRIPT = """#!/bin/sh
for folder in venv .venv; do
    if [ -x "$folder/bin/python" ]; then
        exec env -i HOME="$HOME" LANG="${LANG:-C.UTF-8}" PATH="$PWD/$folder/bin:/usr/bin:/bin" \\
            PULUMI_PROJECT="$PULUMI_PROJECT" PULUMI_STACK="$PULUMI_STACK" PULUMI_DRY_RUN="$PULUMI_DRY_RUN" \\
            "$PWD/$folder/bin/python" -u -m pulumi.policy "$@"
    fi
done
echo "the policy pack $PWD has no folder venv" >&2
exit 1
"""


def read_policy_packs(variables: Mapping[str, str], more: Iterable[Path] = ()) -> tuple[Path, ...]:
    """Return the folders that the variable names, then `more`; raises ValidationError for those that are no packs."""
    named = [Path(name) for name in variables.get(POLICY_PACKS_VARIABLE, "").split(os.pathsep) if name]
    packs = tuple(dict.fromkeys(pack.absolute() for pack in (*named, *more)))
    if faults := [fault for pack in packs for fault in _find_faults(pack)]:
        raise ValidationError("Cannot use the policy packs.", faults=faults)
    return packs


def _find_faults(pack: Path) -> Iterator[Fault]:
    shown = make_printable(str(pack), 200)
    try:
        text = (pack / _PROJECT_FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        yield Fault(shown, f"is no policy pack: it has no {_PROJECT_FILE}", "Name the folder of a pack.")
        return
    if not any(line.replace(" ", "") in ("runtime:python", "name:python") for line in text.splitlines()):
        yield Fault(shown, "is not in Python", f"Its {_PROJECT_FILE} must say runtime: python.")
    elif not any((pack / name / "bin" / "python").exists() for name in _ENVIRONMENTS):
        command = f"python -m venv {shown}/venv && {shown}/venv/bin/pip install pulumi-policy"
        yield Fault(shown, "has no environment of its own", f"Run: {command}")


def write_policy_host(folder: Path) -> Path:
    """Write the program that runs packs in Python; return the folder to put in front of the CLI's PATH."""
    make_private_folder(folder)
    host = folder / _HOST_NAME
    replace_file(host, _HOST_SCRIPT)
    host.chmod(0o700)
    return folder
