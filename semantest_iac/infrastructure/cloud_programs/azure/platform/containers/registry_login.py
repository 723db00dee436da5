"""Logs in to a registry of Azure with the token of whoever deploys.

Source: Azure/acr, docs/AAD-OAuth.md ("Calling POST /oauth2/exchange" and "Calling POST /oauth2/token").
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from semantest_iac.infrastructure.container_images.registry_client import (
    RegistryError,
    read_challenge,
    request_json,
)

_FORM = {"content-type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class EntraRegistryLogin:
    """Exchanges a token of Entra for one of the registry, and that for one of the repository in a challenge."""

    entra_token: Callable[[], str] = field(repr=False)

    def authorize(self, challenge: str) -> str:
        """Return the header with a token for what the challenge asks for; raises RegistryError, DeploymentError."""
        asked = read_challenge(challenge)
        realm, service = urlsplit(asked.get("realm", "")), asked.get("service", "")
        if realm.hostname is None or realm.netloc.partition(":")[0] != service.partition(":")[0]:
            raise RegistryError("it asks for a login at another place than itself", 401)
        origin = f"{realm.scheme}://{realm.netloc}"
        token = self.entra_token()
        form = {"grant_type": "access_token", "service": service, **_find_tenant(token), "access_token": token}
        refresh = _post(f"{origin}/oauth2/exchange", form, "refresh_token")
        form = {"grant_type": "refresh_token", "service": service, "scope": asked.get("scope", "")}
        return f"Bearer {_post(f'{origin}/oauth2/token', {**form, 'refresh_token': refresh}, 'access_token')}"


def _find_tenant(token: str) -> dict[str, str]:
    """Return the tenant that a token is of, as its claims say; nothing for a token that cannot be read."""
    claims = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        tenant = json.loads(base64.urlsafe_b64decode(f"{claims}==")).get("tid")
    except (ValueError, AttributeError):
        return {}
    return {"tenant": str(tenant)} if tenant else {}


def _post(url: str, form: dict[str, str], wanted: str) -> str:
    return str(request_json("POST", url, _FORM, urlencode(form).encode()).get(wanted) or "")
