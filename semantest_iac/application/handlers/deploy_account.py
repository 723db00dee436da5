"""A request for what an account has once: carry it out."""

from __future__ import annotations

from functools import partial

from semantest_iac.application.handlers.deploy_component import deploy_component

deploy_account = partial(deploy_component, "account")
"""The handler, for the process that does the work."""
