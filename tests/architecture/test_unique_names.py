"""A public name stands for one thing in the whole package."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

_DEFINITIONS = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_PER_CLOUD_OR_ENGINE = re.compile(r"/(aws|azure)/|/[a-z]+_engine/")
"""The same role per cloud (the same path under aws/ and azure/) or per engine may have the same name."""
_EXCEPTIONS = {
    "configure_environment": "the function of the Python API and the handler have the name that was ordered",
    "open_source": "each transport has one, and is found by its type",
    "open_target": "as open_source",
    "TYPE_CHECKING": "False where `typing` must not be imported yet",
}
"""Further names that several modules define, each with the reason."""


class TestPublicNames:
    def test_are_unique(self, shipped_modules: dict[str, ast.Module], run_as_files: dict[str, ast.Module]) -> None:
        modules = defaultdict[str, set[str]](set)
        for path in shipped_modules.keys() - run_as_files.keys():
            if path.startswith("semantest_iac/"):
                for name in _public_names(shipped_modules[path]):
                    modules[name].add(path)

        repeated = {name: sorted(paths) for name, paths in modules.items() if not _have_one_role(paths)}

        assert {name: paths for name, paths in repeated.items() if name not in _EXCEPTIONS} == {}
        assert _EXCEPTIONS.keys() - repeated.keys() == set()


def _have_one_role(paths: set[str]) -> bool:
    return len({_PER_CLOUD_OR_ENGINE.sub("/*/", path) for path in paths}) == 1


def _public_names(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, _DEFINITIONS):
            names = [node.name]
        else:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            names = [name.id for target in targets if target for name in ast.walk(target) if isinstance(name, ast.Name)]
        yield from (name for name in names if not name.startswith("_"))
