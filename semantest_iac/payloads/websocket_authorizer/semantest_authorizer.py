"""The authorizer on AWS: API Gateway calls it once for each client that connects."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from semantest_tokens import TokenError, verify_token


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Allow a client with a valid token; any exception refuses it."""
    token = (event.get("queryStringParameters") or {}).get("token") or ""
    audiences = [each.strip() for each in os.environ.get("JWT_AUDIENCE", "").split(",") if each.strip()]
    try:
        issuer, secret = os.environ.get("JWT_ISSUER", ""), os.environ.get("JWT_SECRET", "")
        claims = verify_token(token, secret, time.time(), issuer=issuer, audiences=audiences)
    except TokenError as reason:
        print(json.dumps({"event": "AUTHORIZE", "refused": str(reason)}))
        raise Exception("Unauthorized") from None  # API Gateway answers 401 for exactly this text
    return allow(str(claims.get("sub", "client")), claims, event["methodArn"])


def allow(principal: str, claims: Mapping[str, Any], method: str) -> dict[str, Any]:
    """Build an IAM policy; its context may hold only strings, numbers and booleans."""
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": method}
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"claims": json.dumps(claims)},
    }
