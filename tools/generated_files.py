"""Writes single generated files, or says which of them are stale."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def write_or_check_files(texts: Mapping[Path, str], command: str, arguments: Sequence[str]) -> int:
    """Write the files that differ from their texts, or with `--check` only name them; return the exit code."""
    parser = argparse.ArgumentParser(description=f"Writes {', '.join(path.name for path in texts)}: {command}")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is stale")
    check: bool = parser.parse_args(arguments).check
    stale = [path for path, text in texts.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if check:
            print(f"stale: {path.name}; run {command}", file=sys.stderr)
        else:
            path.write_text(texts[path], encoding="utf-8")
            print(f"{path.name} written")
    return 1 if check and stale else 0
