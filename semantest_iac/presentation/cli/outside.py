"""What the process is given; no dataclass, because `--help` need not pay for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from semantest_iac.presentation.cli.application import ApplicationAt
    from semantest_iac.presentation.cli.terminal import Terminal


class Outside(NamedTuple):
    """The application, made when its home is known, and where text goes."""

    application_at: ApplicationAt
    terminal: Terminal
