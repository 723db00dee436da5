"""Puts the function's secrets into its environment at cold start, before any of its own code is loaded."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from urllib.parse import urlsplit

REFERENCES = "SEMANTEST_SECRETS"  # JSON: environment name -> the secret's ARN
ENDPOINT = "AWS_ENDPOINT_URL_SECRETS_MANAGER"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
TIMEOUT_S = 5


def load_secrets() -> None:
    """Fetch every referenced secret; without references nothing is imported or called."""
    references = json.loads(os.environ.get(REFERENCES) or "{}")
    if not references:
        return
    fetch = _fetcher(os.environ.get(ENDPOINT, ""))
    for name, reference in sorted(references.items()):
        try:
            os.environ[name] = fetch(reference)
        except Exception as error:
            raise RuntimeError(f"Cannot load secret {name} ({reference}): {error}") from error


def _fetcher(endpoint: str) -> Callable[[str], str]:
    """AWS's SDK, or for an endpoint on this very machine the same call without signing it."""
    if endpoint and urlsplit(endpoint).hostname in LOOPBACK:
        return lambda reference: _ask(endpoint, reference)
    import boto3  # part of Lambda's Python runtimes

    client = boto3.client("secretsmanager")
    return lambda reference: str(client.get_secret_value(SecretId=reference)["SecretString"])


def _ask(endpoint: str, reference: str) -> str:
    from http.client import HTTPConnection

    place = urlsplit(endpoint)
    headers = {
        "X-Amz-Target": "secretsmanager.GetSecretValue",
        "Content-Type": "application/x-amz-json-1.1",
    }
    connection = HTTPConnection(place.hostname or "", place.port, timeout=TIMEOUT_S)
    try:
        connection.request("POST", place.path or "/", json.dumps({"SecretId": reference}), headers)
        answer = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    if "SecretString" not in answer:
        raise LookupError(answer.get("__type", "no SecretString in the answer"))
    return str(answer["SecretString"])
