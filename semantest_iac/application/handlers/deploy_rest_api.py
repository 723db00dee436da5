"""A request for the REST API: carry it out."""

from __future__ import annotations

from functools import partial

from semantest_iac.application.handlers.deploy_component import deploy_component

deploy_rest_api = partial(deploy_component, "rest-api")
"""The handler, for the process that does the work."""
