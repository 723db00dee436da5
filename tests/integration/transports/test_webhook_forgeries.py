"""Webhooks that nobody with the secret has sent, or that came before: all are refused, and none is taken."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator

import pytest

from semantest_iac.domain.environments.event_sections import SignatureScheme
from tests.webhooks import (
    BODY,
    NOW,
    OTHER_SECRET,
    SECRET,
    SIGN,
    Receiver,
    Webhook,
    listening,
    make_webhook_source,
    send,
    sign_github,
    sign_standard,
)

_Forgery = tuple[str, Webhook]
_SIGNATURE = {"standard-webhooks": "webhook-signature", "github": "X-Hub-Signature-256"}
_ID = {"standard-webhooks": "webhook-id", "github": "X-GitHub-Delivery"}
_REFUSAL = {"error": {"code": "SIGNATURE_REFUSED", "message": "The signature is missing, wrong or too old."}}


def _signed_with_url_safe_digits() -> Webhook:
    """A signature that is spelled otherwise in the URL-safe alphabet."""
    found = (sign_standard(id_=f"msg_{number}") for number in range(1000))
    return next(it for it in found if set("+/") & set(it.get("webhook-signature").partition(",")[2]))


def _digest(algorithm: str, content: bytes = BODY) -> bytes:
    return hmac.new(SECRET.encode(), content, algorithm).digest()


_BODIES: dict[str, bytes] = {
    "a changed byte": BODY.replace(b"rest-api", b"rest-apj"),
    "a newline more": BODY + b"\n",
    "a space before": b" " + BODY,
    "the same JSON written anew": json.dumps(json.loads(BODY), separators=(",", ":")).encode(),
    "an empty body": b"",
    "a byte order mark": b"\xef\xbb\xbf" + BODY,
    "the end cut off": BODY[:-1],
}


def _both(scheme: SignatureScheme) -> Iterator[_Forgery]:
    sign, header, id_ = SIGN[scheme], _SIGNATURE[scheme], _ID[scheme]
    yield "no signature", sign().without(header)
    yield "an empty signature", sign().with_header(header, "")
    yield "no header of any scheme", Webhook((("content-type", "application/json"),))
    yield "no id", sign().without(id_)
    yield "an empty id", sign().with_header(id_, "")
    yield "two ids", sign().adding(id_, "other")
    yield "the secret of another source", sign(OTHER_SECRET)
    yield "the secret in other letters", sign(SECRET.upper())
    yield "two signatures, the right one first", sign().adding(header, "v1,AAAA")
    yield "two signatures, the right one last", _doubled(sign(), header)
    yield "the right signature twice", sign().adding(header, sign().get(header))
    yield "the secret as signature", sign().with_header(header, SECRET)
    yield "a signature of nothing", sign(body=b"").with_body(BODY)
    for what, body in _BODIES.items():
        yield what, sign().with_body(body)


def _doubled(webhook: Webhook, header: str) -> Webhook:
    right = webhook.get(header)
    return webhook.with_header(header, "v1,AAAA").adding(header, right)


def _standard() -> Iterator[_Forgery]:
    right = sign_standard()
    yield "stale", sign_standard(at=NOW - 301)
    yield "a day old", sign_standard(at=NOW - 86_400)
    yield "from the future", sign_standard(at=NOW + 301)
    yield "a changed id", right.with_header("webhook-id", "msg_2")
    yield "an id in other letters", right.with_header("webhook-id", "MSG_1")
    yield "an id with what is before the body", right.with_header("webhook-id", f"msg_1.{NOW}")
    yield "a later time", right.with_header("webhook-timestamp", str(NOW + 1))
    yield "no time", right.without("webhook-timestamp")
    yield "two times", right.adding("webhook-timestamp", str(NOW))
    for text in (f"+{NOW}", f"0{NOW}", f"{NOW}.0", hex(NOW), f"{NOW}_0", "-1", "nan", "1e9", "", "٣" * 10):
        yield f"the time '{text}'", right.with_header("webhook-timestamp", text)
    yield "signed as GitHub does", sign_github()
    url_safe = _signed_with_url_safe_digits()
    translated = url_safe.get("webhook-signature").translate(str.maketrans("+/", "-_"))
    yield "URL-safe base64", url_safe.with_header("webhook-signature", translated)
    for what, signature in _standard_signatures(right.get("webhook-signature").removeprefix("v1,")):
        yield what, right.with_header("webhook-signature", signature)


def _standard_signatures(right: str) -> Iterator[tuple[str, str]]:
    """Yield what is no signature, but made of the right one, or as a signature is."""
    content = f"msg_1.{NOW}.".encode() + BODY
    yield "base64 without padding", f"v1,{right.rstrip('=')}"
    yield "base64 with more padding", f"v1,{right}="
    yield "base64 with other unused bits", f"v1,{_change_unused_bits(right)}"
    yield "base64 in two parts", f"v1,{right[:20]} {right[20:]}"
    yield "hexadecimal digits", f"v1,{base64.b64decode(right).hex()}"
    yield "small letters", f"v1,{right.lower()}"
    for prefix in ("v1=", "v2,", "V1,", "v1a,", "v1,v1,", "sha256=", ""):
        yield f"the prefix '{prefix}'", prefix + right
    for algorithm in ("sha1", "sha512", "md5", "sha384"):
        yield algorithm, f"v1,{base64.b64encode(_digest(algorithm, content)).decode()}"
    yield "a digest without a key", f"v1,{base64.b64encode(hashlib.sha256(content).digest()).decode()}"
    yield "only the body signed", f"v1,{base64.b64encode(_digest('sha256')).decode()}"


def _change_unused_bits(signature: str) -> str:
    """Change one of the two bits of the last digit that are no part of 32 bytes."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    changed = f"{signature[:-2]}{digits[digits.index(signature[-2]) ^ 1]}="
    assert base64.b64decode(changed) == base64.b64decode(signature)
    return changed


def _github() -> Iterator[_Forgery]:
    right = sign_github()
    sha1 = f"sha1={_digest('sha1').hex()}"
    yield "the header of SHA-1 alone", right.without("X-Hub-Signature-256").adding("X-Hub-Signature", sha1)
    yield "signed as Standard Webhooks says", sign_standard()
    for what, signature in _github_signatures(right.get("X-Hub-Signature-256").removeprefix("sha256=")):
        yield what, right.with_header("X-Hub-Signature-256", signature)


def _github_signatures(right: str) -> Iterator[tuple[str, str]]:
    yield "capital digits", f"sha256={right.upper()}"
    for prefix in ("SHA256=", "sha1=", "sha512=", "sha256:", "sha-256=", "sha256==", "v1,", ""):
        yield f"the prefix '{prefix}'", prefix + right
    for algorithm in ("sha1", "sha512", "md5"):
        yield algorithm, f"{algorithm}={_digest(algorithm).hex()}"
    yield "base64", f"sha256={base64.b64encode(_digest('sha256')).decode()}"
    yield "a digit less", f"sha256={right[:-1]}"
    yield "a digit more", f"sha256={right}0"
    yield "padding", f"sha256={right}="
    yield "two in one header", f"sha256={right} sha256={right}"
    yield "two in one header, with a comma", f"sha256={right},sha256={right}"
    yield "a digest without a key", f"sha256={hashlib.sha256(BODY).hexdigest()}"


_FORGERIES: list[tuple[SignatureScheme, str, Webhook]] = [
    *(("standard-webhooks", what, forged) for what, forged in [*_both("standard-webhooks"), *_standard()]),
    *(("github", what, forged) for what, forged in [*_both("github"), *_github()]),
]


@pytest.mark.parametrize("scheme", SIGN)
async def test_every_forgery_is_refused_and_the_right_one_is_taken(scheme: SignatureScheme) -> None:
    """One source for all, so that what is refused changes nothing for what is right."""
    receiver = Receiver()
    forgeries = {what: forged for of, what, forged in _FORGERIES if of == scheme}
    async with listening(make_webhook_source(scheme), receiver.take) as url:
        answers = {what: await send(url, forged) for what, forged in forgeries.items()}
        assert receiver.taken == []
        accepted = await send(url, SIGN[scheme]())

    refused = [what for what, answer in answers.items() if (answer.status, answer.content) == (401, _REFUSAL)]
    assert (refused, len(refused)) == (list(forgeries), len(forgeries))
    assert len(forgeries) >= 40
    assert (accepted.status, [message.body for message in receiver.taken]) == (202, [BODY])


@pytest.mark.parametrize("scheme", SIGN)
async def test_a_replay_is_refused_and_starts_nothing(scheme: SignatureScheme) -> None:
    receiver, right = Receiver(), SIGN[scheme]()
    async with listening(make_webhook_source(scheme), receiver.take) as url:
        answers = [await send(url, right) for _ in range(10)]

    assert [answer.status for answer in answers] == [202, *[409] * 9]
    assert {answer.content["error"]["code"] for answer in answers[1:]} == {"REPLAYED"}
    assert len(receiver.taken) == 1


async def test_a_replay_with_another_time_and_the_same_id_is_refused() -> None:
    receiver = Receiver()
    async with listening(make_webhook_source(), receiver.take) as url:
        answers = [await send(url, sign_standard(at=NOW + second)) for second in range(3)]

    assert ([answer.status for answer in answers], len(receiver.taken)) == ([202, 409, 409], 1)


async def test_a_replay_of_github_with_another_id_or_event_is_refused() -> None:
    """Neither is signed: whoever has one delivery could send it as another one."""
    receiver, right = Receiver(), sign_github()
    replays = [
        right.with_header("X-GitHub-Delivery", "another"),
        right.with_header("X-GitHub-Event", "workflow_dispatch"),
        right.with_header("X-GitHub-Delivery", "third").with_header("X-GitHub-Event", "release"),
        sign_github(body=b"{}"),
    ]
    async with listening(make_webhook_source("github"), receiver.take) as url:
        assert (await send(url, right)).status == 202
        answers = [await send(url, replay) for replay in replays]

    assert ([answer.status for answer in answers], len(receiver.taken)) == ([409] * 4, 1)


async def test_a_delivery_to_another_source_with_the_same_id_is_none() -> None:
    first, second = Receiver(), Receiver()
    async with (
        listening(make_webhook_source(), first.take) as url,
        listening(make_webhook_source(secret=OTHER_SECRET), second.take) as other_url,
    ):
        assert (await send(url, sign_standard())).status == 202
        assert (await send(other_url, sign_standard())).status == 401
        assert (await send(other_url, sign_standard(OTHER_SECRET))).status == 202

    assert (len(first.taken), len(second.taken)) == (1, 1)
