"""Find a string of an ONNX model that is no text: protobuf hands out bytes for it, which no reader of names expects."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from qeopt.network.importers.model import refuse

UNREAD = frozenset({"doc_string"})
"""Fields that nothing here reads: they may hold anything."""


def check_strings(path: Path, model: Any) -> None:
    """Check every name, type and domain of a model once, so that nothing behind has to.

    Raises:
        SpecError: a string is not UTF-8.
    """
    waiting = [model]
    while waiting:
        for field, value in waiting.pop().ListFields():
            if field.type == field.TYPE_MESSAGE:
                waiting += _each(value)
            elif field.type == field.TYPE_STRING and field.name not in UNREAD:
                wrong = next((text for text in _each(value) if isinstance(text, bytes)), None)
                if wrong is not None:
                    place = field.full_name.removeprefix("onnx.")
                    raise refuse(path, f"is damaged: {place} holds {_shown(wrong)}, which is not UTF-8")


def _each(value: Any) -> Iterable[Any]:
    """Values of a field, whether it may be repeated or not."""
    return (value,) if isinstance(value, (str, bytes)) or hasattr(value, "ListFields") else value


def _shown(wrong: bytes) -> str:
    return repr(wrong[:60].decode("utf-8", "backslashreplace"))
