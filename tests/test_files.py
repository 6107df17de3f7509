"""Files written whole or not at all, and never where somebody else points."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qeopt.files import write_atomically


@given(st.binary(max_size=64), st.binary(max_size=64))
@settings(derandomize=True, max_examples=20, deadline=None)
def test_the_new_content_or_the_old(tmp_path_factory: pytest.TempPathFactory, old: bytes, new: bytes) -> None:
    path = tmp_path_factory.mktemp("f") / "sub" / "x.json"
    write_atomically(path, old)
    write_atomically(path, new)
    assert path.read_bytes() == new
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_is_replaced_never_followed(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "design.json"
    victim.write_text("precious")
    path.symlink_to(victim)
    write_atomically(path, "new")
    assert (victim.read_text(), path.read_text(), path.is_symlink()) == ("precious", "new", False)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_at_the_name_written_first_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    monkeypatch.setattr("qeopt.files.secrets.token_hex", lambda size: "0" * size)
    (tmp_path / ".x.00000000.part").symlink_to(victim)
    with pytest.raises(FileExistsError, match="x"):
        write_atomically(tmp_path / "x", "new")
    assert victim.read_text() == "precious"


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.txt"
    write_atomically(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_atomically(path, "new")
    assert caught.value.filename == str(path)
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"report.txt": "old"}


def test_a_file_can_be_read_by_whom_the_mask_allows(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        write_atomically(tmp_path / "x", "")
    finally:
        os.umask(mask)
    if os.name != "nt":
        assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640
