"""Where names are found, and in which order."""

import os
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from qeopt.spec import library as module
from qeopt.spec.errors import Location, PluginError, SpecError
from qeopt.spec.library import Library


def write(path: Path, kind: str = "chip") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"# a comment\nkind: {kind}\n")
    return path


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with nothing shipped, installed or in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QEOPT_PATH", raising=False)
    monkeypatch.setattr(module, "builtin_folder", lambda: tmp_path / "shipped")
    monkeypatch.setattr(module, "entry_points", lambda group: ())
    return tmp_path


def test_the_first_place_wins_and_all_are_listed_in_order(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = root / "pack"
    (pack / "a_pack").mkdir(parents=True)
    (pack / "a_pack" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(pack))
    monkeypatch.setattr(module, "entry_points", lambda group: (EntryPoint("mine", "a_pack", group),))
    monkeypatch.setenv("QEOPT_PATH", os.pathsep.join(("env1", "", "env2")))
    library = Library((Path("given"),))
    places = {
        Path("home/a.yaml"): "beside the file",
        Path("home/chips/a.yaml"): "beside the file",
        Path("given/chips/a.yaml"): "--path",
        Path("env1/chips/a.yaml"): "QEOPT_PATH",
        Path("env2/chips/a.yaml"): "QEOPT_PATH",
        pack / "a_pack/chips/a.yaml": "pack mine",
        root / "shipped/chips/a.yaml": "built-in",
    }
    for path in places:
        write(path)
    while places:
        found = library.candidates("chip", "chips", "a", Path("home"))
        assert {hit.path: hit.origin for hit in found} == places
        first = next(iter(places))
        assert found[0].path == library.resolve("chip", "chips", "a", Path("home")) == first
        first.unlink()
        del places[first]
    assert library.candidates("chip", "chips", "a", Path("home")) == ()


def test_paths_start_from_the_naming_file(root: Path) -> None:
    library = Library()
    for name in ("sub/x.yaml", "./x.yaml", "../x.yaml", str(root / "y.yaml")):
        path = write(Path("home") / name)
        assert library.resolve("chip", "chips", name, Path("home")) == path
    write(Path("home/exact/x"))
    assert library.resolve("chip", "chips", "exact/x", Path("home")) == Path("home/exact/x")


def test_names_may_have_a_sub_folder(root: Path) -> None:
    shipped = write(root / "shipped/paper/mixed.yaml", "study")
    assert Library().resolve("study", "", "paper/mixed", None) == shipped


def test_a_file_of_another_kind_beside_the_file_does_not_hide_the_one_that_is_meant(root: Path) -> None:
    study = write(Path("net.yaml"), "study")
    library = Library()
    assert library.resolve("network", "networks", "net", None) == study
    network = write(root / "shipped/networks/net.yaml", "network")
    assert library.resolve("network", "networks", "net", None) == network
    assert [found.path for found in library.candidates("network", "networks", "net")] == [network, study]


def test_what_is_available_is_listed_once_and_by_kind(root: Path) -> None:
    write(root / "shipped/top.yaml", "study")
    write(root / "shipped/paper/mixed.yaml", "'study'")
    write(root / "shipped/chips/a.yaml")
    beside = write(Path("chips/a.yaml"))
    library = Library()
    assert [(hit.name, hit.origin) for hit in library.available("", "study")] == [("paper/mixed", "built-in"), ("top", "built-in")]
    assert [(hit.name, hit.path) for hit in library.available("chips")] == [("a", beside)]
    assert library.available("chips", "study") == ()


def missing(library: Library, name: str, folder: str = "chips") -> str:
    with pytest.raises(SpecError) as caught:
        library.resolve("chip", folder, name, None, location=Location("f.yaml", 3, 7))
    return str(caught.value)


def test_what_is_not_found_is_said_with_the_nearest_name_and_the_places(root: Path) -> None:
    write(root / "shipped/chips/stm32f412.yaml")
    write(root / "shipped/chips/stm32f746.yaml")
    searched = f"(searched: chips, {Path('more/chips')}, {root / 'shipped/chips'})"
    library = Library((Path("more"),))
    assert missing(library, "stm32f421") == (
        f"f.yaml:3:7: there is no chip named 'stm32f421'; did you mean 'stm32f412'? {searched}"
    )
    assert missing(library, "zzz") == f"f.yaml:3:7: there is no chip named 'zzz' {searched}"
    assert missing(library, "chips/zzz.yaml") == f"f.yaml:3:7: there is no chip file '{Path('chips/zzz.yaml')}'"


@pytest.mark.parametrize("name", ["", ".", "..", "/", "a" * 5000, "a\0b", "a/" * 2000, "~", "chips", " ", "*", "[a"])
def test_names_that_no_file_can_have_are_not_found(root: Path, name: str) -> None:
    (root / "chips").mkdir()
    assert "there is no chip" in missing(Library(), name)


def test_a_pack_that_cannot_be_opened_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "entry_points", lambda group: (EntryPoint("broken", "no_such_package_here", group),))
    with pytest.raises(
        PluginError, match=r"^the pack 'broken' \(no_such_package_here\) cannot be opened: .*; reinstall or remove it$"
    ):
        Library().resolve("chip", "chips", "x", None)


def test_what_is_shipped_is_a_folder_of_this_project() -> None:
    assert module.builtin_folder().name in {"specs", "_specs"}
