"""Policy packs of Pulumi judge what its engine would deploy; a pack runs in an environment of its own."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e import policy_pack
from tests.e2e.conftest import Workspace
from tests.pulumi_cli import require_pulumi_cli

_PULUMI = ("--engine", "pulumi", "--cloud", "sandbox", "--provider", "aws")
_SECRET = {"SEMANTEST_SECRET_DATABASE_PASSWORD": "not-for-packs"}

MakePack = Callable[[str], Path]


@pytest.fixture(scope="module", autouse=True)
def needs_the_cli() -> None:
    require_pulumi_cli()


@pytest.fixture
def make_pack(tmp_path: Path) -> MakePack:
    def make(level: str) -> Path:
        folder = tmp_path / "pack"
        folder.mkdir(exist_ok=True)
        (folder / "PulumiPolicy.yaml").write_text("name: test-pack\nruntime: python\n", encoding="utf-8")
        shutil.copyfile(policy_pack.__file__, folder / "__main__.py")
        (folder / "level").write_text(level, encoding="utf-8")
        if not (folder / "venv").exists():
            (folder / "venv").symlink_to(sys.prefix)
        return folder

    return make


def test_a_mandatory_policy_refuses_the_plan_in_its_own_words(workspace: Workspace, make_pack: MakePack) -> None:
    pack = make_pack("mandatory")

    refused = replace(workspace, variables=_SECRET).run(
        "deploy", "rest-api", *_PULUMI, "--policy-pack", str(pack), "--json"
    )

    assert refused.code == 3
    assert "POLICY_VIOLATED" in refused.out
    assert "function-logs: Logs are kept for 7 days" in refused.out
    assert "rejected" in workspace.run("status").out
    seen = set((pack / "environment").read_text(encoding="utf-8").splitlines())
    assert seen <= {"HOME", "LANG", "LC_CTYPE", "PATH", "PULUMI_DRY_RUN", "PULUMI_PROJECT", "PULUMI_STACK"}


def test_an_advisory_policy_is_a_note_of_the_preview(workspace: Workspace, make_pack: MakePack) -> None:
    pack = make_pack("advisory")

    named = replace(workspace, variables={"SEMANTEST_POLICY_PACKS": str(pack)})
    by_variable = named.run("preview", "rest-api", *_PULUMI)
    without = workspace.run("preview", "rest-api", *_PULUMI)

    assert by_variable.code == without.code == 0
    assert "note  test-pack: log-retention: function-logs: Logs are kept for 7 days" in by_variable.out
    assert "test-pack" not in without.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("preview", "rest-api"), "the engine 'sandbox', which runs no policy packs"),
        (("deploy", "rest-api", *_PULUMI, "--detach"), "Cannot use --policy-pack with --detach"),
        (("preview", "rest-api", "--destroy"), "Cannot use --policy-pack with --destroy"),
        (("preview", "rest-api", *_PULUMI), "is no policy pack: it has no PulumiPolicy.yaml"),
    ],
)
def test_a_pack_that_nothing_would_run_is_refused(
    workspace: Workspace, arguments: tuple[str, ...], message: str
) -> None:
    refused = workspace.run(*arguments, "--policy-pack", "missing")

    assert refused.code == 2
    assert message in refused.err
