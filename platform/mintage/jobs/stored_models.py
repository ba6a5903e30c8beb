"""Which model a data set stands for, when somebody asks for "its model"."""

from __future__ import annotations

from mintage.engine.bench import read_plan
from mintage.engine.models import StoredModel, find_model
from mintage.provenance.heads import latest_head, read_statement
from mintage.store import ObjectStore


def model_in_use(store: ObjectStore) -> StoredModel | None:
    """The model of the newest version; of a job that is not finished yet, the one that it fitted first.

    None when there is no model. The version's signature is not checked here: a digest in the spec says
    which model is wanted, and every file is checked against the model's own.
    """
    head = latest_head(store)
    if head is None:
        return find_model(store)
    plan = read_plan(store, read_statement(store, head, None).segments.newest.first)
    return find_model(store, plan.model.digest if plan else None)
