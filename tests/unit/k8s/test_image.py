"""The image: what runs as whom, from what, and that the pods of the chart find in it what they name."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.unit.k8s.charts import CHART, K8S, cluster_of, pods, ray_objects, variant

Step = tuple[str, str]


@pytest.fixture(scope="module")
def steps() -> list[Step]:
    """The Containerfile's instructions and what follows each, continued lines joined."""
    text = (K8S / "image" / "Containerfile").read_text(encoding="utf-8")
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#")).replace("\\\n", " ")
    words = (line.split(maxsplit=1) for line in lines.splitlines() if line.strip())
    return [(instruction, " ".join(rest.split())) for instruction, rest in words]


def last_stage(steps: list[Step]) -> list[Step]:
    """What ends up in the image."""
    begin = max(index for index, (instruction, _) in enumerate(steps) if instruction == "FROM")
    return steps[begin:]


def test_both_stages_start_from_the_same_base_with_a_tag_and_a_place_for_a_digest(steps: list[Step]) -> None:
    bases = [rest.partition(" AS ")[0] for instruction, rest in steps if instruction == "FROM"]
    assert len(bases) == 2
    assert set(bases) == {"docker.io/library/python:${PYTHON_TAG}${PYTHON_DIGEST}"}
    arguments = dict(
        rest.split("=", 1) for instruction, rest in steps if instruction == "ARG" and "=" in rest
    )
    assert re.fullmatch(r"3\.1[123]\.\d+-slim-[a-z]+", arguments["PYTHON_TAG"])
    assert arguments["PYTHON_DIGEST"] == '""'


def test_it_runs_as_the_chart_s_user(steps: list[Step]) -> None:
    assert [rest for instruction, rest in steps if instruction == "USER"] == ["1000:1000"]
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    assert values["pods"]["uid"] == 1000
    assert "useradd --uid 1000 --gid 1000" in " ".join(rest for _, rest in last_stage(steps))


def test_folders_that_pods_write_to_are_the_user_s(steps: list[Step]) -> None:
    script = " ".join(rest for instruction, rest in last_stage(steps) if instruction == "RUN")
    owned = re.findall(r"--owner=1000 --group=1000 (.*?) &&", script)
    made = {*" ".join(owned).split(), *re.findall(r"--home-dir (\S+)", script)}
    mounted = {
        mount["mountPath"]
        for _, pod in pods(ray_objects(variant("everything"))[0])
        for mount in pod["spec"]["containers"][0]["volumeMounts"]
        if not mount.get("readOnly") and mount["mountPath"] not in {"/tmp", "/dev/shm"}
    }
    assert mounted == made


def test_it_has_what_kuberay_starts_pods_and_asks_for_health_with(steps: list[Step]) -> None:
    script = " ".join(rest for instruction, rest in last_stage(steps) if instruction == "RUN")
    assert re.search(r"apt-get install [^&]*\bwget\b", script)
    path = next(rest for instruction, rest in last_stage(steps) if instruction == "ENV")
    assert path.startswith("PATH=/opt/mintage/bin:")
    assert ("COPY", "--from=install /opt/mintage /opt/mintage") in last_stage(steps)
    assert cluster_of(ray_objects(variant("as it is"))[0])["rayVersion"]


def test_packages_come_in_the_versions_of_the_constraints(steps: list[Step]) -> None:
    for instruction, rest in steps:
        if instruction == "RUN":
            for command in re.findall(r"pip install [^&]*", rest):
                assert "constraints.txt" in command
                assert "--no-cache" in command
            for command in re.findall(r"apt-get install [^&]*", rest):
                assert "--no-install-recommends" in command
                assert "rm -rf /var/lib/apt/lists/*" in rest


def test_extras_that_it_installs_exist(steps: list[Step], repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = next(
        rest.split("=")[1]
        for instruction, rest in steps
        if instruction == "ARG" and rest.startswith("EXTRAS")
    )
    assert set(extras.split(",")) <= set(project["optional-dependencies"])
    assert {"serve", "telemetry"} <= set(extras.split(","))


def test_it_names_its_version_and_its_variant(steps: list[Step], repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert ("ARG", f"VERSION={project['version']}") in steps
    labels = next(rest for instruction, rest in steps if instruction == "LABEL")
    for label in ("image.version", "image.revision", "image.licenses", "dev.mintage.variant"):
        assert label in labels


def test_nothing_is_added_from_elsewhere_and_no_secret_is_asked_for(steps: list[Step]) -> None:
    assert {instruction for instruction, _ in steps} <= {
        "ARG",
        "FROM",
        "SHELL",
        "WORKDIR",
        "COPY",
        "RUN",
        "LABEL",
        "ENV",
        "USER",
        "CMD",
    }
    settings = [rest for instruction, rest in steps if instruction in {"ARG", "ENV"}]
    assert not [rest for rest in settings if re.search(r"(?i)token|secret|passw|key", rest)]
    assert not [
        rest for instruction, rest in steps if instruction == "COPY" and rest.split()[0] in {".", "./"}
    ]


def test_what_is_copied_is_let_through_and_exists(steps: list[Step], repository: Path) -> None:
    ignore = (K8S / "image" / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignore
    let_through = {line[1:] for line in ignore if line.startswith("!")}
    copied = {
        source.removeprefix("./")
        for instruction, rest in steps
        if instruction == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    }
    assert copied == let_through
    assert [name for name in copied if not (repository / name).exists()] == []
