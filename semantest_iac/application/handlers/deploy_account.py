"""A request for what an account has once: carry it out."""

from __future__ import annotations

from functools import partial

from semantest_iac.application.handlers.deploying import deploying

deploy_account = partial(deploying, "account")
"""The handler, for the process that does the work."""
