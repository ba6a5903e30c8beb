from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.session import Session  # type: ignore[import-untyped]

from mintage.errors import ObjectExistsError, StoreError
from mintage.store import ObjectStore
from tests.integration.seaweed import Identity, S3Server

pytestmark = pytest.mark.s3

PIECE = bytes(range(256)) * 4096
"""1 MiB; a part is sent in pieces of 16 MiB."""


@pytest.fixture
def uri(s3_env: S3Server) -> str:
    return f"s3://{s3_env.bucket}/{uuid.uuid4().hex}"


def become(user: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", user.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", user.secret_key)


def unfinished_uploads(server: S3Server, uri: str) -> list[str]:
    client = Session().create_client("s3", endpoint_url=server.endpoint)
    try:
        found = client.list_multipart_uploads(Bucket=server.bucket).get("Uploads", [])
    finally:
        client.close()
    return [upload["Key"] for upload in found if f"s3://{server.bucket}/{upload['Key']}".startswith(uri)]


def test_a_part_of_many_pieces_is_whole(uri: str) -> None:
    store = ObjectStore.open(uri)
    with store.part("data/part") as part:
        for _ in range(33):
            part.write(PIECE)
        part.commit()

    assert part.bytes == store.size("data/part") == 33 * len(PIECE)
    assert part.sha256 == hashlib.sha256(PIECE * 33).hexdigest()
    with store.open_read("data/part") as stream:
        assert hashlib.sha256(stream.read()).hexdigest() == part.sha256


def test_an_aborted_part_of_many_pieces_leaves_nothing(s3_env: S3Server, uri: str) -> None:
    store = ObjectStore.open(uri)

    def fail() -> None:
        with store.part("data/part") as part:
            part.write(PIECE * 17)
            assert unfinished_uploads(s3_env, uri) != []
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert store.list("") == []
    assert unfinished_uploads(s3_env, uri) == []


def test_a_part_of_many_pieces_never_overwrites(s3_env: S3Server, uri: str) -> None:
    store = ObjectStore.open(uri)
    store.create("data/part", b"first")

    def write() -> None:
        with store.part("data/part") as part:
            part.write(PIECE * 17)
            part.commit()

    with pytest.raises(ObjectExistsError):
        write()
    assert store.read("data/part", max_bytes=10) == b"first"
    assert unfinished_uploads(s3_env, uri) == []


def drop_uploads(server: S3Server, uri: str) -> None:
    """What a lifecycle rule does to uploads that take too long."""
    client = Session().create_client("s3", endpoint_url=server.endpoint)
    try:
        for upload in client.list_multipart_uploads(Bucket=server.bucket).get("Uploads", []):
            if f"s3://{server.bucket}/{upload['Key']}".startswith(uri):
                client.abort_multipart_upload(
                    Bucket=server.bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                )
    finally:
        client.close()


def test_an_upload_that_the_store_dropped_is_told(s3_env: S3Server, uri: str) -> None:
    store = ObjectStore.open(uri)
    with store.part("data/part") as part:
        part.write(PIECE * 17)
        drop_uploads(s3_env, uri)
        with pytest.raises(StoreError, match="unfinished upload"):
            part.commit()
    assert store.list("") == []


def test_an_upload_that_was_completed_unseen_is_done(s3_env: S3Server, uri: str) -> None:
    store = ObjectStore.open(uri)
    with store.part("data/part") as part:
        part.write(PIECE * 17)
        drop_uploads(s3_env, uri)
        store.create("data/part", PIECE * 17)
        part.commit()
    assert part.bytes == store.size("data/part")


def test_an_upload_that_somebody_else_completed_is_lost(s3_env: S3Server, uri: str) -> None:
    store = ObjectStore.open(uri)
    with store.part("data/part") as part:
        part.write(PIECE * 17)
        drop_uploads(s3_env, uri)
        store.create("data/part", b"theirs")
        with pytest.raises(ObjectExistsError):
            part.commit()


def test_more_pieces_than_the_store_takes_are_refused(
    s3_env: S3Server, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mintage.store._s3.MAX_UPLOADS", 2)
    monkeypatch.setattr("mintage.store._s3.UPLOAD_BYTES", len(PIECE))

    def write() -> None:
        with ObjectStore.open(uri).part("data/part") as part:
            part.write(PIECE * 4)

    with pytest.raises(StoreError, match="exceed") as caught:
        write()
    assert "sink.shard_rows" in caught.value.hint
    assert unfinished_uploads(s3_env, uri) == []


def test_a_listing_has_more_than_one_page(uri: str) -> None:
    store = ObjectStore.open(uri)
    with ThreadPoolExecutor(8) as threads:
        list(
            threads.map(lambda number: store.create(f"_mintage/commits/{number:06d}.json", b"x"), range(1005))
        )

    assert [found.path for found in store.list("_mintage/commits/")] == [
        f"_mintage/commits/{number:06d}.json" for number in range(1005)
    ]


@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.probe(),
        lambda store: store.create("x", b"x"),
        lambda store: store.read("x", max_bytes=1),
        lambda store: store.list(""),
    ],
    ids=["probe", "create", "read", "list"],
)
class TestWrongSetup:
    def test_a_wrong_secret_is_told(
        self, uri: str, monkeypatch: pytest.MonkeyPatch, use: Callable[[ObjectStore], object]
    ) -> None:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wordofmouth")
        with pytest.raises(StoreError, match="refused the credentials") as caught:
            use(ObjectStore.open(uri))
        assert "AWS_SECRET_ACCESS_KEY" in caught.value.hint
        assert "wordofmouth" not in str(caught.value)

    def test_an_unknown_user_is_told(
        self, uri: str, monkeypatch: pytest.MonkeyPatch, use: Callable[[ObjectStore], object]
    ) -> None:
        become(Identity(access_key="nobody", secret_key="wordofmouth"), monkeypatch)
        with pytest.raises(StoreError, match="refused the credentials"):
            use(ObjectStore.open(uri))

    def test_missing_credentials_are_told(
        self, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use: Callable[[ObjectStore], object]
    ) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.setenv("HOME", str(tmp_path))
        with pytest.raises(StoreError, match="no credentials"):
            use(ObjectStore.open(uri))

    @pytest.mark.usefixtures("s3_env")
    def test_a_missing_bucket_is_told(self, use: Callable[[ObjectStore], object]) -> None:
        with pytest.raises(StoreError, match="bucket does not exist") as caught:
            use(ObjectStore.open("s3://no-such-bucket/x"))
        assert type(caught.value) is StoreError
        assert "create the bucket" in caught.value.hint


def test_a_head_without_a_reason_names_both_causes(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(StoreError, match="403"):
        ObjectStore.open(uri).exists("x")


def test_a_user_who_may_only_read_fails_the_probe(
    s3_env: S3Server, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    become(s3_env.read_only, monkeypatch)
    with pytest.raises(StoreError, match="does not permit"):
        ObjectStore.open(uri).probe()


def test_a_user_who_may_only_write_fails_the_probe_and_leaves_nothing(
    s3_env: S3Server, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        become(s3_env.write_only, patch)
        with pytest.raises(StoreError, match="can be written but not read"):
            ObjectStore.open(uri).probe()
    assert ObjectStore.open(uri).list("") == []


def test_an_endpoint_in_the_options_wins(s3_env: S3Server, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    ObjectStore.open(uri, options={"endpoint_url": s3_env.endpoint}).probe()


def test_the_endpoint_of_s3_alone_wins_over_the_general_one(
    s3_env: S3Server, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_env.endpoint)
    ObjectStore.open(uri).probe()


def test_a_profile_of_the_configuration_files_is_used(
    s3_env: S3Server, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile minter]\n"
        f"aws_access_key_id = {s3_env.access_key}\n"
        f"aws_secret_access_key = {s3_env.secret_key}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    ObjectStore.open(uri, options={"profile": "minter", "region": "us-east-1"}).probe()


def test_the_environment_is_left_as_it_was(uri: str) -> None:
    before = dict(os.environ)
    ObjectStore.open(uri, options={"region": "eu-central-1"}).probe()
    assert dict(os.environ) == before


def test_another_process_goes_on_with_a_pickled_store(uri: str) -> None:
    store = ObjectStore.open(uri)
    store.create("a", b"from the parent")
    program = (
        "import pickle, sys; store = pickle.loads(bytes.fromhex(sys.argv[1]));"
        "print(store.read('a', max_bytes=100).decode()); store.create('b', b'from the child')"
    )
    pickled = pickle.dumps(store)
    done = subprocess.run(
        [sys.executable, "-c", program, pickled.hex()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout == "from the parent\n"
    assert store.read("b", max_bytes=100) == b"from the child"
    assert b"AWS" not in pickled


def test_a_forked_process_opens_connections_of_its_own(uri: str) -> None:
    program = """
import os, sys
from mintage.store import ObjectStore
store = ObjectStore.open(sys.argv[1])
store.create("a", b"from the parent")
child = os.fork()
if child == 0:
    store.create("b", store.read("a", max_bytes=100).replace(b"parent", b"child"))
    os._exit(0)
print(os.waitpid(child, 0)[1], store.read("b", max_bytes=100).decode())
"""
    done = subprocess.run(
        [sys.executable, "-c", program, uri], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == "0 from the child\n"


def test_a_name_that_s3fs_would_cut_is_refused(uri: str) -> None:
    with pytest.raises(StoreError, match="versionId"):
        ObjectStore.open(uri).create("a?versionId=1", b"x")
