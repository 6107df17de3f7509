"""Trees: values without places, and places by path."""

import pickle

import pytest

from qeopt.spec.document import parse
from qeopt.spec.errors import Location, Problem, QeoptError, SpecError, did_you_mean, nearest, quote
from qeopt.spec.node import locate, locate_key, plain

TEXT = """\
space:
  width: {low: 8, high: [1, 2]}
  depth: 3
list:
  - a
  - b: 1
"""

PLACES = {
    (): "f.yaml:1:1",
    ("space",): "f.yaml:1:1",
    ("space", "depth"): "f.yaml:3:10",
    ("space", "width"): "f.yaml:2:3",
    ("space", "width", "low"): "f.yaml:2:16",
    # A union's tag and a missing field are no part of the tree.
    ("space", "width", "range", "low"): "f.yaml:2:16",
    ("space", "width", "step"): "f.yaml:2:3",
    ("space", "width", "high", 1): "f.yaml:2:29",
    ("list", 0): "f.yaml:5:5",
    ("list", 1, "b"): "f.yaml:6:8",
    ("list", 7): "f.yaml:4:1",
    ("list", -1): "f.yaml:4:1",
    ("no", "such", 3, "path"): "f.yaml:1:1",
}


@pytest.mark.parametrize("path", PLACES)
def test_places_are_found_by_path(path: tuple[str | int, ...]) -> None:
    assert str(locate(parse(TEXT, "f.yaml").root, path)) == PLACES[path]


def test_a_key_is_placed_at_the_key() -> None:
    assert str(locate_key(parse(TEXT, "f.yaml").root, ("space", "depth"))) == "f.yaml:3:3"


def test_a_tree_is_plain_data() -> None:
    assert plain(parse(TEXT).root) == {"space": {"width": {"low": 8, "high": [1, 2]}, "depth": 3}, "list": ["a", {"b": 1}]}


def test_a_key_put_into_a_mapping_keeps_its_place_in_the_order() -> None:
    root = parse("a: 1\nb: 2", "f.yaml").root
    value = parse("x: 9", "g.yaml").root.entries[0].value
    changed = root.put("a", value).put("c", value)
    assert plain(changed) == {"a": 9, "b": 2, "c": 9}
    assert [str(entry.location) for entry in changed.entries] == ["f.yaml:1:1", "f.yaml:2:1", "g.yaml:1:4"]
    assert plain(root) == {"a": 1, "b": 2}
    assert plain(changed.without("a", "c")) == {"b": 2}


def test_problems_are_sorted_by_place_and_said_once() -> None:
    places = [Location("b", 1, 1), Location("a", 10, 1), Location("a", 9, 12), Location("a", 9, 2), None, Location("a")]
    error = SpecError([Problem(place, "wrong") for place in (*places, *places)])
    assert str(error) == "wrong\na: wrong\na:9:2: wrong\na:9:12: wrong\na:10:1: wrong\nb:1:1: wrong"
    assert isinstance(error, QeoptError)
    assert error.exit_code == 2


def test_an_error_keeps_its_problems_in_another_process() -> None:
    error = SpecError.at(Location("a", 1, 2), "wrong")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.problems, str(copy)) == (error.problems, "a:1:2: wrong")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("buget", "budgets"), ("Budgets", "budgets"), ("clock-mhz", "clock_mhz"), ("zzz", None), ("", None), ("b" * 100, None)],
)
def test_the_nearest_name_is_close_or_none(name: str, expected: str | None) -> None:
    assert nearest(name, ("budgets", "clock_mhz", "layers")) == expected


def test_the_nearest_name_does_not_depend_on_the_order_of_candidates() -> None:
    assert nearest("abcx", ("abcz", "abcy")) == nearest("abcx", ("abcy", "abcz"))


def test_did_you_mean_is_silent_without_a_close_name() -> None:
    assert did_you_mean("layrs", ("layers",)) == "; did you mean 'layers'?"
    assert not did_you_mean("x", ("layers",))


def test_values_are_quoted_in_one_short_line() -> None:
    assert [quote(value) for value in (None, True, 3, 1.5, "a\nb", [1], {"a": 1})] == [
        "null",
        "true",
        "3",
        "1.5",
        r"'a\nb'",
        "a list",
        "a mapping",
    ]
    assert len(quote("x" * 1000)) == 60
