"""A subset of SQL that speaks of one row: what is not on the lists below is refused before it is parsed.

The text is cut into tokens, each is checked, and the SQL that polars parses is put together anew from
them, with every column name in quotes. So no statement, subquery, comment, aggregate, window or
table function can get through, whatever the parser would understand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mintage.operators._columns import nearest

MAX_CHARACTERS = 10_000
MAX_TOKENS = 1_000
MAX_DEPTH = 20

FUNCTIONS = (
    "abs", "ceil", "coalesce", "day", "ends_with", "exp", "floor", "greatest", "hour", "least", "length",
    "ln", "lower", "ltrim", "minute", "mod", "month", "nullif", "octet_length", "power", "quarter", "replace",
    "round", "rtrim", "second", "sign", "sqrt", "starts_with", "substr", "trim", "upper", "week", "year",
)  # fmt: skip
"""Functions of the values of one row."""

PARTS = ("year", "quarter", "month", "week", "day", "dow", "isodow", "doy", "hour", "minute", "second")
"""What EXTRACT takes out of a date or timestamp."""

_KEYWORDS = frozenset(
    "and or not between in is null like ilike case when then else end true false".split()  # noqa: SIM905  # reads better
)
_OPENING, _CLOSING = frozenset({"(", "case"}), frozenset({")", "end"})

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    | (?P<comment>--|/\*)
    | (?P<string>'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")+")
    | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<sign><>|<=|>=|!=|==|\|\||[=<>+\-*/%(),])""",
    re.VERBOSE,
)


class Token(NamedTuple):
    """A piece of an expression, and the character at which it starts, counted from 1."""

    kind: str
    text: str
    place: int

    @property
    def lower(self) -> str:
        """The text of a word or sign in lower case; nothing for literals and quoted names."""
        return self.text.lower() if self.kind in ("word", "sign") else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowExpression:
    """An expression that passed the lists: as SQL, and the columns that it reads."""

    sql: str
    columns: tuple[str, ...]


def read_expression(text: str) -> RowExpression:
    """Check an expression token by token. Raises `ValueError` that names what is refused, and where."""
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"the expression has {len(text)} characters, more than {MAX_CHARACTERS}")
    tokens = list(_tokens(text))
    if not tokens:
        raise ValueError("the expression is empty")
    if len(tokens) > MAX_TOKENS:
        raise ValueError(f"the expression has {len(tokens)} words and signs, more than {MAX_TOKENS}")
    _check_nesting(tokens)
    pieces, columns = [], []
    for index in range(len(tokens)):
        piece, column = _accept(tokens, index)
        pieces.append(piece)
        columns += [column] if column is not None else []
    if not columns:
        raise ValueError("the expression names no column, so it says nothing about a row")
    return RowExpression(sql=" ".join(pieces), columns=tuple(dict.fromkeys(columns)))


def _tokens(text: str) -> Iterator[Token]:
    position, before = 0, ""
    while position < len(text):
        match = _TOKEN.match(text, position)
        kind = match.lastgroup if match else None
        if match is None or kind is None:
            raise ValueError(f"{text[position]!r} at character {position + 1} has no place in an expression")
        if kind == "comment":
            raise ValueError(f"a comment at character {position + 1}: an expression has none")
        if kind in ("word", "number", "string") and before == "number" and kind != "string":
            raise ValueError(f"{match[0]!r} at character {position + 1} follows a number directly")
        if kind != "space":
            yield Token(kind, match[0], position + 1)
        position, before = match.end(), kind


def _check_nesting(tokens: Sequence[Token]) -> None:
    """Brackets and CASE must be balanced, and neither they nor runs of NOT and signs may nest too deeply."""
    open_: list[Token] = []
    prefixes = 0
    for token in tokens:
        prefixes = prefixes + 1 if token.lower in ("not", "-", "+") else 0
        if token.lower in _OPENING:
            open_.append(token)
        elif token.lower in _CLOSING and (not open_ or (open_.pop().lower == "(") != (token.lower == ")")):
            raise ValueError(f"{token.text!r} at character {token.place} closes nothing")
        if max(len(open_), prefixes) > MAX_DEPTH:
            raise ValueError(
                f"{token.text!r} at character {token.place} is nested more than {MAX_DEPTH} deep"
            )
        if token.text == "," and not open_:
            raise ValueError(f"',' at character {token.place}: only one expression may be given")
    if open_:
        raise ValueError(f"{open_[-1].text!r} at character {open_[-1].place} is never closed")


def _accept(tokens: Sequence[Token], index: int) -> tuple[str, str | None]:
    """The token as SQL, and the column that it names, if any."""
    token = tokens[index]
    if token.kind == "quoted":
        _refuse_call(tokens, index)
        return token.text, token.text[1:-1].replace('""', '"')
    if token.kind != "word" or token.lower in _KEYWORDS:
        return token.text, None
    if _in_extract(tokens, index):
        return token.text, None
    following = tokens[index + 1] if index + 1 < len(tokens) else Token("", "", 0)
    if following.text == "(":
        _check_function(token)
        return token.text, None
    if following.kind == "string":
        if token.lower not in ("date", "timestamp"):
            raise ValueError(f"{token.text!r} at character {token.place} cannot stand before text")
        return token.text, None
    return f'"{token.text}"', token.text


def _check_function(token: Token) -> None:
    if token.lower not in (*FUNCTIONS, "extract"):
        raise ValueError(
            f"{token.text!r} at character {token.place} is no function of one row; "
            f"{nearest(token.lower, FUNCTIONS)}"
        )


def _refuse_call(tokens: Sequence[Token], index: int) -> None:
    if index + 1 < len(tokens) and tokens[index + 1].text == "(":
        raise ValueError(
            f"{tokens[index].text} at character {tokens[index].place} is a column, not a function"
        )


def _in_extract(tokens: Sequence[Token], index: int) -> bool:
    """Whether a word is the part, or the FROM, of `EXTRACT(part FROM …)`."""
    words = [token.lower for token in tokens[max(0, index - 3) : index + 2]]
    match [""] * (3 - min(index, 3)) + words:
        case [*_, "extract", "(", part, "from"]:
            if part not in PARTS:
                raise ValueError(
                    f"EXTRACT knows no {part!r}, at character {tokens[index].place}; {nearest(part, PARTS)}"
                )
            return True
        case ["extract", "(", _, "from", *_]:
            return True
    return False
