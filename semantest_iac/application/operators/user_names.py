"""Names the user who runs this process, for the ledger."""

from __future__ import annotations

import os

from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import ValidationError

_LONGEST_NAME = 256


def read_user_name() -> str:
    """Return the name that the system has for the user of this process.

    Variables such as LOGNAME and USER do not count, which `getpass.getuser` reads first: anybody can set them, and the
    name says who has approved a plan.
    """
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a user without a name, as in many containers
        return f"uid {os.getuid()}"


def require_user_name(name: str) -> str:
    """Return the name of a person who decides, as it was given; raises ValidationError for one that nobody has.

    A name with hidden characters reads like another one.
    """
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        shown = f"'{make_printable(name)}'" if name else "an empty text"
        hint = f"It has 1 to {_LONGEST_NAME} characters, and none that cannot be seen."
        raise ValidationError(f"Cannot record who decides: {shown} is no name.", hint=hint)
    return name
