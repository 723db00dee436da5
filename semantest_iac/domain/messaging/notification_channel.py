"""The destination of alarms."""

from __future__ import annotations

from dataclasses import dataclass

from semantest_iac.domain.resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationChannel(Resource):
    """A topic with subscribers; every address in `emails` must confirm once."""

    emails: tuple[str, ...] = ()
