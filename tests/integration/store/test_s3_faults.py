from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator

import pytest

from mintage.errors import ObjectExistsError, StoreUnavailableError
from mintage.store import ObjectStore
from tests.integration.fault_proxy import FaultProxy
from tests.integration.seaweed import S3Server

pytestmark = pytest.mark.s3

PIECES = b"x" * (17 * 1024 * 1024)
"""More than one piece of an upload."""


@pytest.fixture
def proxy(s3_env: S3Server) -> Iterator[FaultProxy]:
    with FaultProxy(s3_env.endpoint) as proxy:
        yield proxy


@pytest.fixture
def direct(s3_env: S3Server) -> ObjectStore:
    """The store, reached without faults."""
    return ObjectStore.open(f"s3://{s3_env.bucket}/{uuid.uuid4().hex}")


@pytest.fixture
def store(proxy: FaultProxy, direct: ObjectStore) -> ObjectStore:
    """The same store, reached through the proxy."""
    return ObjectStore.open(direct.uri, options={"endpoint_url": proxy.endpoint, "max_attempts": 3})


@pytest.fixture
def impatient(proxy: FaultProxy, direct: ObjectStore) -> ObjectStore:
    """The same, but it does not try again by itself."""
    return ObjectStore.open(direct.uri, options={"endpoint_url": proxy.endpoint, "max_attempts": 1})


def test_a_lost_acknowledgement_of_our_own_create_is_no_error(
    proxy: FaultProxy, store: ObjectStore, direct: ObjectStore
) -> None:
    proxy.order("lose-answer", b"PUT ")

    store.create("_mintage/commits/000001.json", b"ours")
    assert proxy.faults == 1
    assert direct.read("_mintage/commits/000001.json", max_bytes=10) == b"ours"


def test_a_lost_refusal_is_still_a_refusal(
    proxy: FaultProxy, store: ObjectStore, direct: ObjectStore
) -> None:
    direct.create("_mintage/commits/000001.json", b"theirs")
    proxy.order("lose-answer", b"PUT ")

    with pytest.raises(ObjectExistsError):
        store.create("_mintage/commits/000001.json", b"ours")
    assert proxy.faults == 1
    assert direct.read("_mintage/commits/000001.json", max_bytes=10) == b"theirs"


def test_an_unknown_outcome_can_be_tried_again(
    proxy: FaultProxy, impatient: ObjectStore, direct: ObjectStore
) -> None:
    # More than one: the HTTP client sends a PUT once more of its own accord.
    proxy.order("lose-answer", b"PUT ", times=10)

    with pytest.raises(StoreUnavailableError) as caught:
        impatient.create("plan.json", b"ours")
    assert caught.value.retryable
    assert direct.exists("plan.json")
    proxy.heal()
    impatient.create("plan.json", b"ours")


@pytest.mark.parametrize(
    ("data", "request_line"),
    [(b"small", b"PUT "), (PIECES, rb"POST .*uploadId=")],
    ids=["one-request", "pieces"],
)
def test_a_lost_acknowledgement_of_our_own_part_is_no_error(
    proxy: FaultProxy, store: ObjectStore, direct: ObjectStore, data: bytes, request_line: bytes
) -> None:
    proxy.order("lose-answer", request_line)

    with store.part("data/part") as part:
        part.write(data)
        part.commit()
    assert proxy.faults == 1
    assert direct.size("data/part") == part.bytes == len(data)
    assert part.sha256 == hashlib.sha256(data).hexdigest()


def test_a_part_whose_connection_breaks_leaves_nothing(
    proxy: FaultProxy, impatient: ObjectStore, direct: ObjectStore
) -> None:
    proxy.order("cut-request", rb"PUT .*partNumber=1", times=10)

    def write() -> None:
        with impatient.part("data/part") as part:
            part.write(PIECES)
            part.commit()

    with pytest.raises(StoreUnavailableError) as caught:
        write()
    assert not hasattr(caught.value, "__notes__")  # the upload was dropped as well
    assert direct.list("") == []


def test_a_piece_that_is_lost_on_the_way_is_sent_again(
    proxy: FaultProxy, store: ObjectStore, direct: ObjectStore
) -> None:
    proxy.order("cut-request", rb"PUT .*partNumber=1")

    with store.part("data/part") as part:
        part.write(PIECES)
        part.commit()
    assert proxy.faults == 1
    assert direct.size("data/part") == len(PIECES)


def test_an_answer_that_breaks_off_is_not_taken_for_the_whole(
    proxy: FaultProxy, impatient: ObjectStore, direct: ObjectStore
) -> None:
    direct.create("large", b"x" * 30_000)
    proxy.order("cut-answer", b"GET ", times=2)

    with pytest.raises(StoreUnavailableError):
        impatient.read("large", max_bytes=100_000)
    with impatient.open_read("large") as stream, pytest.raises(StoreUnavailableError):
        stream.read()
    assert proxy.faults == 2
    assert impatient.read("large", max_bytes=100_000) == b"x" * 30_000


def test_a_server_that_is_gone_can_be_tried_again(proxy: FaultProxy, impatient: ObjectStore) -> None:
    proxy.__exit__(None, None, None)

    with pytest.raises(StoreUnavailableError, match="cannot be reached") as caught:
        impatient.probe()
    assert "AWS_ENDPOINT_URL_S3" in caught.value.hint
