"""What stands before a Node handler on Azure: the same judgement as before a Python one."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from typing import Any

import pytest

from semantest_iac.infrastructure.artifacts.layouts import PAYLOADS
from tests.contract.websocket_service.payload import shipped
from tests.fakes.entra import CLAIMS, NOW, PRINCIPAL, TENANT, V2_ISSUER, published, text, token

FOLDER = PAYLOADS / "websocket_node"
SECONDS = 30
_CHECK = """
const { identity, keyOf } = require("./semantest_identity.cjs");
const { tenant, principal, now, keys, said } = JSON.parse(require("node:fs").readFileSync(0));
let asked = 0;
const who = identity({ tenant, principal, now: () => now, published: async () => (asked++, keys) });
(async () => {
  const reasons = [];
  for (const each of said) reasons.push(await who.check(each).then(() => null, (error) => error.message));
  console.log(JSON.stringify({ reasons, asked, usable: keys.map((key) => Boolean(keyOf(key))) }));
})();
"""
_TRANSLATE = """
const { translated } = require("./semantest_door.cjs");
const event = JSON.parse(require("node:fs").readFileSync(0));
console.log(JSON.stringify(translated({ ...event, data: Buffer.from(event.data, "base64") })));
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
    "changed": ".".join((token().split(".")[0], text(json.dumps({**CLAIMS, "x": 1}).encode()), token().split(".")[2])),
    "long": "x" * 9000,
    "empty": "",
}


@pytest.fixture(autouse=True)
def needs_node() -> None:
    if shutil.which("node") is None:
        pytest.skip("no Node.js")


def run(script: str, told: Any) -> Any:
    """What a script beside the payload prints."""
    done = subprocess.run(
        ["node", "-e", script], cwd=FOLDER, input=json.dumps(told), capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def in_python(said: str, *keys: dict[str, Any]) -> str | None:
    """Why a header is refused, None where it is not."""
    error = shipped("websocket_authorizer", "semantest_tokens").TokenError
    module = shipped("websocket_azure", "semantest_identity")
    who = module.Identity(TENANT, PRINCIPAL, module.Keys(lambda: keys, lambda: 0.0), lambda: NOW)
    try:
        who.check(said)
    except error as reason:
        return str(reason)
    return None


class TestIdentity:
    def test_is_judged_as_before_a_python_handler(self) -> None:
        keys = published(), published("k2")
        said = ["", "Basic x", *(f"Bearer {each}" for each in _TOKENS.values())]

        told = {"tenant": TENANT, "principal": PRINCIPAL, "now": NOW, "keys": keys, "said": said}
        answer = run(_CHECK, told)
        verdicts = {each: reason is None for each, reason in zip(said, answer["reasons"], strict=True)}
        assert verdicts == {each: in_python(each, *keys) is None for each in said}
        assert (sum(verdicts.values()), answer["asked"]) == (2, 1)

    def test_takes_the_same_keys(self) -> None:
        keys = [
            published(),
            published("weak", 1024),
            published(kty="EC"),
            published(use="enc"),
            published(n="AQAB"),
            published(n="!"),
        ]

        told = {"tenant": TENANT, "principal": PRINCIPAL, "now": NOW, "keys": keys, "said": []}
        key_of = shipped("websocket_azure", "semantest_identity").key_of
        assert run(_CHECK, told)["usable"] == [key_of(each) is not None for each in keys]

    def test_is_nobody_where_none_was_told(self) -> None:
        said = [f"Bearer {token({'oid': ''})}"]

        told = {"tenant": TENANT, "principal": "", "now": NOW, "keys": [published()], "said": said}
        assert run(_CHECK, told)["reasons"] == ["no identity is shown"]


_JUDGED = {"since": 1_800_000_000.5, "claims": {"sub": "ann"}, "headers": {"User-Agent": ["x"]}}


class TestTranslated:
    @pytest.mark.parametrize(
        ("kind", "data", "state"),
        [
            ("connect", b'{"query": {"a": ["1", "2"]}, "headers": {"Origin": ["https://a.example"]}}', {}),
            ("connect", b"no json", {}),
            ("connected", b"{}", _JUDGED),
            ("azure.webpubsub.user.message", "héllo".encode(), _JUDGED),
            ("azure.webpubsub.user.message", b"\xff\x00", {}),
            ("disconnected", b'{"reason": "gone"}', _JUDGED),
        ],
        ids=["connect", "no-handshake", "judged", "message", "binary", "disconnect"],
    )
    def test_is_what_a_python_handler_hears(self, kind: str, data: bytes, state: dict[str, Any]) -> None:
        shipped("python_entry", "semantest_handler")
        made = shipped("websocket_azure", "semantest_upstream").Event
        python = shipped("websocket_azure", "semantest_door").event_of(made(kind, "c1", data, state, "", "7", "x"))

        event = {"kind": kind, "id": "c1", "state": state, "user": "", "number": "7", "host": "x"}
        node = run(_TRANSLATE, {**event, "data": base64.b64encode(data).decode()})
        assert _timeless(node) == _timeless(python)


def _timeless(event: dict[str, Any]) -> dict[str, Any]:
    """Without what is of the moment, but for when a connection began that has said so."""
    context = {name: value for name, value in event["requestContext"].items() if not name.startswith("requestTime")}
    if "authorizer" in context:
        context["authorizer"] |= {"claims": json.loads(context["authorizer"]["claims"])}
    since = context["connectedAt"] if context["connectedAt"] == 1_800_000_000_500 else None
    return {**event, "requestContext": {**context, "connectedAt": since}}
