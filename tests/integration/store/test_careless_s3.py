from __future__ import annotations

from collections.abc import Callable

import pytest

from mintage.errors import ObjectExistsError, StoreError, StoreUnavailableError
from mintage.store import ObjectStore
from tests.integration.careless_s3 import CarelessS3, Refusal, serving


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def store_at(server: CarelessS3) -> ObjectStore:
    return ObjectStore.open(
        "s3://bucket/dataset", options={"endpoint_url": server.endpoint, "max_attempts": 2}
    )


def careful(exists: bool) -> Refusal:
    return (412, "PreconditionFailed") if exists else None


def careless(exists: bool) -> Refusal:
    del exists
    return None


def conflicting(times: int) -> Callable[[bool], Refusal]:
    """First some answers of "another write is under way", then careful ones."""
    left = iter(range(times))
    return lambda exists: (
        (409, "ConditionalRequestConflict") if next(left, None) is not None else careful(exists)
    )


def test_a_careful_store_passes_the_probe() -> None:
    with serving(CarelessS3(careful)) as server:
        store_at(server).probe()
        assert server.objects == {}


def test_a_store_that_ignores_the_precondition_fails_the_probe() -> None:
    with serving(CarelessS3(careless)) as server:
        with pytest.raises(StoreError, match="overwrote") as caught:
            store_at(server).probe()
        assert "If-None-Match" in caught.value.hint
        assert server.objects == {}


def test_a_store_that_refuses_and_overwrites_all_the_same_fails_the_probe() -> None:
    server = CarelessS3(careful)

    def overwrite_and_refuse(exists: bool) -> Refusal:
        server.objects.update(dict.fromkeys(server.objects, b"2" * 4096))
        return careful(exists)

    server.judge_put = overwrite_and_refuse
    with serving(server), pytest.raises(StoreError, match="other bytes"):
        store_at(server).probe()


def test_a_store_that_does_not_show_what_was_written_fails_the_probe() -> None:
    with (
        serving(CarelessS3(careful, judge_get=lambda: (404, "NoSuchKey"))) as server,
        pytest.raises(StoreError, match="just created"),
    ):
        store_at(server).probe()


@pytest.mark.parametrize(
    ("status", "code", "kind", "message"),
    [
        (501, "NotImplemented", StoreError, "lacks"),
        (507, "XMinioStorageFull", StoreError, "full"),
        (403, "ExpiredToken", StoreError, "credentials"),
        (400, "InvalidToken", StoreError, "credentials"),
        (403, "RequestTimeTooSkewed", StoreError, "clock"),
        (400, "AuthorizationHeaderMalformed", StoreError, "another region"),
        (400, "SomethingNew", StoreError, "SomethingNew"),
        (503, "SlowDown", StoreUnavailableError, "busy"),
        (500, "InternalError", StoreUnavailableError, "busy"),
        (502, "BadGateway", StoreUnavailableError, "busy"),
        (429, "TooManyRequests", StoreUnavailableError, "busy"),
    ],
)
def test_an_answer_is_told_in_words(status: int, code: str, kind: type[StoreError], message: str) -> None:
    with serving(CarelessS3(lambda _: (status, code))) as server:
        with pytest.raises(StoreError, match=message) as caught:
            store_at(server).create("plan.json", b"x")
        assert type(caught.value) is kind
        assert caught.value.hint
        with pytest.raises(kind):
            store_at(server).probe()


def test_a_server_without_encryption_is_not_tried_again() -> None:
    with serving(CarelessS3(careful)) as server:
        address = server.endpoint.replace("http://", "https://")
        store = ObjectStore.open("s3://bucket/x", options={"endpoint_url": address, "max_attempts": 1})
        with pytest.raises(StoreError, match="not safe") as caught:
            store.create("plan.json", b"x")
        assert not caught.value.retryable


def test_a_probe_that_cannot_be_removed_is_told() -> None:
    server = CarelessS3(careless, judge_delete=lambda: (403, "AccessDenied"))
    with serving(server):
        with pytest.raises(StoreError, match="overwrote") as caught:
            store_at(server).probe()
        assert "may be left" in caught.value.__notes__[0]
        server.judge_put = careful
        with pytest.raises(StoreError, match="does not permit"):
            store_at(server).probe()


def test_a_conflict_is_tried_again() -> None:
    with serving(CarelessS3(conflicting(2))) as server:
        store_at(server).create("plan.json", b"x")
        assert list(server.objects.values()) == [b"x"]
        assert server.puts == 3


def test_a_part_that_meets_a_conflict_is_tried_again() -> None:
    with serving(CarelessS3(conflicting(2))) as server:
        with store_at(server).part("data/part") as part:
            part.write(b"x")
            part.commit()
        assert list(server.objects.values()) == [b"x"]


def test_a_conflict_that_somebody_else_won_is_lost() -> None:
    server = CarelessS3(conflicting(1), objects={"/bucket/dataset/plan.json": b"theirs"})
    with serving(server), pytest.raises(ObjectExistsError):
        store_at(server).create("plan.json", b"ours")


def test_conflicts_without_end_can_be_tried_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mintage.store._s3._CONFLICT_PAUSES_SECONDS", (0.0, 0.0))
    with serving(CarelessS3(conflicting(1000))) as server:
        with pytest.raises(StoreUnavailableError, match="other writes"):
            store_at(server).create("plan.json", b"x")
        assert server.puts == 3
