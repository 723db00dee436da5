"""The Node payloads for Web PubSub, compared with the Python ones."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from semantest_iac.infrastructure.artifacts.layouts import find_layout
from tests.contract.websocket_service.payload import import_payload
from tests.fakes.entra import CLAIMS, NOW, PRINCIPAL, TENANT, V2_ISSUER, base64url, published_key, token

SECONDS = 30
_CHECK = """
const { senderIdentity, readKey } = require("./semantest_identity.cjs");
const { tenant, principal, now, keys, headers } = JSON.parse(require("node:fs").readFileSync(0));
let fetches = 0;
const sender = senderIdentity({ tenant, principal, now: () => now, fetchKeys: async () => (fetches++, keys) });
(async () => {
  const reasons = [];
  for (const each of headers) reasons.push(await sender.check(each).then(() => null, (error) => error.message));
  console.log(JSON.stringify({ reasons, fetches, usable: keys.map((key) => Boolean(readKey(key))) }));
})();
"""
_TRANSLATE = """
const { translateEvent } = require("./semantest_gateway_events.cjs");
const event = JSON.parse(require("node:fs").readFileSync(0));
console.log(JSON.stringify(translateEvent({ ...event, data: Buffer.from(event.data, "base64") })));
"""
_TOKENS: dict[str, str] = {
    "good": token(),
    "other-issuer-form": token({"iss": V2_ISSUER}),
    "another-principal": token({"oid": "x"}),
    "another-issuer": token({"iss": "https://sts.windows.net/another/"}),
    "another-audience": token({"aud": "https://management.azure.com"}),
    "no-audience": token({"aud": None}),
    "over": token({"exp": NOW - 31}),
    "early": token({"nbf": NOW + 31}),
    "no-end": token({"exp": "tomorrow"}),
    "another-key": token(by="k2"),
    "unknown-key": token(by="k3", kid="k3"),
    "no-algorithm": token(alg="none"),
    "shared-secret": token(alg="HS256"),
    "longer-hash": token(alg="RS512"),
    "demanding": token(crit=["x"]),
    "two-parts": token().rpartition(".")[0],
    "nonsense": "a.b.c",
    "changed": ".".join(
        (token().split(".")[0], base64url(json.dumps({**CLAIMS, "x": 1}).encode()), token().split(".")[2])
    ),
    "long": "x" * 9000,
    "empty": "",
}


@pytest.fixture(autouse=True)
def needs_node() -> None:
    if shutil.which("node") is None:
        pytest.skip("no Node.js")


def run(script: str, data: Any) -> Any:
    """Run a script beside the files of a package and return what it prints."""
    with TemporaryDirectory() as folder:
        for name, content in find_layout("azure", "nodejs", for_sockets=True).generated_files().items():
            file = Path(folder, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        done = subprocess.run(
            ["node", "-e", script], cwd=folder, input=json.dumps(data), capture_output=True, text=True, timeout=SECONDS
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def python_reason(authorization: str, *keys: dict[str, Any]) -> str | None:
    """Why Python refuses a header; None if it accepts it."""
    error = import_payload("websocket_authorizer", "semantest_tokens").TokenError
    module = import_payload("websocket_azure", "semantest_identity")
    sender = module.SenderIdentity(TENANT, PRINCIPAL, module.PublishedKeys(lambda: keys, lambda: 0.0), lambda: NOW)
    try:
        sender.check(authorization)
    except error as reason:
        return str(reason)
    return None


class TestSenderIdentity:
    def test_accepts_the_same_tokens_as_python(self) -> None:
        keys = published_key(), published_key("k2")
        headers = ["", "Basic x", *(f"Bearer {each}" for each in _TOKENS.values())]

        data = {"tenant": TENANT, "principal": PRINCIPAL, "now": NOW, "keys": keys, "headers": headers}
        answer = run(_CHECK, data)
        verdicts = {each: reason is None for each, reason in zip(headers, answer["reasons"], strict=True)}
        assert verdicts == {each: python_reason(each, *keys) is None for each in headers}
        assert (sum(verdicts.values()), answer["fetches"]) == (2, 1)

    def test_accepts_the_same_keys(self) -> None:
        keys = [
            published_key(),
            published_key("weak", 1024),
            published_key(kty="EC"),
            published_key(use="enc"),
            published_key(n="AQAB"),
            published_key(n="!"),
        ]

        data = {"tenant": TENANT, "principal": PRINCIPAL, "now": NOW, "keys": keys, "headers": []}
        read_key = import_payload("websocket_azure", "semantest_identity").read_key
        assert run(_CHECK, data)["usable"] == [read_key(each) is not None for each in keys]

    def test_accepts_nobody_without_a_principal(self) -> None:
        headers = [f"Bearer {token({'oid': ''})}"]

        data = {"tenant": TENANT, "principal": "", "now": NOW, "keys": [published_key()], "headers": headers}
        assert run(_CHECK, data)["reasons"] == ["there is no token"]


_AUTHORIZED = {"since": 1_800_000_000.5, "claims": {"sub": "ann"}, "headers": {"User-Agent": ["x"]}}


class TestTranslateEvent:
    @pytest.mark.parametrize(
        ("kind", "data", "state"),
        [
            ("connect", b'{"query": {"a": ["1", "2"]}, "headers": {"Origin": ["https://a.example"]}}', {}),
            ("connect", b"no json", {}),
            ("connected", b"{}", _AUTHORIZED),
            ("azure.webpubsub.user.message", "héllo".encode(), _AUTHORIZED),
            ("azure.webpubsub.user.message", b"\xff\x00", {}),
            ("disconnected", b'{"reason": "gone"}', _AUTHORIZED),
        ],
        ids=["connect", "no-handshake", "authorized", "message", "binary", "disconnect"],
    )
    def test_translates_as_python_does(self, kind: str, data: bytes, state: dict[str, Any]) -> None:
        import_payload("python_entry", "semantest_handler")
        event_type = import_payload("websocket_azure", "semantest_cloudevents").Event
        python = import_payload("websocket_azure", "semantest_gateway_events").translate_event(
            event_type(kind, "c1", data, state, "", "7", "x")
        )

        event = {"kind": kind, "id": "c1", "state": state, "user": "", "number": "7", "host": "x"}
        node = run(_TRANSLATE, {**event, "data": base64.b64encode(data).decode()})
        assert _without_times(node) == _without_times(python)


def _without_times(event: dict[str, Any]) -> dict[str, Any]:
    """Remove what depends on the time, except a connection time that the state holds."""
    context = {name: value for name, value in event["requestContext"].items() if not name.startswith("requestTime")}
    if "authorizer" in context:
        context["authorizer"] |= {"claims": json.loads(context["authorizer"]["claims"])}
    since = context["connectedAt"] if context["connectedAt"] == 1_800_000_000_500 else None
    return {**event, "requestContext": {**context, "connectedAt": since}}
