from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from mintage.store import ObjectStore
from tests.unit.store.contract import StoreContract


class TestLocalStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        return ObjectStore.open(str(tmp_path / "data set"))


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> ObjectStore:
        return ObjectStore.open(f"memory://{uuid.uuid4().hex}/data set")
