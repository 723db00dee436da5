"""Installing the CLI and its plugins, with fakes for the CLI, for Go and for the network."""

from __future__ import annotations

import os
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from semantest_iac.domain.errors import RefusedError, ValidationError
from semantest_iac.infrastructure.pulumi_engine.cli.installation import (
    Prerequisite,
    list_prerequisites,
    move_into_place,
    run_installer,
    staging_folder,
)
from semantest_iac.infrastructure.pulumi_engine.cli.location import (
    CLI_PATH_VARIABLE,
    PRIVATE_CLI_VERSION,
    find_pulumi_cli,
    private_cli_folder,
)
from semantest_iac.infrastructure.pulumi_engine.cli.requirements import find_missing_prerequisites, plugin_for_provider
from tests.integration.pulumi_engine.download_server import INSTALL_SCRIPT, serve_download

_CLI = f"""#!/bin/sh
case "$1 $2" in
"version ") echo v{PRIVATE_CLI_VERSION} ;;
"plugin install") mkdir -p "$PULUMI_HOME/plugins/resource-$4-v$5"; env > "$PULUMI_HOME/plugins/resource-$4-v$5/env" ;;
esac
"""
_CLI_WITHOUT_NETWORK = f"""#!/bin/sh
[ "$1" = version ] && echo v{PRIVATE_CLI_VERSION} && exit
mkdir -p "$PULUMI_HOME/plugins/resource-$4-v$5"
echo 'warning: no such host'; echo 'error: failed all attempts'; exit 255
"""
_GO = f"""#!/bin/sh
[ "$1" = version ] && exit
printf '#!/bin/sh\\necho v{PRIVATE_CLI_VERSION}\\n' > "$3"
"""
_NOWHERE = "http://127.0.0.1:9"
_TIMEOUT_S = 60.0


def _ignore(line: str) -> None:
    pass


def _write_program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """The variables of a machine with the system's programs and no network."""
    system = tmp_path / "system"
    for name in ("bash", "sh", "mkdir", "chmod", "dirname", "mktemp", "mv", "rm", "timeout", "env", "setpriv"):
        place = next((Path(folder, name) for folder in os.defpath.split(":") if Path(folder, name).exists()), None)
        if place:
            system.mkdir(exist_ok=True)
            (system / name).symlink_to(place)
    return {"HOME": str(tmp_path), "PATH": str(system), "HTTPS_PROXY": _NOWHERE}


@pytest.fixture
def with_cli(tmp_path: Path, variables: dict[str, str]) -> dict[str, str]:
    """The same with a CLI."""
    return variables | {CLI_PATH_VARIABLE: str(_write_program(tmp_path / "bin" / "pulumi", _CLI))}


def _cli_prerequisite(variables: dict[str, str]) -> Prerequisite:
    return list_prerequisites(["aws"], variables)[0]


class TestListPrerequisites:
    def test_lists_the_cli_and_the_plugin_of_every_installed_sdk(self, variables: dict[str, str]) -> None:
        names = [prerequisite.name for prerequisite in list_prerequisites([], variables)]

        assert names == [
            "the Pulumi CLI",
            f"plugin aws {version('pulumi-aws')}",
            f"plugin azure-native {version('pulumi-azure-native')}",
        ]

    def test_refuses_unknown_providers(self, variables: dict[str, str]) -> None:
        with pytest.raises(ValidationError) as caught:
            list_prerequisites(["asw", "gcp"], variables)

        assert [fault.message for fault in caught.value.faults] == ["unknown provider 'asw'", "unknown provider 'gcp'"]


class TestCli:
    def test_is_found_if_it_is_usable(self, with_cli: dict[str, str]) -> None:
        assert _cli_prerequisite(with_cli).find() == with_cli[CLI_PATH_VARIABLE]

    def test_is_downloaded_by_the_installer(self, tmp_path: Path, variables: dict[str, str]) -> None:
        with serve_download(INSTALL_SCRIPT, tmp_path) as network:
            place = _cli_prerequisite(variables | network).install(_ignore)

        assert place == str(private_cli_folder(variables) / "bin" / "pulumi")
        assert find_pulumi_cli(variables).version == PRIVATE_CLI_VERSION

    def test_replaces_one_that_does_not_work(self, tmp_path: Path, variables: dict[str, str]) -> None:
        broken = _write_program(private_cli_folder(variables) / "bin" / "pulumi", "#!/bin/sh\nexit 1\n")

        with serve_download(INSTALL_SCRIPT, tmp_path) as network:
            assert _cli_prerequisite(variables | network).install(_ignore) == str(broken)

    def test_is_built_without_a_network(self, tmp_path: Path, variables: dict[str, str]) -> None:
        _write_program(tmp_path / "go" / "go", _GO)
        steps: list[str] = []

        place = _cli_prerequisite(variables | {"PATH": f"{variables['PATH']}:{tmp_path / 'go'}"}).install(steps.append)

        assert place == str(private_cli_folder(variables) / "pulumi")
        assert [line for line in steps if "refused" in line] == steps[1:2]

    def test_reports_the_failure_of_every_method(self, variables: dict[str, str]) -> None:
        with pytest.raises(RefusedError) as caught:
            _cli_prerequisite(variables).install(_ignore)

        download, build = caught.value.faults
        assert ("refused" in download.message, build.message) == (True, "Go is not installed")
        assert f"--version {PRIVATE_CLI_VERSION}" in caught.value.hint

    def test_reports_the_last_line_of_a_failing_installer(self, tmp_path: Path, variables: dict[str, str]) -> None:
        script = b"#!/bin/sh\nmkdir -p $3/bin\necho some noise\necho no room >&2\nexit 1\n"
        with serve_download(script, tmp_path) as network, pytest.raises(RefusedError) as caught:
            _cli_prerequisite(variables | network).install(_ignore)

        assert caught.value.faults[0].message == "no room"
        assert list(private_cli_folder(variables).parent.iterdir()) == []

    def test_is_not_replaced_if_a_variable_names_it(self, variables: dict[str, str]) -> None:
        with pytest.raises(RefusedError) as caught:
            _cli_prerequisite(variables | {CLI_PATH_VARIABLE: "gone"}).install(_ignore)

        assert caught.value.hint.startswith(f"Set {CLI_PATH_VARIABLE}")


class TestPlugin:
    def test_is_installed_if_it_is_missing(self, with_cli: dict[str, str]) -> None:
        plugin = list_prerequisites(["aws"], with_cli)[1]

        assert plugin.find() is None
        assert plugin.install(_ignore) == plugin.find()
        assert [fault.path for fault in find_missing_prerequisites("aws", real_cloud=True, variables=with_cli)] == [
            "aws credentials"
        ]

    def test_is_installed_without_access_to_secrets(self, with_cli: dict[str, str]) -> None:
        secrets = {
            "SEMANTEST_SECRET_TOKEN": "canary",
            "AWS_SECRET_ACCESS_KEY": "canary",
            "GOOGLE_CREDENTIALS": "canary",
        }

        place = list_prerequisites(["aws"], with_cli | secrets)[1].install(_ignore)

        assert "canary" not in Path(place, "env").read_text()

    def test_is_missing_if_the_cli_has_not_finished_it(self, with_cli: dict[str, str]) -> None:
        folder = plugin_for_provider("aws").folder(with_cli)
        folder.mkdir(parents=True)
        folder.with_name(f"{folder.name}.partial").touch()
        plugin = list_prerequisites(["aws"], with_cli)[1]

        assert (plugin.find(), plugin.install(_ignore), plugin.find()) == (None, str(folder), str(folder))

    def test_leaves_nothing_if_it_cannot_be_installed(self, tmp_path: Path, variables: dict[str, str]) -> None:
        cli = _write_program(tmp_path / "bin" / "pulumi", _CLI_WITHOUT_NETWORK)
        plugin = list_prerequisites(["aws"], variables | {CLI_PATH_VARIABLE: str(cli)})[1]

        with pytest.raises(RefusedError) as caught:
            plugin.install(_ignore)

        assert caught.value.faults[0].message == "warning: no such host error: failed all attempts"
        assert list((tmp_path / ".pulumi").iterdir()) == []

    def test_needs_the_cli(self, variables: dict[str, str]) -> None:
        with pytest.raises(RefusedError) as caught:
            list_prerequisites(["azure"], variables)[1].install(_ignore)

        assert "Cannot find the Pulumi CLI" in caught.value.faults[0].message

    def test_is_reported_missing_with_the_command_that_installs_it(self, with_cli: dict[str, str]) -> None:
        faults = list(find_missing_prerequisites("azure", real_cloud=True, variables=with_cli))

        assert faults[0].hint == "Run python -m semantest_iac setup --provider azure."


class TestRunInstaller:
    def test_ends_a_program_after_the_timeout(self, tmp_path: Path) -> None:
        waiting = f"trap 'touch {tmp_path}/asked; exit' TERM; sleep 60 & wait"

        with pytest.raises(RefusedError, match="took longer than"):
            run_installer(["/bin/sh", "-c", waiting], {}, 0.5)

        assert (tmp_path / "asked").exists()

    @pytest.mark.parametrize(
        ("script", "cause"),
        [
            ("exit 3", "ended with 3"),
            ("echo noise; echo no room; exit 1", "^no room$"),
            ("echo error: no room; echo bye; exit 1", "^error: no room$"),
            ("printf '\\033[31mred'; exit 1", "u001b"),
        ],
        ids=["silent", "last line", "marked as error", "control characters"],
    )
    def test_reports_the_last_lines_of_a_failing_program(self, script: str, cause: str) -> None:
        with pytest.raises(RefusedError, match=cause):
            run_installer(["/bin/sh", "-c", script], {}, _TIMEOUT_S)

    def test_kills_what_a_program_left_running(self, tmp_path: Path) -> None:
        script = "(sleep 1000; :) >/dev/null 2>&1 & echo $! > $FILE"

        run_installer(["/bin/sh", "-c", script], {"FILE": str(tmp_path / "pid")}, _TIMEOUT_S)

        left = int((tmp_path / "pid").read_text())
        while _is_alive(left):  # a kill takes a moment to arrive
            time.sleep(0.01)


class TestStagingFolder:
    def test_leaves_only_what_was_moved_into_place(self, tmp_path: Path) -> None:
        place = tmp_path / "cache" / "made"
        with staging_folder(place) as folder:
            (folder / "made").mkdir()
            move_into_place(folder / "made", place)

        assert list(place.parent.iterdir()) == [place]

    def test_names_a_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        with pytest.raises(RefusedError, match="cannot write to"), staging_folder(tmp_path / "file" / "made"):
            pass


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
