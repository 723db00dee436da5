"""Finds out who calls a function of an app: those of the same app have the token of its identity, nobody else has it.

Source: Azure's documentation of managed identities for apps, and of access tokens (`oid`, `aud`, `iss`).
"""

from __future__ import annotations

import json
import os
from functools import cache

from semantest_call import ANSWER_HEADER, CALL_AUDIENCE
from semantest_identity import SenderIdentity, make_identity
from semantest_tokens import TokenError

__all__ = ["ANSWER_HEADER", "is_own_call"]


@cache
def _get_own_identity() -> SenderIdentity:
    variables = os.environ
    tenant, principal = variables.get("SEMANTEST_CALLER_TENANT", ""), variables.get("SEMANTEST_CALLER_PRINCIPAL", "")
    return make_identity(tenant, principal, CALL_AUDIENCE)


def is_own_call(authorization: str) -> bool:
    """Whether an authorization header is that of the app itself; the log has the reason if it is not."""
    try:
        _get_own_identity().check(authorization)
    except TokenError as error:
        print(json.dumps({"event": "refused call", "reason": str(error)}))
        return False
    return True
