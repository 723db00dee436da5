"""AWS's door to the token check: asked by API Gateway once for each client that connects."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from semantest_tokens import TokenError, checked


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Leave to connect, with what the token says; what is raised otherwise becomes a 401."""
    token = (event.get("queryStringParameters") or {}).get("token") or ""
    audiences = [each.strip() for each in os.environ.get("JWT_AUDIENCE", "").split(",") if each.strip()]
    try:
        issuer = os.environ.get("JWT_ISSUER", "")
        claims = checked(token, os.environ.get("JWT_SECRET", ""), time.time(), issuer=issuer, audiences=audiences)
    except TokenError as reason:
        print(json.dumps({"event": "AUTHORIZE", "refused": str(reason)}))
        raise Exception("Unauthorized") from None  # the very word that API Gateway makes a 401 of
    return permit(str(claims.get("sub", "client")), claims, event["methodArn"])


def permit(principal: str, claims: Mapping[str, Any], method: str) -> dict[str, Any]:
    """An IAM policy; what goes along with the connection may only be text, numbers and booleans."""
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": method}
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"claims": json.dumps(claims)},
    }
