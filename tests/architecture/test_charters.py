"""Every package has a charter, every module a docstring, and so has the public API."""

from __future__ import annotations

import ast
from pathlib import Path, PurePosixPath

_PYTHON_API = "semantest_iac/__init__.py"  # the one package file with code: the lazy Python API
_PUBLIC = (  # what programs and distributions of others build on
    _PYTHON_API,
    "events/semantest_iac_events/",
    "semantest_iac/application/ports/",
    "semantest_iac/domain/ports/",
    "semantest_iac/infrastructure/clouds/",
)


class TestPackages:
    def test_have_a_charter_and_nothing_else(self, shipped_modules: dict[str, ast.Module]) -> None:
        packages = {path: tree for path, tree in shipped_modules.items() if path.endswith("__init__.py")}
        without = [path for path, tree in packages.items() if not ast.get_docstring(tree)]
        with_code = [path for path, tree in packages.items() if len(tree.body) > 1 and path != _PYTHON_API]

        assert (without, with_code) == ([], [])

    def test_are_declared_wherever_modules_lie(
        self, shipped_modules: dict[str, ast.Module], run_as_files: dict[str, ast.Module]
    ) -> None:
        folders = {PurePosixPath(path).parent for path in shipped_modules.keys() - run_as_files.keys()}

        assert [folder for folder in sorted(folders) if f"{folder}/__init__.py" not in shipped_modules] == []

    def test_do_not_hide_in_the_tests(self, root: Path) -> None:
        assert list((root / "tests").rglob("__init__.py")) == []


class TestModules:
    def test_have_a_docstring(self, shipped_modules: dict[str, ast.Module]) -> None:
        assert [path for path, tree in shipped_modules.items() if not ast.get_docstring(tree)] == []


class TestPublicApi:
    def test_has_a_docstring_for_every_class_and_function(self, shipped_modules: dict[str, ast.Module]) -> None:
        api = {path: tree for path, tree in shipped_modules.items() if path.startswith(_PUBLIC)}
        bare = [f"{path}: {name}" for path, tree in api.items() for name in _undocumented(tree)]

        assert bare == []


def _undocumented(tree: ast.Module) -> list[str]:
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    named = [node for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]
    return [node.name for node in named if not ast.get_docstring(node)]
