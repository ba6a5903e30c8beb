"""The repository speaks of the product: no machine's paths, nobody's working notes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

UNWANTED = {
    "a path of one machine": r"/(?:root/\.\w+|home/\w+|Users/\w+)/",
    "a note to oneself": r"\b(?:TODO|FIXME|XXX|HACK)\b",
    "an address with credentials": r"\b\w+://[^\s/:@]+:[^\s/@]+@",
}
ALLOWED = {
    # Tests of exactly these rules, or of masking credentials.
    "an address with credentials": ("tests/", "docs/"),
}
THIS = "tests/unit/repository/test_words.py"


@pytest.fixture(scope="module")
def texts(repository: Path) -> dict[str, str]:
    """Every text file under version control."""
    if not (repository / ".git").exists():
        pytest.skip("this is not a clone, so nothing tells which files belong to the repository")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=repository, capture_output=True, text=True, check=True
    ).stdout
    texts = {}
    for name in filter(None, listed.split("\0")):
        path = repository / name
        data = path.read_bytes() if path.is_file() and name != THIS else b""
        if b"\0" not in data:
            texts[name] = data.decode("utf-8", errors="replace")
    return texts


@pytest.mark.parametrize("kind", UNWANTED)
def test_no_file_holds(texts: dict[str, str], kind: str) -> None:
    pattern = re.compile(UNWANTED[kind], re.IGNORECASE if kind == "how it was developed" else 0)
    found = [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for name, text in texts.items()
        if not name.startswith(ALLOWED.get(kind, ("\0",)))
        for match in pattern.finditer(text)
    ]
    assert found == []


def test_no_file_is_large(texts: dict[str, str]) -> None:
    assert [name for name, text in texts.items() if len(text) > 500_000] == []
