"""What clouds demand of alarms and logs. Paths start at the file's top: they are those of all components."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import isfinite

from semantest_iac.domain.environments.defaults import LOG_RETENTIONS, retention
from semantest_iac.domain.environments.judging import Finding, advise, refuse
from semantest_iac.domain.environments.names import shown
from semantest_iac.domain.environments.sections import AlertSection, MonitoringSection

_EMAIL = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


def findings(monitoring: MonitoringSection, provider: str) -> Iterator[Finding]:
    """What is wrong with the alarms, with who is told of them, and with how long logs are kept."""
    kinds = [alert.type for alert in monitoring.alerts or ()]
    for place, alert in enumerate(monitoring.alerts or ()):
        yield from _alert(f"monitoring.alerts[{place}]", alert, kinds[:place])
    for place, address in enumerate(monitoring.notify or ()):
        if not _EMAIL.fullmatch(address):
            yield refuse(f"monitoring.notify[{place}]", f"'{shown(address)}' is not an e-mail address")
    yield from _log_retention(monitoring.log_retention_days, provider)


def _alert(path: str, alert: AlertSection, before: Sequence[str]) -> Iterator[Finding]:
    most = 1 if alert.type == "error_rate" else float("inf")
    if not (isfinite(alert.threshold) and 0 < alert.threshold <= most):
        limits = "above 0, and 1 at most" if most == 1 else "above 0"
        yield refuse(f"{path}.threshold", f"threshold of {alert.type} must be {limits}")
    if alert.type in before:
        yield refuse(f"{path}.type", f"there is an alert of type {alert.type} already")


def _log_retention(days: int | None, provider: str) -> Iterator[Finding]:
    path, longest = "monitoring.log_retention_days", LOG_RETENTIONS[-1]
    if days is None:
        return
    if not 0 <= days <= longest:
        yield refuse(path, f"must be 0 (for ever) to {longest} days, not {days}")
    elif (kept := retention(days, provider)) != days:
        yield advise(path, f"{days} days become {kept}, the {'nearest' if kept < days else 'next'} that {provider} has")
