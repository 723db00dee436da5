"""What is checked of the section `approvals`."""

from __future__ import annotations

from collections.abc import Iterator

from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.domain.environments.durations import DURATION_HINT, parse_duration
from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.environments.rules.findings import Finding, advise, refuse

LONGEST_APPROVAL_S = 365 * 86_400
LONGEST_APPROVER_NAME = 256


def check_approvals(configuration: DeploymentConfiguration) -> Iterator[Finding]:
    """Names are printable texts, and a plan waits for a second at least and a year at most."""
    section = configuration.approvals
    for index, name in enumerate(section.approvers or ()):
        if not name or name != name.strip() or name != make_printable(name, LONGEST_APPROVER_NAME):
            shown = make_printable(name, 80)
            yield refuse(f"approvals.approvers[{index}]", f"'{shown}' is no name", "Write it as `whoami` prints it.")
    if section.expires_after is not None:
        seconds = parse_duration(section.expires_after)
        if seconds is None:
            problem = f"'{make_printable(section.expires_after, 80)}' is no time"
            yield refuse("approvals.expires_after", problem, DURATION_HINT)
        elif seconds > LONGEST_APPROVAL_S:
            yield refuse("approvals.expires_after", "must be 365d at most", DURATION_HINT)
    names = {*(section.approvers or ())}
    if section.four_eyes and len(names) == 1:
        problem = f"only {make_printable(names.pop(), 80)} may approve, and nothing that they requested"
        yield advise("approvals.four_eyes", problem, "Name a second one in approvals.approvers.")
