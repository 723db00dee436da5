"""Work that does not fit on a disk is refused before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from semantest_iac.domain.errors import StorageError
from semantest_iac.infrastructure.disk_space import find_free_bytes, require_free_space

_MORE_THAN_ANY_DISK = 1 << 60


class TestFreeSpace:
    def test_is_that_of_the_nearest_folder(self, tmp_path: Path) -> None:
        assert 0 < (find_free_bytes(tmp_path / "a" / "b") or 0) < _MORE_THAN_ANY_DISK

    def test_is_unknown_where_the_system_does_not_say(self) -> None:
        assert find_free_bytes(Path("/proc/self")) is None
        require_free_space([Path("/proc/self")], _MORE_THAN_ANY_DISK)

    def test_is_required_once_on_each_disk(self, tmp_path: Path) -> None:
        require_free_space([tmp_path], 1)

        with pytest.raises(StorageError) as refused:
            require_free_space([tmp_path, tmp_path / "artifacts"], _MORE_THAN_ANY_DISK)

        assert refused.value.error_code == "DISK_FULL"
        assert [fault.path for fault in refused.value.faults] == [str(tmp_path)]
