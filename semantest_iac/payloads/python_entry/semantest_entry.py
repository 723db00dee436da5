"""The entry of a packaged Python function on Lambda: loads secrets into the environment, then the user's handler."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from urllib.parse import urlsplit

from semantest_handler import load_handler

REFERENCES = "SEMANTEST_SECRETS"  # JSON: environment variable -> ARN of the secret
FUNCTION = "SEMANTEST_FUNCTION"  # the function of the package that this one runs, if the package has several
ENDPOINT = "AWS_ENDPOINT_URL_SECRETS_MANAGER"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
TIMEOUT_S = 5


def load_secrets() -> None:
    """Fetch every referenced secret; without references nothing is imported or called."""
    references = json.loads(os.environ.get(REFERENCES) or "{}")
    if not references:
        return
    fetch = _make_fetcher(os.environ.get(ENDPOINT, ""))
    for name, reference in sorted(references.items()):
        try:
            os.environ[name] = fetch(reference)
        except Exception as error:
            raise RuntimeError(f"Cannot load secret {name} ({reference}): {error}") from error


def _make_fetcher(endpoint: str) -> Callable[[str], str]:
    """Use AWS's SDK, or for an endpoint on this machine the same call without a signature."""
    if endpoint and urlsplit(endpoint).hostname in LOOPBACK:
        return lambda reference: _fetch_unsigned(endpoint, reference)
    import boto3  # part of Lambda's Python runtimes

    client = boto3.client("secretsmanager")
    return lambda reference: str(client.get_secret_value(SecretId=reference)["SecretString"])


def _fetch_unsigned(endpoint: str, reference: str) -> str:
    from http.client import HTTPConnection

    url = urlsplit(endpoint)
    headers = {
        "X-Amz-Target": "secretsmanager.GetSecretValue",
        "Content-Type": "application/x-amz-json-1.1",
    }
    connection = HTTPConnection(url.hostname or "", url.port, timeout=TIMEOUT_S)
    try:
        connection.request("POST", url.path or "/", json.dumps({"SecretId": reference}), headers)
        answer = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    if "SecretString" not in answer:
        raise LookupError(answer.get("__type", "no SecretString in the answer"))
    return str(answer["SecretString"])


load_secrets()
handler = load_handler(os.environ.get(FUNCTION, ""))
