"""Files are written in one place, which checks each write, flushes it and marks what is not complete."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

import pytest

_WRITER = "semantest_iac/infrastructure/durable_files.py"
_CHECKED = ("semantest_iac/infrastructure/", "semantest_iac/presentation/")
_WRITING_METHODS = {"write_text", "write_bytes", "mkdir", "touch", "symlink_to", "hardlink_to", "rename"}
_WRITING_FUNCTIONS = {
    "os": {
        "fdopen",
        "write",
        "pwrite",
        "writev",
        "replace",
        "rename",
        "link",
        "truncate",
        "ftruncate",
        "mkdir",
        "makedirs",
    },
    "shutil": {"copy", "copy2", "copyfile", "copyfileobj", "copytree", "move"},
    "tempfile": {"mkstemp", "mkdtemp", "NamedTemporaryFile", "TemporaryFile", "TemporaryDirectory"},
    "sqlite3": {"connect"},
}
_WRITING_FLAGS = {"O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND"}
_READING_MODES = {"r", "rb", "rt"}

ALLOWED: Mapping[str, str] = {
    "semantest_iac/infrastructure/artifacts/builds/bundles.py": "fills a draft folder before it is published",
    "semantest_iac/infrastructure/artifacts/builds/module_copies.py": "fills the draft folder of one build",
    "semantest_iac/infrastructure/artifacts/builds/project_modules.py": "fills the draft folder of one installation",
    "semantest_iac/infrastructure/artifacts/builds/service_images.py": "fills the draft folder of one build",
    "semantest_iac/infrastructure/artifacts/installers.py": "collects the output of a program, in no folder",
    "semantest_iac/infrastructure/artifacts/kept_folders.py": "fills a draft folder, and moves old ones into it",
    "semantest_iac/infrastructure/artifacts/node_modules.py": "fills the draft folder of one build",
    "semantest_iac/infrastructure/artifacts/recipes.py": "fills the draft folder of one build",
    "semantest_iac/infrastructure/artifacts/requirements/python_requirements.py": "fills the draft folder of one build",
    "semantest_iac/infrastructure/artifacts/requirements/source_wheels.py": "fills the draft folder of one build",
    "semantest_iac/infrastructure/artifacts/source_tree.py": "copies a source into the draft folder of one build",
    "semantest_iac/infrastructure/container_images/image_archives.py": "files without a name, until a draft has all",
    "semantest_iac/infrastructure/function_runtimes/hosts/": "runs in the process of a function, which keeps no files",
    "semantest_iac/infrastructure/function_runtimes/package_cache.py": "fills a draft folder before it is published",
    "semantest_iac/infrastructure/function_runtimes/platforms.py": "the function's own temporary folder, in a draft",
    "semantest_iac/infrastructure/function_runtimes/runtime_libraries.py": "fills draft folders, one of them of links",
    "semantest_iac/infrastructure/home_backups.py": "moves and copies what a repair replaces",
    "semantest_iac/infrastructure/databases/sqlite_file.py": "SQLite writes; it checks and flushes by itself",
    "semantest_iac/infrastructure/local_service/function_log_files.py": "renames a log that is full",
    "semantest_iac/infrastructure/local_service/traffic_counts.py": "renames a file of counts that is full",
    "semantest_iac/infrastructure/message_store/message_database.py": "SQLite writes; it checks by itself",
    "semantest_iac/infrastructure/pulumi_engine/cli/installation.py": "moves an older program into a draft folder",
    "semantest_iac/infrastructure/pulumi_engine/operations/supervisor.py": "a link in the folder of one run",
    "semantest_iac/infrastructure/pulumi_engine/runs.py": "the folders of one run, which are removed with it",
    "semantest_iac/infrastructure/simulated_cloud/runtime/inventory.py": "SQLite writes; it checks by itself",
    "semantest_iac/infrastructure/sqlite_files.py": "looks at a file of SQLite, and changes nothing",
    "semantest_iac/presentation/background_output.py": "writes to the standard streams",
    "semantest_iac/presentation/cli/commands/imports/first_file.py": "writes the user's own file, readable by all",
    "semantest_iac/presentation/cli/home_folder.py": "tries whether a folder can be made, and removes it",
    "semantest_iac/presentation/cli/options.py": "a preview without a home has one that ends with it",
    "semantest_iac/presentation/gateway/bodies.py": "bodies of requests, in the draft folder of one gateway",
    "semantest_iac/presentation/cli/terminal.py": "replaces closed standard streams",
}
"""Modules that write in other ways, with the reason why nothing durable is written there."""


def find_writes(module: ast.Module) -> Iterator[str]:
    """Yield each call or flag that writes files other than through the module for that, with its line."""
    for node in ast.walk(module):
        found = ""
        if isinstance(node, ast.Attribute) and node.attr in _WRITING_FLAGS:
            found = node.attr
        elif isinstance(node, ast.ImportFrom):
            found = next((it.name for it in node.names if it.name in _WRITING_FUNCTIONS.get(node.module or "", ())), "")
        elif isinstance(node, ast.Call):
            found = _name_writing_call(node)
        if found:
            yield f"{node.lineno}: {found}"  # type: ignore[attr-defined]  # all three have a line


def _name_writing_call(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Name):
        return "open" if function.id == "open" and _opens_for_writing(call.args[1:2], call) else ""
    if not isinstance(function, ast.Attribute):
        return ""
    name = function.attr
    owner = function.value.id if isinstance(function.value, ast.Name) else ""
    if owner in _WRITING_FUNCTIONS:
        if name == "fdopen":
            return name if _opens_for_writing(call.args[1:2], call) else ""
        return f"{owner}.{name}" if name in _WRITING_FUNCTIONS[owner] else ""
    if name == "replace":  # that of a text has two arguments, that of a moment names them
        return name if len(call.args) == 1 and not call.keywords else ""
    if name == "open":
        return name if _opens_for_writing(call.args[:1], call) else ""
    return name if name in _WRITING_METHODS else ""


def _opens_for_writing(modes: list[ast.expr], call: ast.Call) -> bool:
    modes = modes or [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
    texts = [node.value for mode in modes for node in ast.walk(mode) if isinstance(node, ast.Constant)]
    return any(isinstance(text, str) and len(text) <= 3 and text not in _READING_MODES for text in texts)


class TestWrites:
    def test_go_through_one_module(self, shipped_modules: dict[str, ast.Module]) -> None:
        found = {
            f"{path}:{write}"
            for path, module in shipped_modules.items()
            if path.startswith(_CHECKED) and path != _WRITER and not path.startswith(tuple(ALLOWED))
            for write in find_writes(module)
        }

        assert found == set()

    def test_have_no_needless_exception(self, shipped_modules: dict[str, ast.Module]) -> None:
        writing = [path for path, module in shipped_modules.items() if any(find_writes(module))]

        assert [entry for entry in ALLOWED if not any(path.startswith(entry) for path in writing)] == []


class TestSearch:
    @pytest.mark.parametrize(
        "line",
        [
            'open(path, "w")',
            'path.open("ab")',
            'path.open(mode="x")',
            'path.open("w" if force else "x")',
            'os.fdopen(descriptor, "w")',
            "os.open(path, os.O_CREAT)",
            "os.write(1, b'')",
            "path.write_text('')",
            "draft.replace(path)",
            "path.rename(other)",
            "shutil.copyfile(a, b)",
            "tempfile.mkdtemp()",
            "from tempfile import mkdtemp",
            "path.mkdir(parents=True)",
        ],
    )
    def test_finds_a_write(self, line: str) -> None:
        assert len([*find_writes(ast.parse(line))]) == 1

    @pytest.mark.parametrize(
        "line",
        [
            'open(path, "rb")',
            "path.open()",
            "text.replace('a', 'b')",
            "moment.replace(tzinfo=UTC)",
            "os.open(p, FLAGS)",
        ],
    )
    def test_finds_no_reading(self, line: str) -> None:
        assert [*find_writes(ast.parse(line))] == []
