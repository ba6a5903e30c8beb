"""A signed data set, its served model, and the API behind its gate on a real HTTP server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mintage.serving.models import ServedModel, load_served, pin_model
from mintage.spec import ServedModelSpec, ServingSpec
from tests.unit.serving.sites import DataSet, Site, make_people, running


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    """The data set that most tests serve; nobody changes it."""
    folder = tmp_path_factory.mktemp("served")
    return make_people(folder, folder / "people")


@pytest.fixture(scope="session")
def served(people: DataSet) -> ServedModel:
    """Its model, verified and loaded."""
    spec = ServedModelSpec.model_validate(people.spec())
    return load_served("people", spec, pin_model("people", spec))


@pytest.fixture(scope="session")
def site(people: DataSet, served: ServedModel) -> Iterator[Site]:
    """The API with limits that a test can reach."""
    spec = ServingSpec.model_validate(
        {"models": {"people": people.spec()}, "limits": {"rows": 20_000, "body_bytes": 4096}}
    )
    with running(spec, {"people": served}) as found:
        yield found
