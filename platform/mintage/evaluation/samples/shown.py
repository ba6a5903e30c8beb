"""Values from the data as a person can read them: cut, on one line, with what is invisible written out."""

from __future__ import annotations

MAX_SHOWN = 120
"""Characters of a value that are shown."""


def shown(value: object) -> str:
    r"""A value as text that is safe to look at.

    >>> shown(1.5), shown(None), shown("a\u202eb"), len(shown("x" * 10_000_000))
    ('1.5', '∅', 'a\\u202eb', 121)
    """
    if value is None:
        return "∅"
    if isinstance(value, bytes):
        text = value[:MAX_SHOWN].hex(" ")
    elif isinstance(value, list):
        text = f"[{', '.join(shown(item) for item in value[:MAX_SHOWN])}"
        text += "]" if len(value) <= MAX_SHOWN else ", …"
    else:
        text = str(value)
    visible = "".join(map(_visible, text[:MAX_SHOWN]))[: 2 * MAX_SHOWN]
    return visible if len(text) <= MAX_SHOWN else f"{visible}…"


def _visible(character: str) -> str:
    """A character, or its number when it has no place on a line."""
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
