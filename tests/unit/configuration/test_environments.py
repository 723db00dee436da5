"""Environments of the file's own, what they extend, and what is written for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from semantest_iac.domain.environments.configuration import resolve_component
from semantest_iac.domain.environments.settings import ComponentSettings
from semantest_iac.infrastructure.configuration.loading import ParsedConfiguration

WriteFile = Callable[..., Path]
ReadConfiguration = Callable[..., ParsedConfiguration]

OWN = """\
components: {rest-api: {memory: 512, timeout: 10}}
environments:
  load-test:
    extends: stage
    components: {rest-api: {memory: 1024, environment: {CODE: 007}}}
  night:
    extends: load-test
    monitoring: {log_retention_days: 3}
  pr-12:
"""


def settings(loaded: ParsedConfiguration) -> ComponentSettings:
    assert loaded.faults == ()
    return resolve_component(loaded.configuration, "rest-api", loaded.configuration.environment or "")


def faults(loaded: ParsedConfiguration) -> list[str]:
    return [f"{fault.file}:{fault.line} {fault.path}: {fault.message}. {fault.hint}" for fault in loaded.faults]


class TestEnvironments:
    @pytest.mark.parametrize(
        ("name", "base", "memory", "retention"),
        [
            ("pr-12", "development", 512, 7),
            ("load-test", "staging", 1024, 30),
            ("Night", "staging", 1024, 3),
            ("prod", "production", 512, 90),
        ],
    )
    def test_have_the_settings_of_what_they_extend(
        self, write_file: WriteFile, read: ReadConfiguration, name: str, base: str, memory: int, retention: int
    ) -> None:
        write_file(OWN)

        found = settings(read(options={"environment": name}))

        assert (found.base_environment, found.memory, found.timeout) == (base, memory, 10)
        assert found.monitoring.log_retention_days == retention

    def test_read_the_files_of_what_they_extend_before_their_own(
        self, write_file: WriteFile, read: ReadConfiguration
    ) -> None:
        write_file(OWN)
        seen = []

        for name in ("staging", "load-test", "night"):
            seen.append(settings(read(options={"environment": "night"})).memory)
            write_file(f"components: {{rest-api: {{memory: {len(name) * 128}}}}}", f"semantest.{name}.yaml")
        seen.append(settings(read(options={"environment": "night"})).memory)

        assert seen == [1024, 1024, 1152, 640]

    def test_may_be_defined_without_a_file(self, read: ReadConfiguration) -> None:
        environ = {
            "SEMANTEST_ENVIRONMENTS__PR_7__EXTENDS": "qa",
            "SEMANTEST_ENVIRONMENTS__PR_7__COMPONENTS__REST_API__ENVIRONMENT__VERSION": "1.10",
        }

        found = settings(read(environ=environ, overrides=["environment=pr-7", "environments.pr-7.tags.Team=1.10"]))

        assert (found.base_environment, found.environment["VERSION"], found.tags) == ("qa", "1.10", {"Team": "1.10"})

    def test_of_built_in_ones_have_what_is_written_for_them(
        self, write_file: WriteFile, read: ReadConfiguration
    ) -> None:
        write_file("environments: {staging: {components: {rest-api: {memory: 256}}}}")

        assert settings(read(options={"environment": "staging"})).memory == 256
        assert settings(read(options={"environment": "qa"})).memory == 512

    def test_that_only_the_ledger_knows_are_used_if_no_source_defines_them(
        self, write_file: WriteFile, read: ReadConfiguration
    ) -> None:
        write_file(OWN)
        recorded = {"gone": "production", "pr-12": "staging"}
        bases = [
            settings(read(options={"environment": name}, find_recorded_environments=lambda: recorded)).base_environment
            for name in ("gone", "pr-12")
        ]

        assert bases == ["production", "development"]

    def test_that_are_not_selected_need_no_variables(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file("environments: {pr-1: {components: {rest-api: {memory: '${env.MEMORY}'}}}}")

        assert read().faults == ()
        assert faults(read(options={"environment": "pr-1"})) == [
            "semantest.yaml:1 components.rest-api.memory: variable 'MEMORY' is not set. Set it, or add it to .env."
        ]

    def test_are_refused_with_every_fault_at_its_place(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file(
            "environments:\n"
            "  a: {extends: b}\n"
            "  b: {extends: a}\n"
            "  c: {extends: stagin}\n"
            "  d: {extends: load-tset}\n"
            "  load-test: {componets: {}, extends: 7}\n"
            "  test: {}\n"
            "  PR: {}\n"
            "  qa: {extends: staging}\n"
            "  e: {components: {rest-api: {memroy: 1}}}\n"
            "  f: {environment: qa}\n"
        )

        found = [fault.partition(" ")[2].split(". ")[0] for fault in faults(read())]
        lines = [fault.partition(" ")[0] for fault in faults(read())]

        assert sorted(found) == [
            "environments.PR: 'PR' is not a name",
            "environments.a.extends: extends itself: a extends b extends a",
            "environments.c.extends: 'stagin' is not an environment",
            "environments.d.extends: 'load-tset' is not an environment",
            "environments.e.components.rest-api.memroy: unknown key",
            "environments.f.environment: unknown key",
            "environments.load-test.componets: unknown key",
            "environments.load-test.extends: must be text, not 7",
            "environments.qa.extends: qa is built in and extends nothing",
            "environments.test: 'test' is another name of qa",
        ]
        assert sorted(lines) == sorted(f"semantest.yaml:{line}" for line in (2, 4, 5, 6, 6, 7, 8, 9, 10, 11))
        [nearest] = [fault for fault in faults(read()) if "load-tset" in fault]
        assert "Did you mean 'load-test'?" in nearest

    def test_cannot_be_defined_in_the_file_of_one(self, write_file: WriteFile, read: ReadConfiguration) -> None:
        write_file("environments: {pr-1: {}}", "semantest.development.yaml")

        assert faults(read()) == [
            "semantest.development.yaml:1 environments: semantest.development.yaml is for development only."
            " Define environments in semantest.yaml."
        ]
