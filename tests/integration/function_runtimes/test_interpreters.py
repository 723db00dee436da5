from __future__ import annotations

import sys
from pathlib import Path

import pytest

from semantest_iac.domain.errors import RuntimeFailedError
from semantest_iac.infrastructure.function_runtimes.function_process import FunctionProcess
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec
from semantest_iac.infrastructure.function_runtimes.interpreters import (
    find_compiled_module_fault,
    find_node,
    find_python,
    is_cloud_platform,
)

OWN = "{}.{}".format(*sys.version_info[:2])
MODULE = "core/_core.cpython-399-x86_64-linux-gnu.so"
on_cloud_platform = pytest.mark.skipif(not is_cloud_platform(), reason="not Linux on x86_64")


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the interpreters of this machine."""
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for variable in NODE_MANAGERS:
        monkeypatch.setenv(variable, str(tmp_path / variable))


NODE_MANAGERS = {
    "NVM_DIR": "versions/node/v{}",
    "FNM_DIR": "node-versions/v{}/installation",
    "VOLTA_HOME": "tools/image/node/{}",
    "ASDF_DATA_DIR": "installs/nodejs/{}",
    "MISE_DATA_DIR": "installs/node/{}",
}
"""Where version managers keep Node, by the variable that moves their folder, as their documentation says."""


def install(folder: Path, version: str, name: str = "python{}") -> Path:
    program = folder / "bin" / name.format(version)
    program.parent.mkdir(parents=True)
    program.write_bytes(b"\x7fELF")
    program.chmod(0o755)
    return program


class TestFindPython:
    def test_is_our_own_for_our_version(self) -> None:
        assert find_python(OWN) == sys.executable

    def test_is_none_on_a_machine_without_it(self) -> None:
        assert find_python("3.99") is None

    def test_is_the_newest_that_pyenv_keeps(self, tmp_path: Path) -> None:
        install(tmp_path / "pyenv/versions/3.99.9", "3.99")
        newest = install(tmp_path / "pyenv/versions/3.99.10", "3.99")
        install(tmp_path / "pyenv/versions/3.9.9", "3.9")

        assert find_python("3.99") == str(newest)

    def test_is_one_that_uv_keeps(self, tmp_path: Path) -> None:
        program = install(tmp_path / "uv/cpython-3.99.1-linux-x86_64-gnu", "3.99")

        assert find_python("3.99") == str(program)

    def test_is_one_on_the_path_first(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        install(tmp_path / "uv/cpython-3.99.1-linux-x86_64-gnu", "3.99")
        program = install(tmp_path / "local", "3.99")
        monkeypatch.setenv("PATH", str(program.parent))

        assert find_python("3.99") == str(program)


class TestFindNode:
    @pytest.mark.parametrize(("variable", "folder"), NODE_MANAGERS.items(), ids=NODE_MANAGERS)
    def test_is_the_newest_that_a_version_manager_keeps(self, tmp_path: Path, variable: str, folder: str) -> None:
        install(tmp_path / variable / folder.format("99.9.1"), "99", "node")
        newest = install(tmp_path / variable / folder.format("99.10.0"), "99", "node")
        install(tmp_path / variable / folder.format("9.10.0"), "9", "node")

        assert find_node("99") == str(newest)

    def test_is_none_on_a_machine_without_it(self) -> None:
        assert find_node("99") is None


@on_cloud_platform
class TestFindModuleFault:
    def test_names_the_module_and_the_commands_that_get_the_interpreter(self) -> None:
        fault = find_compiled_module_fault("python3.99", ["app.py", MODULE])

        assert fault is not None
        assert (fault.path, "python3.99" in fault.message) == (MODULE, True)
        assert "uv python install 3.99" in fault.hint

    @pytest.mark.parametrize(
        ("runtime", "name"),
        [
            ("python3.99", "app.py"),
            ("python3.99", "core/_core.abi3.so"),
            (f"python{OWN}", MODULE.replace("399", OWN.replace(".", ""))),
            ("nodejs24.x", MODULE),
        ],
        ids=["source alone", "stable ABI", "our own version", "another language"],
    )
    def test_is_none_for_what_runs_here(self, runtime: str, name: str) -> None:
        assert find_compiled_module_fault(runtime, [name]) is None

    def test_is_none_with_the_interpreter(self, tmp_path: Path) -> None:
        install(tmp_path / "pyenv/versions/3.99.9", "3.99")

        assert find_compiled_module_fault("python3.99", [MODULE]) is None


@on_cloud_platform
class TestFunctionProcess:
    async def test_names_the_missing_interpreter_and_not_the_import_that_fails(self, tmp_path: Path) -> None:
        package = tmp_path / "package"
        (package / MODULE).parent.mkdir(parents=True)
        (package / MODULE).touch()
        (package / "app.py").write_text("import core\ndef handler(e, c):\n    return 1")

        with pytest.raises(RuntimeFailedError) as caught:
            async with FunctionProcess.start(FunctionSpec(package, "app.handler", "python3.99")):
                pass

        assert "compiled for Python 3.99" in caught.value.message
        assert "uv python install 3.99" in caught.value.hint
