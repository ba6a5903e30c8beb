"""The error tree: drawn as it is, and carried between processes."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from mintage import errors
from mintage.errors import MintageError

CLASSES = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, MintageError) and value.__module__ == errors.__name__
]


def drawn_parents() -> dict[str, str]:
    """Class name to parent name, as the tree in the module's docstring draws it."""
    found: dict[str, str] = {}
    path: list[str] = []
    for indent, name in re.findall(r"^ {4}([│├└─ ]*)(\w+Error)\b", errors.__doc__ or "", re.MULTILINE):
        depth = len(indent) // 4
        del path[depth:]
        if path:
            found[name] = path[-1]
        path.append(name)
    return found


def test_the_tree_in_the_docstring_is_the_tree_in_the_code() -> None:
    in_code = {cls.__name__: cls.__bases__[0].__name__ for cls in CLASSES if cls is not MintageError}
    assert drawn_parents() == in_code
    assert len(in_code) >= 12


def test_the_docstring_marks_exactly_the_retryable_errors() -> None:
    drawn = set(re.findall(r"(\w+Error) +\(retryable\)", errors.__doc__ or ""))
    assert drawn == {cls.__name__ for cls in CLASSES if cls.retryable}


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_survives_pickling(cls: type[MintageError]) -> None:
    error = pickle.loads(pickle.dumps(cls("what happened", "what to do")))
    assert type(error) is cls
    assert (error.message, error.hint) == ("what happened", "what to do")
    assert str(error) == "what happened\n  hint: what to do"


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_without_a_hint_is_its_message(cls: type[MintageError]) -> None:
    assert str(cls("what happened")) == "what happened"


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_says_what_it_means_and_how_the_command_line_ends(cls: type[MintageError]) -> None:
    assert cls.__doc__
    assert cls.exit_code in {1, 2}
    assert not (cls.retryable and cls.exit_code == 2), "bad input does not get better by trying again"
