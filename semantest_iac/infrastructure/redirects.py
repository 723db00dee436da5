"""Keeps clients of HTTP from following redirects by themselves."""

from __future__ import annotations

import urllib.request
from typing import Any


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Returns redirects as they are: they may lead to other hosts, which must not get what a request authorizes."""

    def redirect_request(self, *_: Any) -> None:
        """Return None, which makes the redirect itself the response."""
