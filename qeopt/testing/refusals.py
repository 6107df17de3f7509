"""How a call complained, for contracts that must not need pytest."""

from __future__ import annotations

from collections.abc import Callable


def refusal(call: Callable[[], object], *kinds: type[Exception]) -> str:
    """Run `call` and return the message of the error of these kinds that it raised; an empty text where it raised none."""
    try:
        call()
    except kinds as error:
        return str(error) or type(error).__name__
    return ""
