"""Who gets in: tokens, sizes, turns and time; and what happens when many ask at once."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mintage.contracts import DatasetSchema, Model, SampleRequest, TableBatch
from mintage.serving.models import ServedModel
from mintage.spec import ServingSpec
from tests.unit.serving.sites import DataSet, Site, running

TOKEN = "correct horse battery staple"


class HeldModel(Model):
    """Another model that waits for `go` before it draws, and counts how often it did."""

    def __init__(self, inside: Model) -> None:
        self._inside = inside
        self.go = threading.Event()
        self.requests: list[int] = []

    @property
    def schema(self) -> DatasetSchema:
        return self._inside.schema

    def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
        assert self.go.wait(30)
        self.requests.append(request.rows)
        return self._inside.sample(request)

    def save(self) -> dict[str, bytes]:
        raise NotImplementedError


@contextmanager
def held(people: DataSet, served: ServedModel, **spec: object) -> Iterator[tuple[Site, HeldModel]]:
    """A site whose model draws when it is told to."""
    model = HeldModel(served.model)
    model.go.set()  # for its first draw, before requests are taken
    config = ServingSpec.model_validate({"models": {"people": people.spec()}, **spec})
    # Without rules a request is one draw.
    with running(config, {"people": replace(served, model=model, rules=())}) as site:
        model.go.clear()
        model.requests.clear()
        try:
            yield site, model
        finally:
            model.go.set()


def test_body_that_is_too_large_is_refused_by_its_header_and_while_it_comes(site: Site) -> None:
    body = json.dumps({"rows": 1, "columns": ["x" * 5000]}).encode()
    told = site.ask("POST", "/v1/models/people/sample", body)
    assert (told.status, told.json["type"]) == (413, "SpecError")
    with socket.create_connection(("127.0.0.1", site.port), timeout=30) as raw:
        raw.sendall(
            b"POST /v1/models/people/sample HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        raw.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n1000\r\n" + b"x" * 4096 + b"\r\n0\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 413 ")


def test_requests_beyond_those_that_may_wait_are_told_to_come_again(
    people: DataSet, served: ServedModel
) -> None:
    limits = {"concurrent": 1, "queued": 1}
    with held(people, served, limits=limits) as (site, model), ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(site.sample, rows=1, seed=seed) for seed in range(2)]
        site.wait_until(lambda state: (state["answering"], state["waiting"]) == (1, 1))
        reply = site.sample(rows=1)
        assert (reply.status, reply.headers["retry-after"], reply.json["type"]) == (429, "1", "BusyError")
        model.go.set()
        assert [one.result().status for one in asked] == [200, 200]
        assert site.sample(rows=1).status == 200


def test_request_that_takes_too_long_is_told_so_and_gives_its_turn_back(
    people: DataSet, served: ServedModel
) -> None:
    with held(people, served, limits={"seconds": 0.3, "concurrent": 1}) as (site, model):
        reply = site.sample(rows=1)
        assert (reply.status, reply.json["type"], reply.headers["retry-after"]) == (503, "TimeoutError", "1")
        model.go.set()
        assert site.sample(rows=1).status == 200


def test_waiting_requests_without_a_seed_are_drawn_together_and_can_be_repeated(
    people: DataSet, served: ServedModel
) -> None:
    with held(people, served) as (site, model), ThreadPoolExecutor(8) as pool:
        first = pool.submit(site.sample, rows=5)
        site.wait_until(lambda state: state["answering"] == 1)
        rest = [pool.submit(site.sample, rows=10 + number) for number in range(4)]
        seeded = pool.submit(site.sample, rows=7, seed=3)
        site.wait_until(lambda state: state["answering"] == 6)
        model.go.set()
        assert first.result().status == 200
        assert "mintage-slice" not in first.result().headers
        replies = [one.result() for one in rest]
        assert sorted(model.requests) == [5, 7, 46]
        assert len({reply.headers["mintage-seed"] for reply in replies}) == 1
        whole = site.sample(rows=46, seed=int(replies[0].headers["mintage-seed"])).lines
        for reply, rows in zip(replies, range(10, 14), strict=True):
            place, _, total = reply.headers["mintage-slice"].partition("/")
            start, stop = map(int, place.split("-"))
            assert (stop - start, total) == (rows, "46")
            assert reply.lines == whole[start:stop]
        assert seeded.result().lines == site.sample(rows=7, seed=3).lines


def test_requests_for_other_things_are_not_drawn_together(people: DataSet, served: ServedModel) -> None:
    with held(people, served, joint_rows=0) as (site, model), ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(site.sample, rows=3) for _ in range(4)]
        site.wait_until(lambda state: state["answering"] == 4)
        model.go.set()
        assert [one.result().status for one in asked] == [200] * 4
        assert model.requests == [3] * 4


def test_client_that_leaves_gives_its_turn_back(people: DataSet, served: ServedModel) -> None:
    with held(people, served, limits={"concurrent": 1, "queued": 0}) as (site, model):
        body = json.dumps({"rows": 90_000, "seed": 1}).encode()
        raw = socket.create_connection(("127.0.0.1", site.port), timeout=30)
        raw.sendall(
            b"POST /v1/models/people/sample HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body)
            + body
        )
        site.wait_until(lambda state: state["answering"] == 1)
        model.go.set()
        assert raw.recv(100).startswith(b"HTTP/1.1 200 ")
        raw.close()
        site.wait_until(lambda state: state["answering"] == 0)
        assert site.sample(rows=1).status == 200


def test_model_that_breaks_down_is_an_error_of_the_server_without_its_details(
    people: DataSet, served: ServedModel, caplog: pytest.LogCaptureFixture
) -> None:
    with held(people, served) as (site, model):
        model.requests = None  # type: ignore[assignment]  # so that it breaks
        model.go.set()
        for seed in (None, 1):
            reply = site.sample(rows=1, seed=seed)
            assert (reply.status, reply.json["type"]) == (500, "InternalError")
            assert "NoneType" not in reply.body.decode()
    assert "NoneType" in caplog.text


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    """A file with the digest of one token."""
    path = tmp_path / "tokens"
    path.write_text(f"# who may ask\nsha256:{hashlib.sha256(TOKEN.encode()).hexdigest()}  # ada\n")
    return path


def test_only_who_shows_a_token_may_ask(
    people: DataSet, served: ServedModel, tokens: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    spec = {"models": {"people": people.spec()}, "authentication": {"file": str(tokens)}}
    with running(ServingSpec.model_validate(spec), {"people": served}) as site:
        for shown in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"}):
            reply = site.ask("GET", "/v1/models", None, shown)
            assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")
            assert site.ask("POST", "/v1/models/people/sample", b"{}", shown).status == 401
        assert site.get("/v1/models", authorization=f"Bearer {TOKEN}").status == 200
        assert site.get("/v1/models", authorization=f"bearer {TOKEN}").status == 200
        assert [site.get(path).status for path in ("/healthz", "/readyz", "/openapi.json")] == [200] * 3
        assert TOKEN not in caplog.text


def test_token_that_is_taken_away_is_refused_while_the_server_runs(
    people: DataSet, served: ServedModel, tokens: Path
) -> None:
    spec = {"models": {"people": people.spec()}, "authentication": {"file": str(tokens)}}
    with running(ServingSpec.model_validate(spec), {"people": served}) as site:
        assert site.get("/v1/models", authorization=f"Bearer {TOKEN}").status == 200
        tokens.write_text(f"sha256:{'0' * 64}\n")
        assert site.get("/v1/models", authorization=f"Bearer {TOKEN}").status == 401
        os.truncate(tokens, 0)
        broken = site.get("/v1/models", authorization=f"Bearer {TOKEN}")
        assert (broken.status, broken.json["type"]) == (503, "AccessError")


def test_digests_may_stand_in_the_environment(
    people: DataSet, served: ServedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = [hashlib.sha256(token).hexdigest() for token in (b"one", b"two")]
    monkeypatch.setenv("MINTAGE_SERVE_TOKENS", ",".join(f"sha256:{digest}" for digest in digests))
    spec = {"models": {"people": people.spec()}, "authentication": {"environment": True}}
    with running(ServingSpec.model_validate(spec), {"people": served}) as site:
        shown = [site.get("/v1/models", authorization=f"Bearer {token}") for token in ("one", "two", "six")]
        assert [reply.status for reply in shown] == [200, 200, 401]
