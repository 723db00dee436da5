"""A request for the WebSocket API: carry it out."""

from __future__ import annotations

from functools import partial

from semantest_iac.application.handlers.deploy_component import deploy_component

deploy_websocket = partial(deploy_component, "websocket")
"""The handler, for the process that does the work."""
