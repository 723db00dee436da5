"""The name of whoever runs a process, and which names a decision is recorded with."""

from __future__ import annotations

import os
import pwd

import pytest

from semantest_iac.application.operators.user_names import read_user_name, require_user_name
from semantest_iac.domain.errors import ValidationError


def test_variables_cannot_make_somebody_another_person(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "SUDO_USER"):
        monkeypatch.setenv(name, "somebody-else")

    assert read_user_name() == pwd.getpwuid(os.getuid()).pw_name


@pytest.mark.parametrize("name", ["", " ", "be\nn", "be\x1b[31mn", "\u202enab", "a\u200bna", "\ud800", "x" * 257, "\t"])
def test_what_nobody_is_called_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="is no name") as raised:
        require_user_name(name)

    assert name.isprintable() or name not in str(raised.value)


@pytest.mark.parametrize("name", ["ana", "René", "DOMAIN\\ana", "uid 1000", "ana@example.org"])
def test_names_stay_as_they_are(name: str) -> None:
    assert require_user_name(name) == name
