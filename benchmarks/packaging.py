"""Packaging a tree like node_modules beside `zip -r -q` on the same tree, which is generated from a seed."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from semantest_iac.domain.ports.artifact_builder import FunctionSource
from semantest_iac.infrastructure.artifacts.package_builder import PackageBuilder

FILES, FOLDERS, SIZES, SEED = 6_000, 750, (200, 800, 1_500, 3_000, 5_000, 9_600), 7
ROUNDS = 5
VERBS, NOUNS = ("get", "set", "make", "read", "is", "to"), ("Value", "Item", "State", "Index", "Error", "Event")
LINES = (
    "function {a}({b}, {c}) {{\n  if ({b} === undefined) {{\n    return {c}.{d};\n  }}\n  return {d}({b}, {n});\n}}\n",
    "const {a} = require('./{b}');\n",
    "exports.{a} = {d};\n",
    "  // {a} must come before {b}, because {c} reads {d}.\n",
    "  for (let i = 0; i < {b}.length; i++) {{\n    {a}({b}[i], {n});\n  }}\n",
)


def write_tree(root: Path) -> int:
    """Write a tree like node_modules, the same every time, and return its size in bytes."""
    generator, written = random.Random(SEED), 0
    words = [generator.choice(VERBS) + generator.choice(NOUNS) + str(n) for n in range(120)]
    (root / "server.js").write_text("")
    for number in range(FILES):
        text, size = '"use strict";\n', generator.choice(SIZES)
        while len(text) < size:
            names = dict(zip("abcd", generator.choices(words, k=4), strict=True))
            text += generator.choice(LINES).format(**names, n=generator.randint(0, 999))
        file = root / "node_modules" / f"package{number % FOLDERS:03}" / "lib" / f"file{number // FOLDERS}.js"
        file.parent.mkdir(parents=True, exist_ok=True)
        written += file.write_text(text)
    return written


def rows() -> list[dict[str, Any]]:
    """Median seconds of packaging, of `zip -r -q`, and of packaging the unchanged tree, measured in turns."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "tree").mkdir()
        size = write_tree(work / "tree")
        time.sleep(0.1)
        turns = [_measure_turn(work, number) for number in range(ROUNDS)]
    ours, theirs, unchanged = (median(column) for column in zip(*turns, strict=True))
    what = f"{FILES} files, {size / 1e6:.1f} MB"
    return [_row(f"package {what}", ours, theirs), _row("package the same again, unchanged", unchanged, theirs)]


def _row(what: str, ours: float, theirs: float) -> dict[str, Any]:
    return {"what": what, "ours": ours, "zip -r -q": theirs, "ratio": ours / theirs, "n": ROUNDS}


def _measure_turn(work: Path, number: int) -> tuple[float, float, float]:
    source = FunctionSource(work / "tree", entry="server.js", runtime="nodejs22.x")
    builder = PackageBuilder(work / f"home{number}")
    zip_command = [shutil.which("zip") or "zip", "-r", "-q", str(work / f"{number}.zip"), "tree"]
    return (
        _seconds(lambda: builder.build(source)),
        _seconds(lambda: subprocess.run(zip_command, cwd=work, check=True)),
        _seconds(lambda: builder.build(source)),
    )


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


if __name__ == "__main__":
    for row in rows():
        print(json.dumps(row))
