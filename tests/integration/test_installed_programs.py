"""tools/install_programs installs what is missing, one by one, starts no service and never fails."""

from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[2] / "tools" / "install_programs"
_APT = """\
#!/bin/sh
echo "$RUNLEVEL $(tail -n 1 "$POLICY_RC_D"): $*" >> "$CALLS"
case "$*" in *{failing}*) exit 100 ;; esac
"""
_GO = """\
#!/bin/sh
echo "go: $*" >> "$CALLS"
case "$*" in *{failing}*) exit 1 ;; esac
mkdir -p "$GOBIN" && echo > "$GOBIN/actionlint" && chmod +x "$GOBIN/actionlint"
"""
_OF_IMAGES = ("busybox", "docker-registry", "skopeo", "umoci")
_PACKAGED = ("chromium", "nats-server", "nix", "rabbitmq-server", "redis-server", *_OF_IMAGES)

Install = Callable[..., tuple[list[str], list[str]]]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Runs the script where only the given programs are there; returns its lines and the calls of apt-get and Go."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not on the PATH")
    programs, policy, calls = tmp_path / "bin", tmp_path / "policy-rc.d", tmp_path / "calls"
    programs.mkdir()
    for name in ("chmod", "mkdir", "rm", "sh", "tail"):
        (programs / name).symlink_to(str(shutil.which(name)))

    def run(*present: str, failing: str = "nothing", user: int = 0) -> tuple[list[str], list[str]]:
        texts = dict.fromkeys(present, "#!/bin/sh\n")
        texts |= {"apt-get": _APT.format(failing=failing), "id": f"#!/bin/sh\necho {user}\n"}
        texts |= {"go": _GO.format(failing=failing)}
        for name, text in texts.items():
            (programs / name).write_text(text, encoding="utf-8")
            (programs / name).chmod(0o755)
        variables = {"PATH": str(programs), "SBIN": str(programs), "HOME": str(tmp_path)}
        variables |= {"POLICY_RC_D": str(policy), "CALLS": str(calls)}
        calls.write_text("", encoding="utf-8")
        ended = subprocess.run([bash, _SCRIPT], env=variables, capture_output=True, text=True, check=True, timeout=60)
        assert not policy.exists()
        return ended.stdout.splitlines(), calls.read_text(encoding="utf-8").splitlines()

    return run


class TestInstallPrograms:
    def test_does_nothing_where_all_are_there(self, install: Install) -> None:
        assert install(*_PACKAGED, "actionlint") == ([], [])

    def test_installs_what_is_missing_and_starts_no_service(self, install: Install) -> None:
        lines, calls = install("chromium", "nats-server", "redis-server", "actionlint", *_OF_IMAGES)

        assert lines == ["installed: nix-bin", "installed: rabbitmq-server"]
        assert [call.startswith("1 exit 101: ") for call in calls] == [True] * 3
        assert [call.split()[-1] for call in calls] == ["update", "nix-bin", "rabbitmq-server"]

    def test_goes_on_after_a_package_that_fails(self, install: Install) -> None:
        lines, _ = install("chromium", "nats-server", "actionlint", *_OF_IMAGES, failing="install*nix-bin")

        assert lines == [
            "not installed: nix-bin (apt-get install failed)",
            "installed: rabbitmq-server",
            "installed: redis-server",
        ]

    @pytest.mark.parametrize(
        ("failing", "user", "reason"),
        [("update", 0, "apt-get update failed"), ("nothing", 1000, "not root")],
        ids=["no network", "no rights"],
    )
    def test_says_why_nothing_was_installed(self, install: Install, failing: str, user: int, reason: str) -> None:
        present = ("chromium", "nix", "redis-server", "actionlint", *_OF_IMAGES)
        lines, _ = install(*present, failing=failing, user=user)

        assert lines == [f"not installed: nats-server rabbitmq-server ({reason})"]

    def test_builds_actionlint_once(self, install: Install) -> None:
        lines, calls = install(*_PACKAGED)

        assert lines == ["installed: actionlint"]
        assert calls == ["go: install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"]
        assert install(*_PACKAGED) == ([], [])

    def test_goes_on_where_go_reaches_no_proxy(self, install: Install) -> None:
        lines, _ = install(*_PACKAGED, failing="actionlint")

        assert lines == ["not installed: actionlint (go install failed)"]

    def test_is_executable_and_the_first_step_of_the_build(self) -> None:
        build = (_SCRIPT.parents[1] / ".ci" / "run").read_text(encoding="utf-8")

        assert _SCRIPT.stat().st_mode & stat.S_IXUSR
        assert build.index("\ntools/install_programs\n") < build.index("make ")
