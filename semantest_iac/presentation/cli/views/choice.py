"""Which view fits."""

from __future__ import annotations

from semantest_iac.presentation.cli.session import Session
from semantest_iac.presentation.cli.views.view import View


def view_of(session: Session, label: str = "") -> View:
    """JSON where it was asked for, a live tree where a person watches, lines elsewhere.

    Of several at once each has a label before its lines; trees would grow into one another.
    """
    if session.json:
        from semantest_iac.presentation.cli.views.json_lines import JsonLines

        return JsonLines(session.terminal)
    if session.terminal.is_watched and not label:
        from semantest_iac.presentation.cli.views.live_tree import LiveTree

        return LiveTree(session.terminal, session.home_option)
    from semantest_iac.presentation.cli.views.plain_lines import PlainLines

    terminal = session.terminal.labelled(f"{label}  ") if label else session.terminal
    return PlainLines(terminal, session.home_option)
