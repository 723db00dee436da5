"""`build` is split into words without a shell; what only a shell could do is refused."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.validation import SecretAvailability, ValidationService
from semantest_iac.domain.environments.configuration import DeploymentConfiguration
from semantest_iac.domain.environments.rules.build_commands import split_build_commands
from semantest_iac.infrastructure.clouds.built_in import CLOUD_ENTRIES

STACK = Stack("rest-api", "aws", "development", "us-east-1")


def find_faults(build: Any, **section: Any) -> list[tuple[str, str]]:
    values = {"components": {"rest-api": {"source": "src", "entry": "dist/main.js", "build": build, **section}}}
    configuration = DeploymentConfiguration.model_validate(values)
    service = ValidationService(date(2026, 1, 1), CLOUD_ENTRIES)
    report = service.validate(STACK, configuration, SecretAvailability())
    return [(fault.path.removeprefix("components.rest-api."), fault.message) for fault in report.faults]


class TestSplitBuildCommands:
    @pytest.mark.parametrize(
        ("text", "commands"),
        [
            ("npm run build", (("npm", "run", "build"),)),
            ("npm ci && npm run build", (("npm", "ci"), ("npm", "run", "build"))),
            ("node build.js 'a b' \"c;d\"", (("node", "build.js", "a b", "c;d"),)),
            ("sh -c 'node $FILE && ls'", (("sh", "-c", "node $FILE && ls"),)),
            ("tsc --outDir dist\n", (("tsc", "--outDir", "dist"),)),
            ("npx prettier src/**/*.ts #1", (("npx", "prettier", "src/**/*.ts", "#1"),)),
        ],
    )
    def test_gives_words_as_a_shell_quotes_them(self, text: str, commands: tuple[tuple[str, ...], ...]) -> None:
        assert split_build_commands(text).commands == commands

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "is empty"),
            ("a\nb", "is no single line of printable text"),
            ("a\x00b", "is no single line of printable text"),
            ('npm run "build', "has a quotation mark without its partner"),
            ("tsc | tee log", "no shell runs it, so '|' has no meaning"),
            ("tsc; ls", "no shell runs it, so ';' has no meaning"),
            ("tsc > log", "no shell runs it, so '>' has no meaning"),
            ("tsc &", "no shell runs it, so '&' has no meaning"),
            ("tsc || true", "no shell runs it, so '||' has no meaning"),
            ("tsc &&", "has no command on one side of &&"),
            ("NODE_ENV=test tsc", "no shell runs it, so no variable can be set before the command"),
            ("cd web && npm run build", "no shell runs it, and 'cd' is no program"),
            ("echo $HOME", "no shell runs it, so nothing replaces '$' or '`'"),
            ("echo `id`", "no shell runs it, so nothing replaces '$' or '`'"),
            ("echo $(id)", "no shell runs it, so '(' has no meaning"),
            ("node b.js --key=sk_live_abcdefghijklmnopqrstuvwx", "holds a word that looks like a secret"),
        ],
    )
    def test_refuses_what_a_shell_would_do(self, text: str, reason: str) -> None:
        assert split_build_commands(text).problem == reason


class TestCheckBuild:
    def test_accepts_a_command_and_a_list(self) -> None:
        assert find_faults("npm run build") == []
        assert find_faults(["npx prisma generate", "npm run build"]) == []

    def test_names_each_command_that_needs_a_shell(self) -> None:
        assert [path for path, _ in find_faults(["npm ci", "a | b", "c > d"])] == ["build[1]", "build[2]"]

    @pytest.mark.parametrize("source", [None, "app.zip"])
    def test_refuses_a_build_without_a_folder(self, source: str | None) -> None:
        [(path, message)] = find_faults("make", source=source)

        assert (path, message.startswith("has no effect")) == ("build", True)
