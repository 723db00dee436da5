"""A ledger in a file needs a disk of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from semantest_iac.infrastructure.network_folders import find_network_type, find_type_in

MOUNTS = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:35 / /data rw,relatime shared:20 - nfs4 server:/data rw,vers=4.2
41 40 0:36 / /data/local rw,relatime - xfs /dev/vdb rw
42 22 0:37 / /mnt/with\040space rw - fuse.sshfs me@there:/ rw
43 22 0:38 / /mnt/covered rw - cifs //server/share rw
44 43 0:39 / /mnt/covered rw - tmpfs tmpfs rw
45 broken
"""


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/data/me/.semantest", "nfs4"),
        ("/data/local/.semantest", None),
        ("/mnt/with space/.semantest", "fuse.sshfs"),
        ("/mnt/covered/.semantest", None),
        ("/databases/.semantest", None),
        ("/", None),
    ],
)
def test_network_file_systems_are_told_by_the_nearest_mount(path: str, found: str | None) -> None:
    assert find_type_in(MOUNTS, Path(path)) == found


def test_a_temporary_folder_is_on_this_machine(tmp_path: Path) -> None:
    assert find_network_type(tmp_path) is None
