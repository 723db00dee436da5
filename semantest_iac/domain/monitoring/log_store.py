"""Where logs are kept, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from semantest_iac.domain.resource import Resource


class LogSource(StrEnum):
    """Who writes the log: clouds expect them under different names."""

    FUNCTION = "function"
    ACCESS = "access"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStore(Resource):
    """Logs of one source, kept for `retention_days`; `keep` leaves them behind on removal.

    `purpose` is that of the function that writes them.
    """

    source: LogSource
    retention_days: int
    keep: bool = False
    purpose: str = ""
