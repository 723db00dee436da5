"""Joins what makes a first configuration, of code or of files of other tools, to the variables of this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from semantest_iac.infrastructure.configuration.text_files import read_dotenv_variables

if TYPE_CHECKING:
    from semantest_iac.domain.ports.service_finder import ConvertedConfiguration, FoundService


@dataclass(frozen=True, slots=True)
class FirstConfigurations:
    """Makes configurations as of a day: runtimes that are deprecated then are replaced."""

    today: date

    def convert_serverless(self, file: Path, options: Mapping[str, str]) -> ConvertedConfiguration:
        """Return what a Serverless Framework service becomes; raises ConfigurationError where it cannot be read."""
        from semantest_iac.infrastructure.clouds.aws_rules import AWS_LIMITS
        from semantest_iac.infrastructure.configuration.conversion.serverless.service import convert_serverless_service

        variables = {**read_dotenv_variables(Path()), **os.environ}
        return convert_serverless_service(file, options, variables, AWS_LIMITS.runtimes, self.today)

    def convert_pulumi_stack(self, file: Path) -> ConvertedConfiguration:
        """Return what the state of a Pulumi stack becomes; raises ConfigurationError where it cannot be read."""
        from semantest_iac.infrastructure.clouds.aws_rules import AWS_LIMITS
        from semantest_iac.infrastructure.configuration.conversion.pulumi.stack import convert_pulumi_stack

        return convert_pulumi_stack(file, AWS_LIMITS.runtimes, self.today)

    def find_services(self, folder: Path) -> tuple[FoundService, ...]:
        """Return the services in a folder of code, found by reading its files."""
        from semantest_iac.infrastructure.artifacts.detection.services import find_services

        return find_services(folder)

    def render_starter(
        self, project: str, provider: str, components: Mapping[str, FoundService | None], folder: Path
    ) -> str:
        """Return the text of a first configuration file for that folder."""
        from semantest_iac.infrastructure.configuration.starter_files import render_starter_file

        return render_starter_file(project, provider, components, folder)

    def render_converted(self, converted: ConvertedConfiguration, source: str) -> str:
        """Return the text of a configuration that was made of another tool's file."""
        from semantest_iac.infrastructure.configuration.conversion.written_file import render_converted_file

        return render_converted_file(converted, source)
