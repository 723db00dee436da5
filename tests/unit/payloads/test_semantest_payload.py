"""How handlers that were written for format 1.0 find headers on Azure, whose host makes their names lower."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from semantest_iac.infrastructure.artifacts.layouts import PAYLOADS
from tests.contract.websocket_service.payload import import_payload

CALL = {"method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "curl"}
PLACE = {"accountId": "1", "apiId": "a", "domainName": "h", "domainPrefix": "h"}
CONTEXT = {**PLACE, "requestId": "r", "routeKey": "$default", "stage": "s"}
EVENT = {
    "routeKey": "$default",
    "rawPath": "/",
    "rawQueryString": "",
    "headers": {"x-github-event": "push"},
    "requestContext": {**CONTEXT, "http": CALL, "timeEpoch": 0},
    "isBase64Encoded": False,
}
NODE_CODE = """
const { buildEventOfFormat1 } = require(process.argv[1])
const { headers, multiValueHeaders } = buildEventOfFormat1(JSON.parse(process.argv[2]), '/')
console.log(JSON.stringify([headers['X-GitHub-Event'], 'X-GitHub-Event' in headers, headers['X-Other'] ?? null,
  multiValueHeaders['X-GitHub-Event'], headers]))
"""


def in_python() -> list[Any]:
    event = import_payload("functions_python", "semantest_payload").build_event_of_format_1(EVENT, "/")
    headers, lists = event["headers"], event["multiValueHeaders"]
    found = [
        headers["X-GitHub-Event"],
        "X-GitHub-Event" in headers,
        headers.get("X-Other"),
        lists.get("X-GitHub-Event"),
    ]
    return list(json.loads(json.dumps([*found, headers])))


def in_node() -> list[Any]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not on the PATH")
    payload = Path(PAYLOADS) / "functions_node" / "semantest_payload.cjs"
    command = [node, "-e", NODE_CODE, str(payload), json.dumps(EVENT)]
    return list(json.loads(subprocess.run(command, capture_output=True, check=True, timeout=30).stdout))


@pytest.mark.parametrize("read", [in_python, in_node])
def test_headers_are_found_in_any_case_and_listed_once(read: Any) -> None:
    assert read() == ["push", True, None, ["push"], {"x-github-event": "push"}]


def test_a_header_that_is_not_there_is_an_error_in_python() -> None:
    event = import_payload("functions_python", "semantest_payload").build_event_of_format_1(EVENT, "/")

    with pytest.raises(KeyError, match="x-other"):
        event["headers"]["X-Other"]
