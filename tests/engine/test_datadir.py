"""A worker's data folder has one owner and one partition count."""

from pathlib import Path

import pytest

from streams.engine.datadir import DataFolder
from streams.engine.errors import ChangedPartitionCount, DataFolderInUse
from streams.settings import Settings


def folder(path: Path, *, partitions: int = 4, worker_id: str = "w0") -> DataFolder:
    return DataFolder(
        Settings(data_dir=path, partitions=partitions, worker_id=worker_id)
    )


def test_a_folder_has_one_owner_at_a_time(tmp_path: Path) -> None:
    first, second = folder(tmp_path), folder(tmp_path)
    first.lock()

    with pytest.raises(DataFolderInUse, match="in use by another worker"):
        second.lock()

    first.unlock()
    first.unlock()
    second.lock()
    second.unlock()


def test_workers_with_names_of_their_own_share_a_disk(tmp_path: Path) -> None:
    first, second = folder(tmp_path), folder(tmp_path, worker_id="w1")

    first.lock()
    second.lock()

    assert first.state("ledger", 3) == tmp_path / "w0/state/oneshelf/ledger-3"
    assert second.state("ledger", 3) == tmp_path / "w1/state/oneshelf/ledger-3"
    first.unlock()
    second.unlock()


def test_a_folder_remembers_its_partition_count(tmp_path: Path) -> None:
    built = folder(tmp_path)
    built.lock()
    built.unlock()
    wider = folder(tmp_path, partitions=8)

    with pytest.raises(ChangedPartitionCount) as refused:
        wider.lock()
    wider.unlock()

    assert str(refused.value) == (
        f"The data folder '{tmp_path / 'w0'}' was built with 4 partitions, but "
        "ONESHELF_PARTITIONS is 8. Set ONESHELF_PARTITIONS=4 again, or begin a new "
        "ledger in another data folder"
    )
    built.lock()
    built.unlock()
