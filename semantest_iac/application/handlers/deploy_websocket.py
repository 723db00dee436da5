"""A request for the WebSocket API: carry it out."""

from __future__ import annotations

from functools import partial

from semantest_iac.application.handlers.deploying import deploying

deploy_websocket = partial(deploying, "websocket")
"""The handler, for the process that does the work."""
