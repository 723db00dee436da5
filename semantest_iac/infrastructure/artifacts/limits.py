"""How large a package may be: Lambda's quotas for every cloud, so that a source that fits one fits all."""

from __future__ import annotations

from collections.abc import Iterator

from semantest_iac.domain.errors import Fault

MIB = 1024 * 1024
UNPACKED_BYTES = 250 * MIB
DIRECT_UPLOAD_BYTES = 50 * MIB  # AWS only: Azure takes every package by way of its storage
FILES = 20_000
DEPTH = 60
NAMED_FAULTS = 20  # a folder with ten thousand bad names is one problem, not ten thousand


def faults_of_size(files: int, unpacked: int) -> Iterator[Fault]:
    """What a package of that many files and bytes exceeds."""
    if files > FILES:
        yield Fault("source", f"more than {FILES} files", "Leave out what the function does not need.")
    if unpacked > UNPACKED_BYTES:
        hint = "Lambda unpacks no more; bundle the code or use fewer dependencies."
        yield Fault("source", f"more than {UNPACKED_BYTES // MIB} MB unpacked", hint)
