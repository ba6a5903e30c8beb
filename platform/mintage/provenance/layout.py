"""Where things lie in a data set, and which paths a record may name."""

from __future__ import annotations

import re
import unicodedata

from mintage.errors import ProvenanceError

DATA = "data/"
COMMITS = "_mintage/commits/"
HEADS = "_mintage/heads/"
REJECTS = "_mintage/rejects/"
SKETCHES = "_mintage/sketches/"
EVALUATIONS = "_mintage/evaluations/"
ATTESTATIONS = "_mintage/attestations/"
PLAN = "_mintage/plan.json"
PLANS = "_mintage/plans/"

RECORDS_PER_FILE = 4096
"""Shard records in one file of a version."""

_RESERVED = {"manifest-sha256.txt", "statement.jsonl", "statements.jsonl", "unsigned.jsonl"}
_MAX_PATH = 1024
_MAX_TABLE = 200
_ATTACHMENT = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*")
_MAX_ATTACHMENT_NAME = 100
_NO_NAME = re.compile(r"(?:^|/)\.{0,2}(?:/|\Z)")  # an empty step, `.` or `..`
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\:*?\"<>|]")


def commit_path(index: int) -> str:
    """The commit record of shard `index`.

    >>> commit_path(17)
    '_mintage/commits/000017.json'
    """
    return f"{COMMITS}{index:06d}.json"


def plan_path(first_shard: int) -> str:
    """The plan whose first shard has that number.

    >>> plan_path(0), plan_path(17)
    ('_mintage/plan.json', '_mintage/plans/000017.json')
    """
    return f"{PLANS}{first_shard:06d}.json" if first_shard else PLAN


def given_up_path(first_shard: int) -> str:
    """What says that the plan whose first shard has that number was given up."""
    return f"{PLANS}{first_shard:06d}.given-up.json"


def head_path(version: int) -> str:
    """The head of a version."""
    return f"{HEADS}{version}.json"


def version_path(version: int) -> str:
    """The folder of a version, with a slash at its end."""
    return f"_mintage/versions/{version}/"


def records_path(version: int, number: int) -> str:
    """The file of a version that holds the records from `number * RECORDS_PER_FILE` on."""
    return f"{version_path(version)}records/{number:06d}.jsonl"


def statements_path(version: int) -> str:
    """The signed statements of a version, one DSSE envelope a line."""
    return f"{version_path(version)}statements.jsonl"


def unsigned_path(version: int) -> str:
    """What was to be signed of a version when no key would sign it, one payload a line."""
    return f"{version_path(version)}unsigned.jsonl"


def checksums_path(version: int) -> str:
    """The checksums of a version's parts, as `sha256sum -c` reads them."""
    return f"{version_path(version)}manifest-sha256.txt"


def attachment_path(version: int, name: str) -> str:
    """A file beside a version that its statement names by digest, such as `report.html`."""
    return version_path(version) + name


def evaluation_path(digest: str) -> str:
    """The folder of an evaluation that no version followed, with a slash at its end."""
    return f"{EVALUATIONS}{digest.removeprefix('sha256:')[:16]}/"


def attestations_path(version: int) -> str:
    """The folder of what was signed about a version after its head, with a slash at its end."""
    return f"{ATTESTATIONS}{version}/"


def attestation_path(version: int, digest: str) -> str:
    """The envelope with that digest, which speaks about a version."""
    return f"{attestations_path(version)}{digest.removeprefix('sha256:')}.json"


def check_attachment_name(name: str) -> None:
    """Raise `ProvenanceError` unless `name` can stand beside a version's own files.

    It needs a suffix, which the folders of a version do not have, so that it can never hide one; and it
    has lower-case letters only, so that no two names are one where case does not count.
    """
    if len(name) > _MAX_ATTACHMENT_NAME or not _ATTACHMENT.fullmatch(name) or "." not in name:
        reason = "it must be lower-case letters, digits, dashes and underscores, and have a suffix"
    elif name in _RESERVED or name.endswith(".partial"):
        reason = "a version has a file of its own by that name"
    else:
        return
    raise ProvenanceError(f"the attachment name {name[:200]!r} is refused: {reason}", "such as report.html")


def check_table_name(table: str) -> None:
    """Raise `ProvenanceError` unless a table's name can stand in paths; to be asked before any work."""
    if "/" in table or len(table) > _MAX_TABLE:
        raise ProvenanceError(f"the table name {table[:200]!r} is refused: it holds a slash, or is too long")
    _check_relative(f"{DATA}{table}/part", f"the table name {table[:200]!r}")


def check_part_path(path: str, table: str, index: int) -> None:
    """Raise `ProvenanceError` unless `path` is a place for a part of that table and shard.

    A record comes from outside; nothing is read before its path has passed. It must be relative,
    POSIX, NFC, without `.` or `..`, and start with `data/<table>/part-<index>-`.
    """
    _check_relative(path)
    _check_prefix(path, f"{DATA}{table}/part-{index:06d}-", table)


def check_reject_path(path: str, table: str, index: int) -> None:
    """Raise `ProvenanceError` unless `path` is a place for the rejected rows of that table and shard."""
    _check_relative(path)
    _check_prefix(path, f"{REJECTS}{table}/part-{index:06d}-", table)


def check_sketch_path(path: str, table: str, index: int) -> None:
    """Raise `ProvenanceError` unless `path` is a place for what was counted of that table and shard."""
    _check_relative(path)
    _check_prefix(path, f"{SKETCHES}{table}/part-{index:06d}-", table)


def _check_relative(path: str, what: str = "") -> None:
    if len(path) > _MAX_PATH:
        reason = f"it is longer than {_MAX_PATH} characters"
    elif _UNSAFE.search(path):
        reason = "it holds a backslash, a colon, a control character or a wildcard"
    elif _NO_NAME.search(path):
        reason = "it is absolute, or leads out of the data set"
    elif not path.isascii() and unicodedata.normalize("NFC", path) != path:
        reason = "it is not in Unicode normal form C"
    else:
        return
    raise ProvenanceError(f"{what or f'the path {path[:200]!r} in a record'} is refused: {reason}")


def _check_prefix(path: str, prefix: str, table: str) -> None:
    if "/" in table or not path.startswith(prefix) or "/" in path[len(prefix) :] or path == prefix:
        raise ProvenanceError(
            f"the path {path[:200]!r} in a record is refused: it must start with {prefix!r}"
        )
