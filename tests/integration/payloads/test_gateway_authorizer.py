"""The authorizer of a gateway on AWS, in Node as Lambda runs it."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from typing import Any

import pytest

from semantest_iac.infrastructure.artifacts.layouts import PAYLOADS

FOLDER = PAYLOADS / "gateway_authorizer"
SECONDS = 60
_ARN = "arn:aws:execute-api:us-east-1:123456789012:abcdefghij/live/GET/orders/7"
_LOGIN = {"path": "/orders", "login": True}
_ISSUER = {"issuer": "https://login.example.org/", "audience": ["prices"]}
_JWT = {"path": "/prices", "login": False, "jwt": _ISSUER}
_NOW = 1_800_000_000

_SCRIPT = """
const { generateKeyPairSync, sign } = require("node:crypto");
const { makeHandler } = require("./index.cjs");
const { apis, calls, passwords, now } = JSON.parse(require("node:fs").readFileSync(0));
const [keys, others] = [2048, 2048].map((modulusLength) => generateKeyPairSync("rsa", { modulusLength }));
const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
function token({ header = {}, claims = {}, forged = false }) {
  const signed = `${encode({ alg: "RS256", kid: "1", ...header })}.${encode(claims)}`;
  const signature = sign("RSA-SHA256", Buffer.from(signed), forged ? others.privateKey : keys.privateKey);
  return `${signed}.${signature.toString("base64url")}`;
}
let read = 0, fetched = [], clock = now;
const environment = { SEMANTEST_GATEWAY_USER: "semantest", SEMANTEST_GATEWAY_PASSWORD: "arn" };
const handler = makeHandler(
  { ...environment, SEMANTEST_GATEWAY_APIS: JSON.stringify(apis) },
  {
    readSecret: async () => passwords[Math.min(read++, passwords.length - 1)],
    fetchJson: async (url) => {
      fetched.push(url);
      return url.endsWith("openid-configuration")
        ? { jwks_uri: "https://login.example.org/keys" }
        : { keys: [{ ...keys.publicKey.export({ format: "jwk" }), kid: "1", use: "sig" }] };
    },
    now: () => clock,
  },
);
console.log = () => {};
(async () => {
  const answers = [];
  for (const call of calls) {
    clock += call.after ?? 0;
    const sent = call.token ? { [call.in ?? "Authorization"]: `Bearer ${token(call.token)}` } : {};
    const headers = { ...call.headers, ...sent };
    try {
      const multiValueHeaders = call.twice && Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, [call.twice, value]]));
      answers.push(await handler({ methodArn: call.arn, resource: call.resource, headers, multiValueHeaders }));
    } catch (error) {
      answers.push(error.message);
    }
  }
  process.stdout.write(JSON.stringify({ answers, read, fetched }));
})();
"""


@pytest.fixture(autouse=True)
def needs_node() -> None:
    if shutil.which("node") is None:
        pytest.skip("no Node.js")


def _call(*calls: dict[str, Any], apis: Any = (_LOGIN, _JWT), passwords: Any = ("pässword",)) -> dict[str, Any]:
    whole = [{"arn": _ARN, "resource": "/orders/{path+}", "headers": {}, **call} for call in calls]
    data = json.dumps({"apis": apis, "calls": whole, "passwords": passwords, "now": _NOW})
    done = subprocess.run(
        ["node", "-e", _SCRIPT], cwd=FOLDER, input=data, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    answered: dict[str, Any] = json.loads(done.stdout)
    return answered


def _login(text: str, scheme: str = "Basic") -> dict[str, str]:
    return {"authorization": f"{scheme} {base64.b64encode(text.encode()).decode()}"}


def _price(**token: Any) -> dict[str, Any]:
    claims = {
        "iss": "https://login.example.org/",
        "aud": "prices",
        "exp": _NOW + 60,
        "sub": "me",
        **token.pop("claims", {}),
    }
    return {"resource": "/prices", "token": {"claims": claims, **token}}


class TestLogin:
    def test_opens_the_whole_api(self) -> None:
        [allowed] = _call({"headers": _login("semantest:pässword")})["answers"]
        [statement] = allowed["policyDocument"]["Statement"]

        stage = _ARN.removesuffix("/GET/orders/7")
        assert statement["Resource"] == [f"{stage}/*/orders", f"{stage}/*/orders/*"]
        assert (statement["Effect"], allowed["principalId"]) == ("Allow", "semantest")

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            _login("semantest:wrong"),
            _login("somebody:pässword"),
            _login("semantest:pässword", "Bearer"),
            {"authorization": "Basic"},
            {"authorization": "Basic !!"},
        ],
    )
    def test_is_refused_with_the_text_that_gives_401(self, headers: dict[str, str]) -> None:
        assert _call({"headers": headers})["answers"] == ["Unauthorized"]

    def test_is_compared_with_the_password_of_now_after_some_minutes(self) -> None:
        old = {"headers": _login("semantest:old")}
        answered = _call(old, old, {**old, "after": 301}, passwords=("old", "new"))

        assert answered["read"] == 2
        assert [it if isinstance(it, str) else "allowed" for it in answered["answers"]] == [
            "allowed",
            "allowed",
            "Unauthorized",
        ]

    def test_is_needed_below_its_own_path_alone(self) -> None:
        elsewhere = {"resource": "/orders-of-others", "headers": _login("semantest:pässword")}

        assert _call(elsewhere)["answers"] == ["Unauthorized"]

    def test_is_that_of_the_longest_path(self) -> None:
        apis = ({"path": "/", "login": True}, _LOGIN)
        [allowed] = _call({"headers": _login("semantest:pässword")}, apis=apis)["answers"]

        assert allowed["policyDocument"]["Statement"][0]["Resource"][0].endswith("/*/orders")


class TestTokens:
    def test_open_the_api(self) -> None:
        answered = _call(_price(), _price())

        assert [it["principalId"] for it in answered["answers"]] == ["me", "me"]
        assert answered["fetched"] == [
            "https://login.example.org/.well-known/openid-configuration",
            "https://login.example.org/keys",
        ]

    @pytest.mark.parametrize(
        "call",
        [
            {"resource": "/prices"},
            _price(forged=True),
            _price(header={"alg": "none"}),
            _price(header={"kid": "2"}),
            _price(header={"crit": ["exp"]}),
            _price(claims={"iss": "https://other.example.org/"}),
            _price(claims={"aud": "orders"}),
            _price(claims={"exp": _NOW - 31}),
            _price(claims={"nbf": _NOW + 31}),
            _price(claims={"exp": None}),
            {"resource": "/prices", "headers": {"authorization": "Bearer a.b.c"}},
        ],
    )
    def test_are_refused_with_the_text_that_gives_401(self, call: dict[str, Any]) -> None:
        assert _call(call)["answers"] == ["Unauthorized"]

    def test_are_refused_beside_another_one_which_the_service_may_look_at(self) -> None:
        login = {"headers": _login("semantest:pässword"), "twice": "Basic YTpi"}

        assert _call({**_price(), "twice": "Bearer forged"}, login)["answers"] == ["Unauthorized", "Unauthorized"]

    def test_may_be_in_another_header_beside_a_login(self) -> None:
        api = {**_JWT, "path": "/prices", "login": True, "jwt": {**_ISSUER, "header": "X-Token"}}
        call = {**_price(), "in": "x-token", "headers": _login("semantest:pässword")}
        answers = _call(call, {**call, "headers": {}}, apis=(api,))["answers"]

        assert [it if isinstance(it, str) else "allowed" for it in answers] == ["allowed", "Unauthorized"]


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (["https://a.example.org/keys"], "fetched"),
        (["http://a.example.org/keys"], "keys are fetched by https alone"),
        (["/1", "/2", "/3", "/4"], "https://login.example.org/3 answered 302"),
    ],
    ids=["https", "http", "for ever"],
)
def test_keys_are_fetched_by_https_also_after_redirects(places: list[str], expected: str) -> None:
    script = """
const places = JSON.parse(process.argv[1]);
globalThis.fetch = async () => places.length
  ? new Response(null, { status: 302, headers: { location: places.shift() } })
  : new Response('"fetched"');
const { fetchDocument } = require("./tokens.cjs");
fetchDocument("https://login.example.org/").then(console.log, ({ message }) => console.log(message));
"""
    done = subprocess.run(
        ["node", "-e", script, json.dumps(places)],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )

    assert done.stdout.strip() == expected
