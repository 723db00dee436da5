"""Getting what the engine needs, with stand-ins for the CLI, for Go and for the network."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

import pytest

from semantest_iac.domain.errors import RefusedError, ValidationError
from semantest_iac.infrastructure.pulumi_engine.cli.installation import Prerequisite, list_prerequisites
from semantest_iac.infrastructure.pulumi_engine.cli.location import (
    CLI_PATH_VARIABLE,
    PRIVATE_CLI_VERSION,
    find_pulumi_cli,
    private_cli_folder,
)
from semantest_iac.infrastructure.pulumi_engine.cli.requirements import find_missing_prerequisites, plugin_for_provider
from tests.integration.pulumi_engine.downloads import INSTALL_SCRIPT, offered

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


def _unheard(line: str) -> None:
    """For ways whose steps do not matter."""


def _put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """Those of a person whose machine has the system's programs and no network."""
    system = tmp_path / "system"
    for name in ("bash", "sh", "mkdir", "chmod", "dirname", "mktemp", "mv", "rm", "timeout", "env", "setpriv"):
        place = next((Path(folder, name) for folder in os.defpath.split(":") if Path(folder, name).exists()), None)
        if place:
            system.mkdir(exist_ok=True)
            (system / name).symlink_to(place)
    return {"HOME": str(tmp_path), "PATH": str(system), "HTTPS_PROXY": _NOWHERE}


@pytest.fixture
def with_cli(tmp_path: Path, variables: dict[str, str]) -> dict[str, str]:
    """The same, with a CLI."""
    return variables | {CLI_PATH_VARIABLE: str(_put(tmp_path / "bin" / "pulumi", _CLI))}


def _cli(variables: dict[str, str]) -> Prerequisite:
    return list_prerequisites(["aws"], variables)[0]


class TestNeeds:
    def test_are_the_cli_and_the_plugin_of_every_installed_sdk(self, variables: dict[str, str]) -> None:
        names = [need.name for need in list_prerequisites([], variables)]

        assert names == [
            "the Pulumi CLI",
            f"plugin aws {version('pulumi-aws')}",
            f"plugin azure-native {version('pulumi-azure-native')}",
        ]

    def test_are_refused_for_unknown_providers(self, variables: dict[str, str]) -> None:
        with pytest.raises(ValidationError) as caught:
            list_prerequisites(["asw", "gcp"], variables)

        assert [fault.message for fault in caught.value.faults] == ["unknown provider 'asw'", "unknown provider 'gcp'"]


class TestCli:
    def test_that_fits_is_found(self, with_cli: dict[str, str]) -> None:
        assert _cli(with_cli).found() == with_cli[CLI_PATH_VARIABLE]

    def test_comes_from_the_installer(self, tmp_path: Path, variables: dict[str, str]) -> None:
        with offered(INSTALL_SCRIPT, tmp_path) as network:
            place = _cli(variables | network).meet(_unheard)

        assert place == str(private_cli_folder(variables) / "bin" / "pulumi")
        assert find_pulumi_cli(variables).version == PRIVATE_CLI_VERSION

    def test_takes_the_place_of_one_that_does_not_work(self, tmp_path: Path, variables: dict[str, str]) -> None:
        broken = _put(private_cli_folder(variables) / "bin" / "pulumi", "#!/bin/sh\nexit 1\n")

        with offered(INSTALL_SCRIPT, tmp_path) as network:
            assert _cli(variables | network).meet(_unheard) == str(broken)

    def test_is_built_where_there_is_no_network(self, tmp_path: Path, variables: dict[str, str]) -> None:
        _put(tmp_path / "go" / "go", _GO)
        told: list[str] = []

        place = _cli(variables | {"PATH": f"{variables['PATH']}:{tmp_path / 'go'}"}).meet(told.append)

        assert place == str(private_cli_folder(variables) / "pulumi")
        assert [line for line in told if "refused" in line] == told[1:2]

    def test_that_cannot_be_had_is_told_with_every_way(self, variables: dict[str, str]) -> None:
        with pytest.raises(RefusedError) as caught:
            _cli(variables).meet(_unheard)

        download, build = caught.value.faults
        assert ("refused" in download.message, build.message) == (True, "there is no Go here")
        assert f"--version {PRIVATE_CLI_VERSION}" in caught.value.hint

    def test_whose_installer_fails_is_told_with_its_last_words(self, tmp_path: Path, variables: dict[str, str]) -> None:
        script = b"#!/bin/sh\nmkdir -p $3/bin\necho some noise\necho no room >&2\nexit 1\n"
        with offered(script, tmp_path) as network, pytest.raises(RefusedError) as caught:
            _cli(variables | network).meet(_unheard)

        assert caught.value.faults[0].message == "no room"
        assert list(private_cli_folder(variables).parent.iterdir()) == []

    def test_that_was_named_is_not_replaced(self, variables: dict[str, str]) -> None:
        with pytest.raises(RefusedError) as caught:
            _cli(variables | {CLI_PATH_VARIABLE: "gone"}).meet(_unheard)

        assert caught.value.hint.startswith(f"Set {CLI_PATH_VARIABLE}")


class TestPlugin:
    def test_that_was_missing_is_installed(self, with_cli: dict[str, str]) -> None:
        plugin = list_prerequisites(["aws"], with_cli)[1]

        assert plugin.found() is None
        assert plugin.meet(_unheard) == plugin.found()
        assert [fault.path for fault in find_missing_prerequisites("aws", real_cloud=True, variables=with_cli)] == [
            "aws credentials"
        ]

    def test_is_installed_without_knowing_secrets(self, with_cli: dict[str, str]) -> None:
        secrets = {
            "SEMANTEST_SECRET_TOKEN": "canary",
            "AWS_SECRET_ACCESS_KEY": "canary",
            "GOOGLE_CREDENTIALS": "canary",
        }

        place = list_prerequisites(["aws"], with_cli | secrets)[1].meet(_unheard)

        assert "canary" not in Path(place, "env").read_text()

    def test_that_the_cli_has_not_finished_is_not_there(self, with_cli: dict[str, str]) -> None:
        folder = plugin_for_provider("aws").folder(with_cli)
        folder.mkdir(parents=True)
        folder.with_name(f"{folder.name}.partial").touch()
        plugin = list_prerequisites(["aws"], with_cli)[1]

        assert (plugin.found(), plugin.meet(_unheard), plugin.found()) == (None, str(folder), str(folder))

    def test_that_cannot_be_had_leaves_nothing(self, tmp_path: Path, variables: dict[str, str]) -> None:
        cli = _put(tmp_path / "bin" / "pulumi", _CLI_WITHOUT_NETWORK)
        plugin = list_prerequisites(["aws"], variables | {CLI_PATH_VARIABLE: str(cli)})[1]

        with pytest.raises(RefusedError) as caught:
            plugin.meet(_unheard)

        assert caught.value.faults[0].message == "warning: no such host error: failed all attempts"
        assert list((tmp_path / ".pulumi").iterdir()) == []

    def test_needs_the_cli(self, variables: dict[str, str]) -> None:
        with pytest.raises(RefusedError) as caught:
            list_prerequisites(["azure"], variables)[1].meet(_unheard)

        assert "Cannot find the Pulumi CLI" in caught.value.faults[0].message

    def test_is_named_on_the_requirements_page_with_what_mends_it(self, with_cli: dict[str, str]) -> None:
        faults = list(find_missing_prerequisites("azure", real_cloud=True, variables=with_cli))

        assert faults[0].hint == "Run python -m semantest_iac setup --provider azure."
