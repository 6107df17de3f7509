"""YAML as it is read: the values, the limits, and every refusal word for word."""

import errno
import hashlib
from pathlib import Path

import pytest

from qeopt.spec.document import MAX_BYTES, parse, parse_value, read
from qeopt.spec.errors import Location, SpecError
from qeopt.spec.node import plain


def refusal(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        parse(text, "f.yaml")
    return str(caught.value)


def test_scalars_follow_yaml_1_2() -> None:
    text = """
    words: [on, no, yes, y, 12:30:00, 2025-01-31, 1_000, +.5x, '8', "true", '~']
    numbers: [017, 0x10, 0o17, -3, 1e6, 1.5, .5, -2.e-3, +4]
    constants: [true, False, null, ~, ]
    nothing:
    block: |
      a
       b
    """
    assert plain(parse(text).root) == {
        "words": ["on", "no", "yes", "y", "12:30:00", "2025-01-31", "1_000", "+.5x", "8", "true", "~"],
        "numbers": [17, 16, 15, -3, 1e6, 1.5, 0.5, -2e-3, 4],
        "constants": [True, False, None, None],
        "nothing": None,
        "block": "a\n b\n",
    }


def test_whole_numbers_stay_whole_and_infinities_are_floats() -> None:
    values = plain(parse("a: [1, 1.0, .inf, -.inf, .nan]").root)
    assert repr(values) == "{'a': [1, 1.0, inf, -inf, nan]}"


def test_aliases_share_what_they_name() -> None:
    assert plain(parse("a: &x [1, {b: 2}]\nc: [*x, *x]").root) == {"a": [1, {"b": 2}], "c": [[1, {"b": 2}]] * 2}


def test_byte_order_mark_and_windows_line_ends_do_not_move_places() -> None:
    root = parse("\ufeffa: 1\r\nb: 2\r\n", "f.yaml").root
    assert [str(entry.value.location) for entry in root.entries] == ["f.yaml:1:4", "f.yaml:2:4"]


def test_a_file_is_hashed_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"a: 1 # \xc3\xa9\r\n")
    document = read(path)
    assert (document.path, document.sha256) == (path, hashlib.sha256(path.read_bytes()).hexdigest())


SYNTAX = {
    "": "f.yaml: the file is empty; a mapping such as 'kind: ...' was expected",
    "# nothing\n": "f.yaml: the file is empty; a mapping such as 'kind: ...' was expected",
    "- a": "f.yaml:1:1: the file holds a list; a mapping such as 'kind: ...' was expected",
    "just words": "f.yaml:1:1: the file holds 'just words'; a mapping such as 'kind: ...' was expected",
    "a: 1\nb: 2\na: 3": "f.yaml:3:1: duplicate key 'a'; it is already given at f.yaml:1:1",
    "a: {b: 1, b: 2}": "f.yaml:1:11: duplicate key 'b'; it is already given at f.yaml:1:5",
    "\ta: 1": "f.yaml:1:1: a tab is not allowed here; indent with spaces",
    "a:\n\tb: 1": "f.yaml:2:1: a tab is not allowed here; indent with spaces",
    "a: b: c": "f.yaml:1:5: a ':' cannot stand here; check the indentation, or quote the text",
    "a: 1\n b: 2": "f.yaml:2:3: a ':' cannot stand here; check the indentation, or quote the text",
    "a: 1\nb": "f.yaml:2:2: a key without its ':'; every line of a mapping is 'key: value'",
    "a:\n  - b\n c: 1": "f.yaml:3:2: this does not line up with the lines above; check the indentation",
    "a: - b": "f.yaml:1:4: a '-' cannot stand here; check the indentation",
    "a: [1, 2": "f.yaml:1:9: a list or mapping in brackets is not closed, or lacks a ','",
    "a: {b: 1": "f.yaml:1:9: a list or mapping in brackets is not closed, or lacks a ','",
    "a: 'b": "f.yaml:1:6: a quoted text is never closed",
    'a: "\\q"': "f.yaml:1:6: an unknown '\\' escape in a quoted text; single quotes keep '\\' as it is",
    "a: @b": "f.yaml:1:4: this character cannot start a value; quote the text",
    "a: ,": "f.yaml:1:4: a value is missing here",
    "a: &": "f.yaml:1:5: a name is missing after '&' or '*'; quote the text if none is meant",
    "a: | b": "f.yaml:1:6: a text after '|' or '>' starts on the next line, indented",
    "a: ? b": "f.yaml:1:4: a '?' cannot stand here; quote the text",
    "{a: 1} b": "f.yaml:1:8: this stands after the end of the file's mapping; check the indentation",
    "%YAML x": "f.yaml:1:7: YAML directives and tags are not supported; write the plain value",
    "a: !<x": "f.yaml:1:7: YAML directives and tags are not supported; write the plain value",
    "a: *x": "f.yaml:1:4: the alias 'x' has no anchor of that name above it",
    "a: &x [*x]": "f.yaml:1:8: the alias 'x' stands inside the value it refers to",
    "a: 1\n---\nb: 2": "f.yaml:2:1: a second document starts here; a file holds a single document",
    "a: 1\n...\nb: 2": "f.yaml:3:1: a second document starts here; a file holds a single document",
    "%YAML 1.1\n---\na: on": "f.yaml:2:1: YAML directives are not supported; files are read as YAML 1.2",
    "a: !!int 3": "f.yaml:1:4: YAML tags are not supported; write the plain value",
    "a: !x {}": "f.yaml:1:4: YAML tags are not supported; write the plain value",
    "1: a": "f.yaml:1:1: the key 1 is not text; keys are names",
    "? \n: a": "f.yaml:1:2: the key null is not text; keys are names",
    "[a]: b": "f.yaml:1:1: a list or mapping cannot be a key; keys are text",
    "a: &x {}\n*x : 1": "f.yaml:2:1: the key null is not text; keys are names",
    "a: &x {b: 1}\nc: {<<: *x}": "f.yaml:2:5: the merge key '<<' is not supported; write the keys out, or use 'extends'",
    "a: \x00": "f.yaml:1:4: the character U+0000 is not text; a YAML file was expected",
    'a: "\\0"': "f.yaml:1:4: a text holds a control character; write printable text",
    'a: "\\ud800"': "f.yaml:1:4: a text holds a control character; write printable text",
    "a: \ud800": "f.yaml:1:4: not UTF-8 text; a YAML file was expected",
    "a: " + "9" * 41: "f.yaml:1:4: a number of 41 characters; at most 40 are read",
    "a: 9223372036854775808": "f.yaml:1:4: the whole number 9223372036854775808 does not fit in 64 bits",
}


@pytest.mark.parametrize("text", SYNTAX)
def test_syntax_is_refused_in_our_own_words(text: str) -> None:
    assert refusal(text) == SYNTAX[text]


def test_deep_nesting_is_refused_where_it_gets_deep() -> None:
    too_deep = "nested more than 64 levels deep; a spec needs fewer than ten"
    assert refusal("a: " + "[" * 2000) == f"f.yaml:1:67: {too_deep}"
    assert refusal("\n".join(" " * level + "a:" for level in range(1000))) == f"f.yaml:65:65: {too_deep}"
    assert refusal("a: &x " + "[" * 40 + "]" * 40 + "\nb: " + "[" * 40 + "*x" + "]" * 40) == f"f.yaml:2:44: {too_deep}"


def test_an_alias_bomb_is_refused() -> None:
    levels = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    levels += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 30)]
    said = "more than 20,000 values once aliases are written out; a spec needs a few hundred"
    assert refusal("\n".join(levels)) == f"f.yaml:5:10: {said}"


def test_many_values_are_refused_without_aliases_too() -> None:
    assert "more than 20,000 values" in refusal("a:\n" + "- 1\n" * 20_000)
    assert len(parse("a:\n" + "- 1\n" * 19_000).root.entries) == 1


def test_large_files_and_long_lines_are_refused_before_they_are_parsed() -> None:
    assert refusal("#" * (MAX_BYTES + 1)) == "f.yaml: larger than 1 MiB; a spec needs a few kilobytes"
    assert refusal("a: 1\nb: !" + "x" * 70_000) == "f.yaml:2:1: a line of more than 65,536 characters; a spec has short lines"


def file_refusal(path: Path) -> str:
    with pytest.raises(SpecError) as caught:
        read(path)
    return str(caught.value)


def test_what_is_not_a_readable_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("junk.yaml").write_bytes(b"a: 1\nb: \xff\xfe\x00")
    Path("image.yaml").write_bytes(bytes(range(256)))
    Path("empty.yaml").touch()
    Path("wide.yaml").write_bytes("a: 1".encode("utf-16"))
    Path("folder.yaml").mkdir()
    said = [file_refusal(Path(name)) for name in ("junk.yaml", "image.yaml", "empty.yaml", "wide.yaml", "folder.yaml", "none.yaml")]
    assert said == [
        "junk.yaml:2:4: not UTF-8 text; a YAML file was expected",
        "image.yaml:3:115: not UTF-8 text; a YAML file was expected",
        "empty.yaml: the file is empty; a mapping such as 'kind: ...' was expected",
        "wide.yaml:1:1: not UTF-8 text; a YAML file was expected",
        "folder.yaml: is a folder; a YAML file was expected",
        "none.yaml: there is no such file",
    ]
    assert file_refusal(Path("a\0b.yaml")) == "a\0b.yaml: cannot be read: not a usable path"
    assert "cannot be read" in file_refusal(Path("x" * 5000))


def test_a_file_without_permission_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, mode: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert file_refusal(Path("secret.yaml")) == "secret.yaml: cannot be read: Permission denied"


def test_a_value_from_the_command_line_stands_at_its_option() -> None:
    location = Location("--set a=...")
    node = parse_value("[1, {b: x}]", location)
    assert (plain(node), node.location) == ([1, {"b": "x"}], location)
    for text, message in {
        "": "a value is missing after '='",
        "[1": "a list or mapping in brackets is not closed, or lacks a ','",
    }.items():
        with pytest.raises(SpecError) as caught:
            parse_value(text, location)
        assert str(caught.value) == f"--set a=...: {message}"
