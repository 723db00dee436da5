"""Starts the program of a stack, inside the process that Pulumi has started for it."""

from __future__ import annotations

import os
from collections.abc import Callable

from semantest_iac.application.intake.orders import order
from semantest_iac.bootstrap.pulumi_program import PulumiProgram
from semantest_iac.domain.errors import DeploymentError
from semantest_iac.presentation.error_lines import as_lines, warning_lines
from semantest_iac.presentation.pulumi_program.wish import NAMESPACE, wish


def main() -> None:
    """Register everything, or end with every fault at once; paths are relative to Pulumi.yaml."""
    program = PulumiProgram(NAMESPACE)
    redact: Callable[[str], str] = str
    os.chdir(program.host.folder)
    try:
        wanted = wish(program.host, os.environ)
        redact = program.redactor(wanted.sources["environ"])
        written = program.configuration(**wanted.sources)
        redact = program.redactor(written.variables)
        accepted = order(wanted.component, written, program)
        program.host.warn(redact("\n".join(warning_lines(accepted.warnings)).removeprefix("Warning: ")))
        program.run(accepted, wanted.generation)
    except DeploymentError as error:
        text = "\n".join(as_lines(error)).removeprefix("Error: ")  # Pulumi says itself that it is one
        raise program.host.refusal(redact(text)) from None


if __name__ == "__main__":
    main()
