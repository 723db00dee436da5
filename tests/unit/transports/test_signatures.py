"""Signatures of webhooks: what their authors publish is accepted, and nothing else that can be thought of."""

from __future__ import annotations

import base64

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from semantest_iac.domain.environments.event_sections import SignatureScheme
from semantest_iac.infrastructure.transports.http.signatures import (
    TOLERANCE_S,
    Headers,
    SignatureRefusedError,
    SignedDelivery,
    WebhookSecretError,
    open_signature_check,
    parse_webhook_keys,
    sign_github_webhook,
    sign_standard_webhook,
)
from tests.webhooks import NOW, OTHER_SECRET, SECRET, SIGN, Webhook, sign_github, sign_standard

_SCHEMES: list[SignatureScheme] = ["standard-webhooks", "github"]


def _verify(webhook: Webhook, scheme: SignatureScheme, secret: str = SECRET, now: float = NOW) -> SignedDelivery:
    headers: Headers = [(name.lower(), value) for name, value in webhook.headers]
    return open_signature_check(scheme, parse_webhook_keys(secret, scheme)).verify(headers, webhook.body, now)


class TestPublishedExamples:
    def test_of_standard_webhooks_has_its_signature(self) -> None:
        (key,) = parse_webhook_keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "standard-webhooks")

        signature = sign_standard_webhook(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

        assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

    def test_of_github_has_its_signature(self) -> None:
        signature = sign_github_webhook(b"It's a Secret to Everybody", b"Hello, World!")

        assert signature == "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


class TestStandardWebhooks:
    @pytest.mark.parametrize("difference", [0, TOLERANCE_S, -TOLERANCE_S])
    def test_are_accepted_within_five_minutes(self, difference: int) -> None:
        delivery = _verify(sign_standard(at=NOW + difference), "standard-webhooks")

        assert (delivery.id, delivery.keys) == ("msg_1", ("id msg_1",))

    @pytest.mark.parametrize("difference", [TOLERANCE_S + 1, -TOLERANCE_S - 1, 86400, -86400])
    def test_are_refused_outside_of_them(self, difference: int) -> None:
        with pytest.raises(SignatureRefusedError, match="behind this clock"):
            _verify(sign_standard(at=NOW + difference), "standard-webhooks")

    @pytest.mark.parametrize("separator", [" ", ",", "\n", " , "])
    def test_are_accepted_with_either_key_while_it_changes(self, separator: str) -> None:
        secret = f"{OTHER_SECRET}{separator}{SECRET}"

        assert _verify(sign_standard(SECRET), "standard-webhooks", secret).id == "msg_1"
        assert _verify(sign_standard(OTHER_SECRET), "standard-webhooks", secret).id == "msg_1"

    def test_are_accepted_with_one_right_signature_of_several(self) -> None:
        right, other = sign_standard(), sign_standard(OTHER_SECRET).get("webhook-signature")
        both = right.with_header("webhook-signature", f"{other} v1a,c29tZQ== {right.get('webhook-signature')}")

        assert _verify(both, "standard-webhooks").id == "msg_1"

    @pytest.mark.parametrize("id_", ["", "a.b", "a b", "ä", "a\x00", "a" * 257, "a\x7f"])
    def test_have_an_id_without_dots_and_strange_characters(self, id_: str) -> None:
        with pytest.raises(SignatureRefusedError, match="webhook-id"):
            _verify(sign_standard(id_=id_), "standard-webhooks")

    def test_cannot_be_cut_at_another_dot(self) -> None:
        """`a.5.{…}` may have been signed as the id `a`, the time 5 and a body."""
        whole = sign_standard(id_="msg", at=NOW, body=f"{NOW}.{{}}".encode())
        moved = whole.with_header("webhook-id", f"msg.{NOW}").with_body(b"{}")

        with pytest.raises(SignatureRefusedError, match="webhook-id"):
            _verify(moved, "standard-webhooks")


class TestGithub:
    def test_deliveries_are_known_by_their_id_and_by_their_body(self) -> None:
        first, second = _verify(sign_github(), "github"), _verify(sign_github(id_="other"), "github")

        assert first.keys != second.keys
        assert first.keys[1] == second.keys[1]
        assert first.kept_s is None


class TestSecrets:
    @pytest.mark.parametrize("scheme", _SCHEMES)
    @pytest.mark.parametrize("secret", ["", " , ", "short", "x" * 23, f"{SECRET} short"])
    def test_that_are_short_are_refused(self, scheme: SignatureScheme, secret: str) -> None:
        with pytest.raises(WebhookSecretError) as caught:
            parse_webhook_keys(secret, scheme)

        assert not any(word in str(caught.value) for word in secret.split() if len(word) > 1)

    def test_are_base64_after_their_prefix(self) -> None:
        encoded = base64.b64encode(b"k" * 24).decode()

        assert parse_webhook_keys(f"whsec_{encoded}", "standard-webhooks") == (b"k" * 24,)

    @pytest.mark.parametrize("rest", ["a" * 31 + "!", "YWJj", "", base64.urlsafe_b64encode(b"\xff" * 24).decode()])
    def test_that_are_no_base64_are_refused(self, rest: str) -> None:
        with pytest.raises(WebhookSecretError):
            parse_webhook_keys(f"whsec_{rest}", "standard-webhooks")

    def test_of_github_have_no_prefix(self) -> None:
        secret = "whsec_" + base64.b64encode(b"k" * 24).decode()

        assert parse_webhook_keys(secret, "github") == (secret.encode(),)


class TestFuzz:
    @given(st.sampled_from(_SCHEMES), st.binary(max_size=200))
    def test_a_right_signature_is_accepted_for_any_body(self, scheme: SignatureScheme, body: bytes) -> None:
        assert _verify(SIGN[scheme](body=body), scheme).id

    @given(st.sampled_from(_SCHEMES), st.binary(max_size=200), st.binary(max_size=200))
    def test_another_body_is_refused(self, scheme: SignatureScheme, body: bytes, other: bytes) -> None:
        assume(body != other)

        with pytest.raises(SignatureRefusedError):
            _verify(SIGN[scheme](body=body).with_body(other), scheme)

    @given(st.sampled_from(_SCHEMES), st.integers(0, 3), st.text(max_size=120))
    def test_another_header_is_refused(self, scheme: SignatureScheme, index: int, value: str) -> None:
        webhook = SIGN[scheme]()
        signed = [name for name, _ in webhook.headers if name not in ("content-type", "X-GitHub-Event")]
        name = signed[index % len(signed)]
        assume(value != webhook.get(name) and name != "X-GitHub-Delivery")

        with pytest.raises(SignatureRefusedError):
            _verify(webhook.with_header(name, value), scheme)

    @given(
        st.sampled_from(_SCHEMES),
        st.lists(
            st.tuples(
                st.sampled_from(
                    [
                        "webhook-id",
                        "webhook-timestamp",
                        "webhook-signature",
                        "x-hub-signature-256",
                        "x-github-delivery",
                    ]
                ),
                st.text(alphabet=st.characters(codec="utf-8"), max_size=80) | st.just("v1,=") | st.just("sha256="),
            ),
            max_size=8,
        ),
        st.binary(max_size=80),
    )
    def test_any_headers_are_refused(self, scheme: SignatureScheme, headers: Headers, body: bytes) -> None:
        check = open_signature_check(scheme, parse_webhook_keys(SECRET, scheme))

        with pytest.raises(SignatureRefusedError):
            check.verify(headers, body, NOW)

    @given(st.sampled_from(_SCHEMES), st.text(min_size=24, max_size=60, alphabet=st.characters(codec="ascii")))
    def test_another_secret_is_refused(self, scheme: SignatureScheme, secret: str) -> None:
        assume(secret != SECRET)

        with pytest.raises(SignatureRefusedError):
            _verify(SIGN[scheme](secret), scheme)

    @given(st.integers(0, 63), st.integers(0, 7))
    def test_a_flipped_bit_of_the_body_is_refused(self, position: int, bit: int) -> None:
        body = bytearray(b"x" * 64)
        body[position] ^= 1 << bit

        with pytest.raises(SignatureRefusedError):
            _verify(sign_standard(body=b"x" * 64).with_body(bytes(body)), "standard-webhooks")
