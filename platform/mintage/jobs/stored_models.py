"""Which model a data set stands for, when somebody asks for "its model"."""

from __future__ import annotations

from mintage.engine.bench import read_plan
from mintage.engine.models import StoredModel, find_model
from mintage.errors import SpecError, StoreError
from mintage.provenance.heads import latest_head, read_statement
from mintage.store import ObjectStore

_HINT = (
    "name the folder of a data set that Mintage made: models are JSON and safetensors in it, and pickles "
    "(.pt, .pkl, .joblib) are never loaded, because they can run anything"
)


def model_in_use(store: ObjectStore, key: str = "") -> StoredModel:
    """The model of the newest version; of a job that is not finished yet, the one that it fitted first.

    Raises `SpecError`, which names the spec's `key`, when no data set with a model is there. The version's
    signature is not checked here: a digest in the spec says which model is wanted, and every file is
    checked against the model's own.
    """
    place = f"{key}: {store.uri}" if key else store.uri
    try:
        stored = _newest(store)
    except StoreError as exc:
        if not isinstance(exc.__cause__, NotADirectoryError):
            raise
        raise SpecError(f"{place} is a file, and models are not read from files", _HINT) from exc
    if stored is None:
        raise SpecError(f"{place} holds no model", _HINT)
    return stored


def _newest(store: ObjectStore) -> StoredModel | None:
    head = latest_head(store)
    if head is None:
        return find_model(store)
    plan = read_plan(store, read_statement(store, head, None).segments.newest.first)
    return find_model(store, plan.model.digest if plan else None)
