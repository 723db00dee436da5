"""`artifacts`: what is kept of built packages, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from semantest_iac.application.package_collection import (
    KEPT_DEPLOYMENTS,
    PackageVerdict,
    collect_packages,
    plan_collection,
)
from semantest_iac.domain.errors import RefusedError
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import format_utc_time
from semantest_iac.presentation.cli.options import session_options
from semantest_iac.presentation.cli.parsing.command_groups import CommandGroup
from semantest_iac.presentation.cli.session import Session
from semantest_iac.presentation.cli.tables import Column, format_age, format_fitting_table, utc_now

ARTIFACTS_HELP = """Remove the packages that no deployment needs any more.

\b
  semantest-iac artifacts collect --dry-run
  semantest-iac artifacts collect --yes
"""
COLLECT_HELP = """Remove the packages that no deployment needs any more, from the home and from the object store.

Kept are those of each stack's last good and newest deployment, of its newest completed ones, of every deployment that
has not ended, and what was stored within the last day. What is removed is built again when its source is deployed.
"""
PACKAGE_COLUMNS = (Column("package"), Column("size"), Column("stored", 2), Column("kept", 1))
_SHORT_DIGEST = 12
_MEGABYTE, _KILOBYTE = 1_000_000, 1_000


@click.group("artifacts", cls=CommandGroup, help=ARTIFACTS_HELP)
def artifacts_command() -> None: ...


@artifacts_command.command("collect", short_help="Remove the packages that nothing needs.", help=COLLECT_HELP)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=KEPT_DEPLOYMENTS,
    show_default=True,
    metavar="N",
    help="Completed deployments of each stack whose packages are kept.",
)
@session_options
def collect_artifacts(session: Session, dry_run: bool, yes: bool, keep: int) -> int:
    """Show every package, ask, and remove what is without a need then: meanwhile others may have come to need it."""
    store, ledger = session.application.artifact_store, session.application.ledger
    verdicts = plan_collection(store, ledger, utc_now(), keep)
    if not session.json and verdicts:
        session.terminal.print_lines(*_format_verdicts(verdicts, session.terminal.width))
    if not dry_run and any(not verdict.needs for verdict in verdicts):
        if not yes and session.terminal.ask("Type yes to remove them: ") != "yes":
            message = "Cannot remove packages: it was not confirmed."
            raise RefusedError(message, "CONSENT_MISSING", hint="Add --yes.")
        verdicts = collect_packages(store, ledger, utc_now(), keep)
    removed = [verdict for verdict in verdicts if not verdict.needs]
    answer = {
        "dry_run": dry_run,
        "kept": [verdict.as_dict() for verdict in verdicts if verdict.needs],
        "removed": [verdict.as_dict() for verdict in removed],
        "freed_bytes": sum(verdict.package.size for verdict in removed),
    }
    session.answer(answer, [_summarize(removed, dry_run=dry_run)])
    return OK


def _format_verdicts(verdicts: Sequence[PackageVerdict], width: int | None) -> Iterator[str]:
    rows = [
        (
            verdict.package.digest[:_SHORT_DIGEST],
            format_size(verdict.package.size),
            _format_time(verdict, width),
            "; ".join(dict.fromkeys(map(str, verdict.needs))) or "no",
        )
        for verdict in verdicts
    ]
    yield from format_fitting_table(PACKAGE_COLUMNS, rows, width)


def _format_time(verdict: PackageVerdict, width: int | None) -> str:
    recorded = verdict.as_dict()["stored_at"]
    return format_utc_time(recorded) if width is None else format_age(recorded, utc_now())


def format_size(size: int) -> str:
    """Format a number of bytes: 1.2 MB, 12 KB."""
    return f"{size / _MEGABYTE:.1f} MB" if size >= _MEGABYTE else f"{max(1, round(size / _KILOBYTE))} KB"


def _summarize(removed: Sequence[PackageVerdict], *, dry_run: bool) -> str:
    if not removed:
        return "Every package is needed."
    size = format_size(sum(verdict.package.size for verdict in removed))
    verb = "would be removed" if dry_run else "removed"
    return f"{len(removed)} {'package' if len(removed) == 1 else 'packages'} {verb}: {size}"
