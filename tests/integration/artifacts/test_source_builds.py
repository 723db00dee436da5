"""A source is built in a private copy; the programs that build are this machine's Python and Node."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from semantest_iac.domain.compute.functions import Artifact
from semantest_iac.domain.environments.settings import PackageSettings
from semantest_iac.domain.errors import ArtifactError
from semantest_iac.domain.ports.artifact_builder import FunctionSource, PackagingRun
from semantest_iac.domain.ports.provisioner import ResourceProgress
from semantest_iac.infrastructure.artifacts import installers
from semantest_iac.infrastructure.artifacts.package_builder import CLOCK_TICK_NS, PackageBuilder
from tests.integration.artifacts.packages import read_file, refusal_of

WriteFiles = Callable[[Path, dict[str, str]], None]
Names = Callable[[Artifact], list[str]]
needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not on the PATH")
PYTHON = f"{sys.executable} build.py"
MAKE = """
from pathlib import Path
Path("dist").mkdir(exist_ok=True)
Path("dist/main.js").write_text("made of " + Path("src.txt").read_text())
"""


def server(
    source: Path, build: str = PYTHON, entry: str = "dist/main.js", **package: tuple[str, ...]
) -> FunctionSource:
    settings = PackageSettings(**package)
    return FunctionSource(source, entry, runtime="nodejs22.x", build=(build,), package=settings)


def list_tree(folder: Path) -> dict[str, tuple[int, int]]:
    found = {path.relative_to(folder).as_posix(): path.lstat() for path in folder.rglob("*")}
    return {path: (status.st_size, status.st_mtime_ns) for path, status in found.items()}


def has_ended(process: int) -> bool:
    """Wait until a killed process is gone, or only waits for its parent to notice."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def made(source: Path, write_files: WriteFiles) -> Path:
    """A source whose build makes its entry."""
    write_files(source, {"build.py": MAKE, "src.txt": "one", ".gitignore": "dist/\n", "package.json": "{}"})
    return source


class TestBuild:
    def test_makes_the_entry_and_changes_nothing_in_the_source(self, home: Path, made: Path) -> None:
        before = list_tree(made)

        artifact = PackageBuilder(home).build(server(made))

        assert read_file(artifact, "dist/main.js") == "made of one"
        assert json.loads(read_file(artifact, "semantest_shim.json")) == {
            "entry": "dist/main.js",
            "sourceMaps": "on",
        }
        assert list_tree(made) == before
        assert list((home / "tmp").iterdir()) == []

    def test_output_is_packaged_although_the_filter_leaves_it_out(
        self, home: Path, made: Path, list_names: Names
    ) -> None:
        artifact = PackageBuilder(home).build(server(made, exclude=("dist", "src.txt")))

        assert "dist/main.js" in list_names(artifact)
        assert "src.txt" not in list_names(artifact)

    def test_does_not_package_what_an_earlier_build_left(
        self, home: Path, made: Path, write_files: WriteFiles, list_names: Names
    ) -> None:
        write_files(made, {"dist/main.js": "old", "dist/deleted.js": "old"})

        names = list_names(PackageBuilder(home).build(server(made)))

        assert "dist/deleted.js" not in names

    def test_keeps_a_folder_of_the_source_that_is_no_output(
        self, home: Path, made: Path, write_files: WriteFiles, list_names: Names
    ) -> None:
        write_files(made, {".gitignore": "", "dist/written.js": "by hand"})

        assert "dist/written.js" in list_names(PackageBuilder(home).build(server(made)))

    def test_runs_commands_in_their_order(self, home: Path, made: Path, write_files: WriteFiles) -> None:
        write_files(made, {"first.py": "open('src.txt', 'a').write(' and two')"})
        both = f"{sys.executable} first.py && {PYTHON}"

        assert read_file(PackageBuilder(home).build(server(made, both)), "dist/main.js") == "made of one and two"

    def test_serves_python_too(self, home: Path, source: Path, write_files: WriteFiles) -> None:
        write_files(source, {"make.py": "open('app.py', 'w').write('def handler(event, context): return 1')"})
        asked = FunctionSource(source, handler="app.handler", build=("python make.py",))

        artifact = PackageBuilder(home).build(asked)

        assert (artifact.runtime, read_file(artifact, "app.py").startswith("def handler")) == ("python3.13", True)

    def test_may_write_the_requirements(
        self, home: Path, source: Path, write_files: WriteFiles, list_names: Names
    ) -> None:
        project = '[build-system]\nrequires = []\nbuild-backend = "setuptools.build_meta"\n[project]\nname = "mylib"\n'
        write_files(source.parent, {"mylib/pyproject.toml": project + 'version = "1"', "mylib/mylib.py": ""})
        write_files(source, {"app.py": "", "make.py": "open('requirements.txt', 'w').write('../missing')"})
        asked = FunctionSource(source, handler="app.handler", build=("python make.py",))

        refusal = refusal_of(PackageBuilder(home), asked)

        assert [fault.message for fault in refusal.faults] == ["'../missing' is not there"]

    def test_of_a_node_handler_needs_no_runtime(self, home: Path, made: Path, write_files: WriteFiles) -> None:
        asked = FunctionSource(made, handler="dist/main.handler", build=(PYTHON,))

        assert PackageBuilder(home).build(asked).runtime == "nodejs24.x"

    def test_is_not_repeated_for_an_unchanged_source(self, home: Path, made: Path, write_files: WriteFiles) -> None:
        log = home.parent / "log"
        write_files(made, {"build.py": f"{MAKE}\nopen({str(log)!r}, 'a').write('.')"})
        time.sleep(2 * CLOCK_TICK_NS / 1e9)
        builder = PackageBuilder(home)

        first, again = builder.build(server(made)), builder.build(server(made))
        write_files(made, {"src.txt": "two"})
        changed = builder.build(server(made))

        assert (first.digest, log.read_text()) == (again.digest, "..")
        assert changed.digest != first.digest

    def test_is_repeated_for_another_command(self, home: Path, made: Path, write_files: WriteFiles) -> None:
        time.sleep(2 * CLOCK_TICK_NS / 1e9)
        builder = PackageBuilder(home)
        write_files(made, {"other.py": MAKE.replace("made of", "remade of")})

        builder.build(server(made))

        assert read_file(builder.build(server(made, f"{sys.executable} other.py")), "dist/main.js") == "remade of one"

    def test_shows_each_step_from_its_start(self, home: Path, made: Path) -> None:
        steps: list[ResourceProgress] = []

        PackageBuilder(home).build(server(made), PackagingRun(steps.append))

        assert [(step.op, step.name, step.state) for step in steps] == [
            ("build", PYTHON, "running"),
            ("build", PYTHON, "done"),
        ]


class TestEnvironment:
    SCRIPT = """
import json, os
from pathlib import Path
Path("dist").mkdir()
Path("dist/main.js").write_text(json.dumps(dict(os.environ)))
"""

    def test_has_no_secrets(
        self, home: Path, source: Path, write_files: WriteFiles, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_files(source, {"build.py": self.SCRIPT})
        hidden = {
            "SEMANTEST_SECRET_DATABASE_URL": "hunter2hunter2",
            "AWS_SECRET_ACCESS_KEY": "hunter2hunter2",
            "NPM_TOKEN": "hunter2hunter2",
            "npm_config__authToken": "hunter2hunter2",
            "PIP_INDEX_URL": "https://me:hunter2hunter2@example.com/simple",
            "NODE_ENV": "development",
        }
        for name, value in {**hidden, "MIRROR": "https://example.com", "PASSED": "yes"}.items():
            monkeypatch.setenv(name, value)

        seen = json.loads(
            read_file(PackageBuilder(home).build(server(source, pass_environment=("PASSED",))), "dist/main.js")
        )

        assert "hunter2hunter2" not in json.dumps(seen)
        assert (seen["NODE_ENV"], seen["PASSED"], seen.get("MIRROR")) == ("production", "yes", None)
        assert {"PATH", "HOME"} <= seen.keys()

    def test_has_no_files_that_look_secret(self, home: Path, made: Path, write_files: WriteFiles) -> None:
        write_files(made, {".env": "KEY=hunter2", "build.py": f"{MAKE}\nopen('.env').read()"})

        refusal = refusal_of(PackageBuilder(home), server(made))

        assert "No such file or directory: '.env'" in refusal.faults[0].message
        assert "Left out 1 secret-looking file: .env. To package one, name it" in refusal.hint

    def test_says_once_which_files_look_secret(self, home: Path, made: Path, write_files: WriteFiles) -> None:
        write_files(made, {"prod.env": "A=1", "config/prod.env": "A=1", "not-wanted.env": "", "sub/.aws/config": ""})
        source = server(made, include=("config/prod.env",), exclude=("not-wanted.env",))
        note = (
            "Left out 2 secret-looking files: prod.env, sub/.aws/. "
            "To package one, name it: `package: {include: [prod.env]}`."
        )

        artifact = PackageBuilder(home).build(source)

        assert (artifact.notes, PackageBuilder(home).find_packaging_notes(source)) == ((note,), (note,))
        assert read_file(artifact, "config/prod.env") == "A=1"

    def test_finds_the_programs_of_node_modules(self, home: Path, made: Path, write_files: WriteFiles) -> None:
        write_files(made, {"node_modules/.bin/mytool": f"#!/bin/sh\nexec {PYTHON}\n"})
        (made / "node_modules/.bin/mytool").chmod(0o755)

        assert read_file(PackageBuilder(home).build(server(made, "mytool --fast")), "dist/main.js") == "made of one"


class TestFailingBuild:
    def test_says_what_the_command_said(self, home: Path, made: Path, write_files: WriteFiles) -> None:
        write_files(made, {"build.py": "import sys\nprint('working')\nsys.exit('the disk is too small')"})

        refusal = refusal_of(PackageBuilder(home), server(made))

        assert refusal.message == f"Cannot build the source: '{PYTHON}' failed: it ended with code 1."
        assert refusal.faults[0].message.endswith("working\n      the disk is too small")
        assert "package.pass_environment" in refusal.hint

    def test_names_the_places_that_a_compiler_names(self, home: Path, made: Path, write_files: WriteFiles) -> None:
        said = "src/a.ts(3,5): error TS2322: Type 'string' is not assignable.\\nsrc/b.ts:1:2 - error TS1: No."
        write_files(made, {"build.py": f"print({said!r}.replace(chr(92) + 'n', chr(10)))\nraise SystemExit(2)"})

        refusal = refusal_of(PackageBuilder(home), server(made))

        assert [(fault.file, fault.line, fault.column, fault.message) for fault in refusal.faults] == [
            ("src/a.ts", 3, 5, "error TS2322: Type 'string' is not assignable."),
            ("src/b.ts", 1, 2, "error TS1: No."),
        ]

    def test_hides_the_values_that_it_was_passed(
        self, home: Path, made: Path, write_files: WriteFiles, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LICENCE", "hunter2hunter2")
        write_files(made, {"build.py": "import os\nraise SystemExit('bad licence ' + os.environ['LICENCE'])"})

        refusal = refusal_of(PackageBuilder(home), server(made, pass_environment=("LICENCE",)))

        assert "bad licence ***" in refusal.reason
        assert "hunter2" not in refusal.reason

    def test_that_makes_nothing(self, home: Path, made: Path, write_files: WriteFiles) -> None:
        write_files(made, {"build.py": "pass"})

        refusal = refusal_of(PackageBuilder(home), server(made))

        assert refusal.message == "Cannot package the source: its entry is missing after the build."
        assert [(fault.message, fault.hint) for fault in refusal.faults] == [
            ("the build made no dist/main.js", "The build changed no file of the source.")
        ]

    def test_that_makes_another_file_names_it(self, home: Path, made: Path, write_files: WriteFiles) -> None:
        write_files(made, {"build.py": MAKE.replace("dist", "dist/src").replace("mkdir(", "mkdir(parents=True, ")})

        refusal = refusal_of(PackageBuilder(home), server(made))

        assert refusal.faults[0].hint == "It made dist/src/main.js: name that."

    def test_that_is_not_there(self, home: Path, made: Path) -> None:
        refusal = refusal_of(PackageBuilder(home), server(made, "no-such-tool build"))

        assert "'no-such-tool' is neither on the PATH nor in node_modules/.bin" in refusal.message

    def test_that_hangs_is_ended_with_its_children(
        self, home: Path, made: Path, write_files: WriteFiles, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(installers, "PROGRAM_TIMEOUT_S", 1)
        pid = home.parent / "pid"
        child = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
        code = f"import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', {child!r}])\ntime.sleep(60)"
        write_files(made, {"build.py": code})

        refusal = refusal_of(PackageBuilder(home), server(made))

        assert "not finished after 1 s" in refusal.message
        assert has_ended(int(pid.read_text()))

    def test_that_nobody_waits_for_is_ended(self, home: Path, made: Path, write_files: WriteFiles) -> None:
        write_files(made, {"build.py": "import time; time.sleep(60)"})
        run = PackagingRun()
        threading.Timer(0.5, run.cancelled.set).start()
        began = time.monotonic()

        with pytest.raises(ArtifactError, match="cancelled"):
            PackageBuilder(home).build(server(made), run)

        assert time.monotonic() - began < 30

    def test_that_prints_without_end_is_ended(
        self, home: Path, made: Path, write_files: WriteFiles, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(installers, "MOST_OUTPUT", 1 << 20)
        write_files(made, {"build.py": "while True: print('x' * 1000)"})

        assert "it printed more than 1 MB" in refusal_of(PackageBuilder(home), server(made)).message

    def test_that_writes_beside_its_copy_leaves_nothing(
        self, home: Path, made: Path, write_files: WriteFiles, list_names: Names
    ) -> None:
        write_files(made, {"build.py": f"{MAKE}\nopen('../outside.txt', 'w').write('')"})
        before = list_tree(made.parent)

        names = list_names(PackageBuilder(home).build(server(made)))

        assert [name for name in names if "outside" in name] == []
        after = {path: stamp for path, stamp in list_tree(made.parent).items() if not path.startswith("home")}
        assert after.keys() == before.keys()

    def test_that_writes_into_the_source_is_refused(self, home: Path, made: Path, write_files: WriteFiles) -> None:
        write_files(made, {"build.py": f"{MAKE}\nopen({str(made / 'new.txt')!r}, 'w').write('')"})

        refusal = refusal_of(PackageBuilder(home), server(made))

        assert [(fault.path, fault.message) for fault in refusal.faults] == [("new.txt", "changed during the build")]

    def test_of_modules_outside_of_the_source_is_refused(self, home: Path, made: Path, write_files: WriteFiles) -> None:
        write_files(made.parent, {"elsewhere/index.js": ""})
        (made / "node_modules").mkdir()
        (made / "node_modules" / "other").symlink_to("../../elsewhere")

        refusal = refusal_of(PackageBuilder(home), server(made))

        assert [fault.path for fault in refusal.faults] == ["node_modules/other"]

    def test_names_the_build_script_where_none_is_configured(
        self, home: Path, made: Path, write_files: WriteFiles
    ) -> None:
        write_files(made, {"package.json": '{"scripts": {"build": "tsc"}}', "pnpm-lock.yaml": ""})

        refusal = refusal_of(PackageBuilder(home), FunctionSource(made, "dist/main.js", runtime="nodejs22.x"))

        assert "add `build: pnpm run build`" in refusal.faults[0].hint


@needs_npm
@pytest.mark.usefixtures("without_registry")
class TestModules:
    """Packages come from folders beside the source: npm needs no registry."""

    @pytest.fixture
    def project(self, source: Path, write_files: WriteFiles) -> Path:
        """A project whose build needs a dev module, and whose entry needs another one."""
        tool = {"name": "tool", "version": "1.0.0", "bin": "cli.js"}
        code = "#!/usr/bin/env node\nconst fs = require('fs')\nfs.mkdirSync('dist')\n"
        code += "fs.writeFileSync('dist/main.js', 'console.log(require(\"lib\"))')\n"
        code += "fs.mkdirSync('node_modules/.generated', { recursive: true })\n"
        code += "fs.writeFileSync('node_modules/.generated/index.js', '')\n"
        files = {
            "package.json": json.dumps(
                {
                    "name": "app",
                    "version": "1.0.0",
                    "scripts": {"build": "tool"},
                    "dependencies": {"lib": "file:lib"},
                    "devDependencies": {"tool": "file:tool"},
                }
            ),
            "lib/package.json": '{"name": "lib", "version": "1.0.0"}',
            "lib/index.js": "module.exports = 'from lib'",
            "tool/package.json": json.dumps(tool),
            "tool/cli.js": code,
        }
        write_files(source, files)
        (source / "tool/cli.js").chmod(0o755)
        return source

    @pytest.mark.parametrize("is_installed", [False, True], ids=["installed for it", "of the source"])
    @pytest.mark.parametrize("is_target", [True, False], ids=["linux", "another system"])
    def test_for_development_are_there_for_the_build_and_not_packaged(
        self, home: Path, project: Path, list_names: Names, is_installed: bool, is_target: bool,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        monkeypatch.setattr("semantest_iac.infrastructure.artifacts.node_modules._is_target_machine", lambda: is_target)
        if is_installed:
            command = ["npm", "install", "--install-links", "--no-audit", "--no-package-lock", "--loglevel=error"]
            subprocess.run(command, cwd=project, check=True, stdout=subprocess.DEVNULL)
        before = list_tree(project)

        names = list_names(PackageBuilder(home).build(server(project, "npm run build")))

        modules = {name.split("/")[1] for name in names if name.startswith("node_modules/")}
        assert modules == {"lib", ".generated"}
        assert list_tree(project) == before


class TestOtherManagers:
    STAND_IN = (
        '#!/bin/sh\necho "$*" >> {log}\ncase "$*" in run*|build*) {build} ;; *) mkdir -p node_modules/lib ;; esac\n'
    )

    @pytest.mark.parametrize(
        ("lock", "text", "manager", "complete", "production"),
        [
            ("pnpm-lock.yaml", "", "pnpm", "--prod=false", "--prod"),
            ("yarn.lock", "# yarn lockfile v1", "yarn", "--production=false", "--production"),
            ("yarn.lock", "__metadata:\n  version: 8", "yarn", "--immutable", "workspaces focus --production"),
            ("bun.lock", "{}", "bun", "--frozen-lockfile", "--production"),
        ],
        ids=["pnpm", "yarn 1", "yarn 4", "bun"],
    )
    def test_install_everything_for_the_build_and_then_remove_dev_modules(
        self, home: Path, made: Path, write_files: WriteFiles, monkeypatch: pytest.MonkeyPatch, lock: str, text: str,
        manager: str, complete: str, production: str,
    ) -> None:  # fmt: skip
        log, folder = made.parent / "log", made.parent / "bin"
        write_files(made, {lock: text, "package.json": '{"devDependencies": {"tool": "1"}}'})
        write_files(folder, {manager: self.STAND_IN.format(log=log, build=PYTHON)})
        (folder / manager).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

        artifact = PackageBuilder(home).build(server(made, f"{manager} run build"))

        first, build, last = log.read_text().splitlines()
        assert complete in first.split()
        assert build == "run build"
        assert production in last
        assert ("--ignore-workspace" in first) == ("--ignore-workspace" in last) == (manager == "pnpm")
        assert read_file(artifact, "dist/main.js") == "made of one"
