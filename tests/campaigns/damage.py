"""Damage each file of a home in each way: its part is named, nothing is reset in silence, and repairs converge."""

from __future__ import annotations

import argparse
import multiprocessing
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

from tests.campaigns.damaged_home import DAMAGES, DamagedHome, count_unknown_resources, run_without_rights

_CLOUDS = ("aws", "azure")
_COMPONENTS = ("rest-api", "websocket")
_UNREADABLE = "made unreadable"


class Case(NamedTuple):
    """One damage to one file, by its path below the home; `seed` draws where it is damaged."""

    path: str
    damage: str
    seed: int

    def __str__(self) -> str:
        return f"{self.path}|{self.damage}|{self.seed}"

    @classmethod
    def parse(cls, text: str) -> Case:
        """Read a case as it is printed."""
        path, damage, seed = text.rsplit("|", 2)
        return cls(path, damage, int(seed))


class Result(NamedTuple):
    """How a case ended: `diagnosed` or `harmless`, and what contradicts the promise."""

    kind: str
    faults: tuple[str, ...]


def list_cases(home: DamagedHome, seed: int) -> list[Case]:
    """Return every damage to every file of an intact home."""
    paths = (path for path in home.folder.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm")))
    files = sorted(str(path.relative_to(home.folder)) for path in paths)
    return [Case(path, damage, seed) for path in files for damage in (*DAMAGES, _UNREADABLE)]


def run_case(intact: DamagedHome, folder: Path, case: Case) -> Result:
    """Damage a copy of the home, look, deploy, repair or do as the hint says, and deploy again."""
    home = intact.copy_to(folder)
    damaged = home.folder / case.path
    if case.damage == _UNREADABLE:
        damaged.chmod(0)
        with run_without_rights():
            return Result(*_judge(intact, home, case))
    DAMAGES[case.damage](damaged, random.Random(str(case)))
    return Result(*_judge(intact, home, case))


def _judge(intact: DamagedHome, home: DamagedHome, case: Case) -> tuple[str, tuple[str, ...]]:
    broken = home.find_broken_parts()
    faults = []
    is_named = any(case.path.startswith(part.partition(":")[0]) for part in broken)
    if broken and not is_named:
        faults.append(f"named {sorted(broken)} instead")
    faults += [f"{part} has no cause or command" for part, it in broken.items() if not (it["cause"] and it["command"])]
    first = home.deploy()
    if first.code and not broken:
        faults.append(f"nothing is named, and a deployment fails: {first.error or first.text[-300:]}")
    if first.code and not first.error.get("hint"):
        faults.append(f"no hint: {first.error}")
    if "bug" in str(first.error.get("message", "")):
        faults.append(f"called a bug: {first.error}")
    home.run("repair", "--yes")
    for part, it in home.find_broken_parts().items():
        _do_as_hinted(intact, home, part, it["command"])
    if "--accept-ledger" in home.find_broken_parts().get("ledger.db", {}).get("command", ""):
        home.run("repair", "--accept-ledger", "--yes")  # the backup is older than the damage
    faults += _find_differences(intact, home)
    return "diagnosed" if broken else "harmless", tuple(faults)


def _do_as_hinted(intact: DamagedHome, home: DamagedHome, part: str, command: str) -> None:
    path = part.partition(":")[0]
    if "restore" in command.lower():
        target = home.folder / path
        if target.is_dir():
            target.rmdir()
        for end in ("", "-wal", "-shm"):
            target.with_name(f"{target.name}{end}").unlink(missing_ok=True)
            if intact.folder.joinpath(f"{path}{end}").exists():
                shutil.copy2(intact.folder / f"{path}{end}", home.folder / f"{path}{end}")
    elif command.startswith("chmod"):
        (home.folder / path).chmod(0o700 if (home.folder / path).is_dir() else 0o600)


def _find_differences(intact: DamagedHome, home: DamagedHome) -> Iterator[str]:
    """Whatever is not as it is in a home that was never damaged, after a deployment."""
    answer = home.deploy()
    if answer.code:
        yield f"does not converge: {answer.error or answer.text[-300:]}"
        return
    if left := home.find_broken_parts():
        yield f"still broken: {left}"
    before = [row["deployment"] for row in intact.run("history").value]
    if not set(before) <= {row["deployment"] for row in home.run("history").value}:
        yield "a deployment is forgotten"
    if home.run("ledger", "verify").code:
        yield "the ledger is not intact"
    if unknown := count_unknown_resources(home):
        yield f"the cloud has {unknown} resources that the state does not know"


def main(arguments: Sequence[str]) -> int:
    """Run the cases of the chosen homes; print what differs, with the command that repeats it."""
    parser = argparse.ArgumentParser("make campaign damage", description=__doc__)
    parser.add_argument("--cloud", choices=_CLOUDS, action="append")
    parser.add_argument("--component", choices=_COMPONENTS, action="append")
    parser.add_argument("--count", type=int, help="so many drawn cases of each home; default: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", help="one case, as it is printed")
    parser.add_argument("--workers", type=int, default=2, help="homes at a time")
    options = parser.parse_args(arguments)
    failed, kinds = 0, Counter[str]()
    homes = list(product(options.cloud or _CLOUDS, options.component or _COMPONENTS))
    with ProcessPoolExecutor(options.workers, multiprocessing.get_context("spawn")) as pool:
        for (cloud, component), results in zip(homes, pool.map(partial(_run_home, options), homes), strict=True):
            for case, result in results:
                kinds[f"{case.damage}: {result.kind}"] += 1
                if result.faults:
                    failed += 1
                    print(f"{component} on {cloud}: {case}", *result.faults, sep="\n    ")
                    where = f"--cloud {cloud} --component {component}"
                    print(f"    make campaign damage ARGS=\"{where} --case '{case}'\"", flush=True)
            print(f"{component} on {cloud}: {len(results)} cases", flush=True)
    print(*(f"{kind} {count}" for kind, count in sorted(kinds.items())), sep="\n")
    print(f"{kinds.total() - failed} of {kinds.total()} cases are as promised, seed {options.seed}.")
    return 1 if failed else 0


def _run_home(options: argparse.Namespace, target: tuple[str, str]) -> list[tuple[Case, Result]]:
    cloud, component = target
    with tempfile.TemporaryDirectory(prefix="damage-") as name:
        intact = DamagedHome(Path(name) / "intact", cloud, component)
        if (answer := intact.deploy()).code:
            raise SystemExit(f"Cannot prepare the home: {answer.text}")
        cases = [Case.parse(options.case)] if options.case else list_cases(intact, options.seed)
        if options.count:
            cases = random.Random(options.seed).sample(cases, min(options.count, len(cases)))
        results = []
        for number, case in enumerate(cases):
            folder = Path(name) / str(number)
            results.append((case, run_case(intact, folder, case)))
            shutil.rmtree(folder)
        return results


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
