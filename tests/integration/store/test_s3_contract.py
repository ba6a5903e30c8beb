from __future__ import annotations

import uuid

import pytest

from mintage.store import ObjectStore
from tests.integration.seaweed import S3Server
from tests.unit.store.contract import StoreContract


@pytest.mark.s3
class TestS3Store(StoreContract):
    @pytest.fixture
    def store(self, s3_env: S3Server) -> ObjectStore:
        return ObjectStore.open(f"s3://{s3_env.bucket}/{uuid.uuid4().hex}/data set")
