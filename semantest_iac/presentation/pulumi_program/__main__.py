"""Runs the program of a stack, in the process that Pulumi started for it."""

from __future__ import annotations

import os
from collections.abc import Callable

from semantest_iac.application.intake.deployment_specs import build_spec
from semantest_iac.bootstrap.pulumi_program import PulumiProgram
from semantest_iac.domain.errors import DeploymentError
from semantest_iac.presentation.error_lines import format_error, format_warnings
from semantest_iac.presentation.pulumi_program.program_inputs import CONFIG_NAMESPACE, read_program_inputs


def run_pulumi_program() -> None:
    """Register every resource, or raise with every fault; paths are relative to Pulumi.yaml."""
    program = PulumiProgram(CONFIG_NAMESPACE)
    redact: Callable[[str], str] = str
    os.chdir(program.host.folder)
    try:
        inputs = read_program_inputs(program.host, os.environ, program.find_provider)
        redact = program.redactor(inputs.sources["environ"])
        loaded = program.configuration(**inputs.sources)
        redact = program.redactor(loaded.variables)
        spec = build_spec(inputs.component, loaded, program)
        program.host.log_warning(redact("\n".join(format_warnings(spec.warnings)).removeprefix("Warning: ")))
        program.run(spec, inputs.generation)
    except DeploymentError as error:
        text = "\n".join(format_error(error)).removeprefix("Error: ")  # Pulumi adds "error:"
        raise program.host.run_error(redact(text)) from None


if __name__ == "__main__":
    run_pulumi_program()
