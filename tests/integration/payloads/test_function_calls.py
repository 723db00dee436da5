"""How handlers call other functions, in both languages, against servers that answer as Lambda's Invoke and apps do."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from semantest_iac.domain.networking.http_exchange import HttpResponse
from semantest_iac.infrastructure.artifacts.layouts import CALL_ADDITIONS, find_layout
from tests.integration.payloads.conftest import require_language, run_script, write_package
from tests.webhook_receiver import ReceivedRequest, ThreadedReceiver

_PYTHON = """
import json, sys
from semantest_call import call
given = json.load(sys.stdin)
body = bytes(given["bytes"]) if "bytes" in given else given.get("body")
try:
    answer = call(given["function"], given["method"], given["path"], body=body, headers=given.get("headers"))
    print(json.dumps([answer.status, dict(answer.headers), list(answer.body), list(answer.cookies)]))
except Exception as error:
    print(f"{type(error).__name__}: {error}")
"""
_NODE = """
const { call } = require('semantest-call')
const given = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))
const body = given.bytes ? Buffer.from(given.bytes) : given.body
call(given.function, given.method, given.path, { body, headers: given.headers ?? {} }).then(
  (answer) => console.log(JSON.stringify([answer.status, answer.headers, [...answer.body], answer.cookies])),
  (error) => console.log(`${error.name}: ${error.message}`),
)
"""
_SCRIPTS = {"python": _PYTHON, "nodejs": _NODE}
_ARN = "arn:aws:lambda:us-east-1:123456789012:function:workers-prices:live"

_CREDENTIALS = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}

Call = Callable[..., Any]


class _Functions:
    """Lambda, or an app of Azure with its identity: answers with `result`; the first `busy` requests are not taken."""

    def __init__(self, receiver: ThreadedReceiver) -> None:
        self.url = receiver.url
        self.busy, self.result, self.failed, self.is_missing = 0, "null", False, False
        self.is_app, self.answers_itself, self.tokens = False, False, [*map(str, range(9))]
        self._receiver = receiver
        receiver.answer = self._answer

    @property
    def requests(self) -> list[tuple[str, Mapping[str, Any]]]:
        """The paths and events that arrived."""
        return [(it.path, json.loads(it.body)) for it in self._receiver.received if it.body]

    @property
    def authorizations(self) -> list[str]:
        """What arrived with the events."""
        return [it.headers.get("authorization", "") for it in self._receiver.received if it.body]

    def list_token_queries(self) -> list[Mapping[str, list[str]]]:
        """Return what was asked of the identity."""
        return [parse_qs(urlsplit(it.path).query) for it in self._receiver.received if not it.body]

    def _answer(self, request: ReceivedRequest) -> HttpResponse:
        return self._answer_as_app(request) if self.is_app else self._answer_as_lambda()

    def _answer_as_app(self, request: ReceivedRequest) -> HttpResponse:
        if not request.body:
            is_right = request.headers.get("x-identity-header") == "right"
            token = {"access_token": self.tokens.pop(0), "expires_on": str(int(time.time()) + 3600)}
            return HttpResponse(200, body=json.dumps(token).encode()) if is_right else HttpResponse(401)
        status = 429 if self.busy else 404 if self.is_missing else 500 if self.failed else 200
        self.busy = max(0, self.busy - 1)
        is_function = status == 200 and not self.answers_itself
        return HttpResponse(status, (("x-semantest-call", "answered"),) if is_function else (), self.result.encode())

    def _answer_as_lambda(self) -> HttpResponse:
        missing = "ResourceNotFoundException" if self.is_missing else ""
        refusal = "TooManyRequestsException" if self.busy else missing
        self.busy = max(0, self.busy - 1)
        headers = {"x-amzn-errortype": refusal, "x-amz-function-error": "True" if self.failed else ""}
        text = "{}" if refusal else self.result
        return HttpResponse(429 if refusal else 200, tuple(it for it in headers.items() if it[1]), text.encode())


@pytest.fixture
def server(receiver: ThreadedReceiver) -> _Functions:
    return _Functions(receiver)


@pytest.fixture(params=["aws python", "aws python with the SDK", "aws nodejs", "azure python", "azure nodejs"])
def call(request: pytest.FixtureRequest, tmp_path: Path, server: _Functions) -> Call:
    """Call a function from a folder with the files of a package whose functions call others."""
    target, _, has_sdk = str(request.param).partition(" with ")
    provider, language = target.split()
    require_language(language)
    write_package(find_layout(provider, language).with_payloads(CALL_ADDITIONS[provider, language]), tmp_path)
    server.is_app = provider == "azure"
    if server.is_app:
        environment = {
            "SEMANTEST_CALL_LIST_PRICES": f"{server.url}/app/api/list-prices",
            "IDENTITY_ENDPOINT": f"{server.url}/msi/token",
            "IDENTITY_HEADER": "right",
            "AzureWebJobsStorage__clientId": "client",
        }
    else:
        endpoint = "AWS_ENDPOINT_URL" if has_sdk else "AWS_ENDPOINT_URL_LAMBDA"
        environment = {"SEMANTEST_CALL_LIST_PRICES": _ARN, endpoint: server.url, **(_CREDENTIALS if has_sdk else {})}

    def call_function(path: str = "/prices/7", method: str = "GET", function: str = "list-prices", **given: Any) -> Any:
        left_out, address = given.pop("without", ()), given.pop("given_address", "")
        own = {name: value for name, value in environment.items() if name not in left_out}
        own |= {"SEMANTEST_CALL_LIST_PRICES": address} if address else {}
        written = {"function": function, "method": method, "path": path, **given}
        shown = run_script(language, _SCRIPTS[language], tmp_path, own, written)
        return json.loads(shown) if shown.startswith("[") else shown

    return call_function


class TestRequest:
    def test_is_an_event_of_an_http_api(self, server: _Functions, call: Call) -> None:
        headers = {"Accept": "application/json", "Cookie": "a=1; b=2"}
        call("/prices/a%20b?kind=x&kind=y&empty=", "get", headers=headers)

        ((path, event),) = server.requests
        context = event["requestContext"]
        arn_path = f"/2015-03-31/functions/{quote(_ARN, safe='')}/invocations"
        assert path == ("/app/api/list-prices" if server.is_app else arn_path)
        assert (event["version"], event["rawPath"]) == ("2.0", "/prices/a b")
        assert (event["rawQueryString"], event["cookies"]) == ("kind=x&kind=y&empty=", ["a=1", "b=2"])
        assert event["queryStringParameters"] == {"kind": "x,y", "empty": ""}
        assert event["headers"] == {
            "accept": "application/json",
            "host": "list-prices",
            "user-agent": "semantest-call",
        }
        assert ("body" in event, event["isBase64Encoded"]) == (False, False)
        assert context["http"] == {
            "method": "GET",
            "path": "/prices/a b",
            "protocol": "HTTP/1.1",
            "sourceIp": "0.0.0.0",
            "userAgent": "semantest-call",
        }
        assert (context["accountId"], context["domainName"], context["stage"]) == (
            "azure" if server.is_app else "123456789012",
            "list-prices",
            "$default",
        )
        assert context["time"].endswith(" +0000")

    def test_has_the_whole_path_and_no_fragment(self, server: _Functions, call: Call) -> None:
        call("//prices/7?a=1#part")

        ((_, event),) = server.requests
        assert (event["rawPath"], event["rawQueryString"]) == ("//prices/7", "a=1")

    @pytest.mark.parametrize(
        ("given", "kind", "body", "is_base64"),
        [
            ({"body": {"a": "é"}}, "application/json", {"a": "é"}, False),
            ({"body": "é"}, "text/plain; charset=utf-8", "é", False),
            ({"bytes": [255, 0]}, "application/octet-stream", b"\xff\x00", True),
            ({"body": "a=1", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}, None, b"a=1", True),
        ],
        ids=["json", "text", "bytes", "form"],
    )
    def test_has_a_body(
        self, server: _Functions, call: Call, given: Mapping[str, Any], kind: str | None, body: Any, is_base64: bool
    ) -> None:
        call("/prices", "POST", **given)

        ((_, event),) = server.requests
        content = base64.b64decode(event["body"]) if is_base64 else event["body"].encode()
        expected = body if isinstance(body, dict | bytes) else body.encode()
        assert (json.loads(content) if isinstance(body, dict) else content) == expected
        assert event["isBase64Encoded"] is is_base64
        assert event["headers"]["content-type"] == kind or kind is None
        assert int(event["headers"]["content-length"]) == len(content)


class TestAnswer:
    @pytest.mark.parametrize(
        ("result", "status", "content_type", "body"),
        [
            ({"statusCode": 201, "headers": {"X-A": True}, "body": "é"}, 201, "text/plain;charset=UTF-8", "é".encode()),
            ({"statusCode": 200, "body": "/w==", "isBase64Encoded": True}, 200, "text/plain;charset=UTF-8", b"\xff"),
            ({"statusCode": "404"}, 404, "text/plain;charset=UTF-8", b""),
            ({"price": 7}, 200, "application/json", b'{"price": 7}'),
            ("seven", 200, "application/json", b"seven"),
            (None, 200, "application/json", b"null"),
            ({"statusCode": "x"}, 500, "application/json", b'{"message":"Internal Server Error"}'),
            ({"statusCode": 200, "body": {"a": 1}}, 500, "application/json", b'{"message":"Internal Server Error"}'),
        ],
        ids=["structured", "base64", "empty", "object", "text", "nothing", "no status", "no text"],
    )
    def test_is_read_as_an_http_api_does(
        self, server: _Functions, call: Call, result: Any, status: int, content_type: str, body: bytes
    ) -> None:
        server.result = json.dumps(result)

        found, headers, content, _ = call()

        assert (found, headers["content-type"], bytes(content)) == (status, content_type, body)
        assert "x-a" not in headers or headers["x-a"] == "true"

    def test_has_cookies(self, server: _Functions, call: Call) -> None:
        server.result = json.dumps({"statusCode": 200, "cookies": ["a=1; Secure", "b=2"]})

        assert call()[3] == ["a=1; Secure", "b=2"]

    def test_of_a_function_that_fails_is_500_and_is_not_asked_for_again(self, server: _Functions, call: Call) -> None:
        server.result, server.failed = json.dumps({"errorType": "ValueError", "errorMessage": "hidden"}), True

        status, _, content, _ = call("/prices", "POST", body={"a": 1})

        assert (status, bytes(content)) == (500, b'{"message":"Internal Server Error"}')
        assert len(server.requests) == 1


class TestCall:
    def test_is_repeated_while_the_function_is_busy(self, server: _Functions, call: Call) -> None:
        server.busy = 1

        assert call()[0] == 200
        assert len(server.requests) == 2

    def test_that_is_refused_is_an_error(self, server: _Functions, call: Call) -> None:
        server.is_missing = True

        reason = "404" if server.is_app else "ResourceNotFoundException"
        assert call() == f"CallError: 'list-prices' was not called: {reason}."
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        ("given", "reason"),
        [
            ({"function": "other"}, "This function does not call 'other': name it in calls."),
            ({"path": "prices"}, "'GET prices' is no request: a path begins with a slash."),
            ({"method": "GET /"}, "is no request: a path begins with a slash."),
            ({"body": "x" * (6 * 1024 * 1024)}, "at most 6291456 can be sent."),
        ],
        ids=["unknown", "path", "method", "size"],
    )
    def test_that_is_none_is_refused(self, server: _Functions, call: Call, given: dict[str, Any], reason: str) -> None:
        assert reason in call(**given)
        assert server.requests == []


_APPS = pytest.mark.parametrize("call", ["azure python", "azure nodejs"], indirect=True)


@_APPS
class TestAppOfAzure:
    def test_is_called_as_its_own_identity(self, server: _Functions, call: Call) -> None:
        call()

        assert server.authorizations == ["Bearer 0"]
        assert server.list_token_queries() == [
            {"resource": ["https://management.azure.com"], "api-version": ["2019-08-01"], "client_id": ["client"]}
        ]

    def test_gets_the_headers_of_the_handler_in_the_event_alone(self, server: _Functions, call: Call) -> None:
        call(headers={"Authorization": "Bearer mine"})

        ((_, event),) = server.requests
        assert event["headers"]["authorization"] == "Bearer mine"
        assert server.authorizations == ["Bearer 0"]

    def test_is_not_called_without_a_token(self, server: _Functions, call: Call) -> None:
        shown = call(without=["IDENTITY_HEADER"])

        assert shown.startswith("CallError: The app has no token of its identity: ")

    def test_is_never_told_a_token_without_tls(self, server: _Functions, call: Call) -> None:
        shown = call(given_address="http://example.org/app/api/list-prices")

        assert "The address of a function must begin with https://." in shown
        assert server.list_token_queries() == []

    def test_whose_answer_is_not_that_of_a_function_is_an_error(self, server: _Functions, call: Call) -> None:
        server.answers_itself = True

        assert call() == "CallError: 'list-prices' was not called: 200."
