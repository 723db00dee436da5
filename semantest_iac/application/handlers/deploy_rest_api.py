"""A request for the REST API: carry it out."""

from __future__ import annotations

from functools import partial

from semantest_iac.application.handlers.deploying import deploying

deploy_rest_api = partial(deploying, "rest-api")
"""The handler, for the process that does the work."""
