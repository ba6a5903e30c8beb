"""What a planted pickle calls when somebody loads it, so that a check can tell."""

from __future__ import annotations

PICKLE = b"cmintage.testing._canary\nsing\n(tR."
"""A pickle that calls `sing`, in the oldest protocol, which every unpickler reads."""

_songs: list[str] = []


def sing() -> None:
    """Remember that a pickle was executed."""
    _songs.append("executed")


def sang() -> bool:
    """Whether a pickle was executed since this was last asked."""
    heard = bool(_songs)
    _songs.clear()
    return heard
