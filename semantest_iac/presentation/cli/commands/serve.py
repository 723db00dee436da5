"""`serve`: every simulated stack answers on this machine."""

from __future__ import annotations

import click

from semantest_iac.presentation.cli.formatting import DEFAULT_HOST
from semantest_iac.presentation.cli.options import configuration_options, session_options
from semantest_iac.presentation.cli.serving import port_option, serve
from semantest_iac.presentation.cli.session import ConfigurationOptions, Session, StackSelector

HELP = """Answer for every stack in a simulated cloud, each below its own name, until Ctrl-C.

\b
  semantest-iac serve
  curl http://127.0.0.1:4180/rest-api.aws.development.us-east-1/health

Requests run the deployed packages, within the limits of their cloud. What is deployed meanwhile is answered at once.
"""


@click.command("serve", help=HELP)
@port_option
@click.option(
    "--host", default=DEFAULT_HOST, show_default=True, metavar="ADDRESS", help="An address of this machine alone."
)
@configuration_options
@session_options
def command(session: Session, written: ConfigurationOptions, host: str, port: int) -> int:
    """The configuration is read for its secrets alone."""
    return serve(session, session.read(StackSelector(), written).variables, host, port)
