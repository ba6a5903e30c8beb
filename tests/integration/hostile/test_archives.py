"""Archives and links: nothing is extracted, and no link leads a reader or a writer somewhere else."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.hostile.conftest import Child

SPEC = """
name: mint
seed: 1
source: {{uri: {source}{kind}}}
generator: {{kind: tabular.marginals}}
rows: 10
sink: {{uri: out}}
resources: {{executor: inline}}
evaluation: {{metrics: []}}
"""
CSV = "n,x\n" + "".join(f"{i % 7},{i / 4}\n" for i in range(200))


def mint(child: Child, source: str, kind: str | None = None) -> tuple[str, ...]:
    """The arguments that learn from a source."""
    (child.folder / "mint.yaml").write_text(
        SPEC.format(source=source, kind=f", kind: {kind}" if kind else "")
    )
    return "run", "mint.yaml"


@pytest.fixture(autouse=True)
def nothing_escapes(tmp_path: Path) -> Iterator[None]:
    """Whatever a test does, nothing appears outside the folder and the home of its child."""
    yield
    assert {path.name for path in tmp_path.iterdir()} <= {"work", "home"}
    assert not list(tmp_path.parent.glob("*escaped*"))


def zipped(path: Path, members: dict[str, str], modes: dict[str, int] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (modes or {}).get(name, stat.S_IFREG | 0o644) << 16
            archive.writestr(info, text)
    return path


def tarred(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size
    return info


SLIP = "../../escaped.csv"
ZIPS: dict[str, tuple[dict[str, str], str]] = {
    "leading out": ({SLIP: CSV, "/escaped.csv": CSV}, f"holds 2 files: {SLIP}, /escaped.csv"),
    "of very many": ({f"{i:05d}.csv": "" for i in range(20_000)}, "holds 20000 files"),
}


@pytest.mark.parametrize(("members", "reason"), ZIPS.values(), ids=list(ZIPS))
def test_a_zip_of_files_is_no_source(child: Child, members: dict[str, str], reason: str) -> None:
    zipped(child.folder / "source.zip", members)
    child.mintage(*mint(child, "source.zip", "csv")).refused(reason, code=2)


def test_a_zip_of_one_file_is_read_where_it_is_whatever_its_name(child: Child) -> None:
    zipped(child.folder / "source.zip", {SLIP: CSV})
    done = child.mintage(*mint(child, "source.zip", "csv"))
    assert done.code == 0, done.told
    assert sorted(path.name for path in child.folder.iterdir()) == ["mint.yaml", "out", "source.zip"]


def test_a_link_in_a_zip_is_its_text_and_is_not_followed(child: Child) -> None:
    (child.folder / "secret.csv").write_text(CSV)
    zipped(child.folder / "source.zip", {"link": "secret.csv"}, {"link": stat.S_IFLNK | 0o777})
    child.mintage(*mint(child, "source.zip", "csv")).refused("the source has 0 rows", code=2)


def test_a_tar_is_no_source(child: Child) -> None:
    tarred(
        child.folder / "source.tar.gz",
        member(SLIP, size=3),
        member("/escaped.csv", size=3),
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("hard", tarfile.LNKTYPE, "../../escaped.csv"),
        member("device", tarfile.CHRTYPE),
    )
    child.mintage(*mint(child, "source.tar.gz")).refused("no connector reads 'source.tar.gz'", code=2)
    child.mintage(*mint(child, "source.tar.gz", "csv")).refused("has a NUL byte in line 1", code=2)


def test_an_archive_in_a_data_set_is_reported_and_left_shut(child: Child, dataset: Path, key: Path) -> None:
    zipped(dataset / "data/people/part-000009-x.zip", {SLIP: CSV})
    tarred(dataset / "_mintage/commits/more.tar.gz", member(SLIP, size=3))
    done = child.mintage("verify", dataset, "--key", key, "--strict")
    done.refused("part-000009-x.zip", "more.tar.gz")
    assert sorted(path.name for path in child.folder.iterdir()) == ["people", "signer.pub"]


def part(dataset: Path, shard: int) -> Path:
    [path] = (dataset / "data").rglob(f"part-{shard:06d}-*")
    return path


def instead(path: Path, target: str | Path) -> str:
    """Put a link in the place of a file; returns the file's name."""
    path.unlink()
    path.symlink_to(target)
    return path.name


def test_a_link_in_a_data_set_is_no_way_out(child: Child, dataset: Path, key: Path) -> None:
    instead(dataset / "_mintage/plan.json", "/etc/passwd")
    file, nowhere, device, folder = (
        instead(part(dataset, shard), target)
        for shard, target in enumerate(["/etc/passwd", "nowhere", "/dev/zero", str(dataset / "_mintage")])
    )
    done = child.mintage("verify", dataset, "--key", key)
    done.refused("plan.json", f"{file}: a symbolic link leads out", f"{device}: a symbolic link leads out")
    done.refused(f"{nowhere}: the part is missing", f"{folder}: the part is missing")
    assert "root:" not in done.told


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


NO_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a link to itself": (lambda path: instead(path, path.name), "symbolic links go in a circle"),
    "a pipe": (pipe, "is not a regular file"),
}


@pytest.mark.parametrize(("damage", "reason"), NO_FILES.values(), ids=list(NO_FILES))
def test_what_is_no_file_does_not_hold_up_the_reader(
    child: Child, dataset: Path, key: Path, damage: Callable[[Path], object], reason: str
) -> None:
    damage(part(dataset, 2))
    child.mintage("verify", dataset, "--key", key).refused(reason)


def test_records_that_lead_to_a_device_are_not_read(child: Child, dataset: Path, key: Path) -> None:
    instead(dataset / "_mintage/versions/1/records/000000.jsonl", "/dev/zero")
    child.mintage("verify", dataset, "--key", key).refused("records/000000.jsonl")


def test_nothing_is_written_through_a_link_that_leads_out(child: Child) -> None:
    (child.folder / "source.csv").write_text(CSV)
    (child.folder / "elsewhere").mkdir()
    (child.folder / "out").mkdir()
    (child.folder / "out/data").symlink_to(child.folder / "elsewhere")
    child.mintage(*mint(child, "source.csv")).refused("a symbolic link leads out of")
    assert list((child.folder / "elsewhere").iterdir()) == []
