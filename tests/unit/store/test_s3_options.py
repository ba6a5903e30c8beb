from __future__ import annotations

import pytest

from mintage.errors import SpecError
from mintage.store import ObjectStore


@pytest.mark.parametrize(
    "options",
    [
        {"key": "wordofmouth"},
        {"secret": "wordofmouth"},
        {"token": "wordofmouth"},
        {"password": "wordofmouth"},
        {"aws_secret_access_key": "wordofmouth"},
        {"SessionToken": "wordofmouth"},
        {"client_kwargs": {"aws_access_key_id": "wordofmouth"}},
        {"list": [{"Passwd": "wordofmouth"}]},
        {"endpoint_url": "http://user:wordofmouth@host"},
        {"endpoint_url": "http://host/?signature=wordofmouth"},
    ],
)
@pytest.mark.parametrize("uri", ["s3://bucket/x", "/data/x"], ids=["s3", "file"])
def test_secrets_are_refused_and_not_repeated(uri: str, options: dict[str, object]) -> None:
    with pytest.raises(SpecError) as caught:
        ObjectStore.open(uri, options=options)
    assert "wordofmouth" not in str(caught.value)


def test_the_refusal_of_a_secret_says_where_it_belongs() -> None:
    with pytest.raises(SpecError, match="secrets never go into a spec") as caught:
        ObjectStore.open("s3://bucket", options={"client_kwargs": {"aws_access_key_id": "x"}})
    assert "client_kwargs.aws_access_key_id" in caught.value.message
    assert "environment" in caught.value.hint


@pytest.mark.parametrize(
    "options",
    [
        {"endpoint": "http://host"},
        {"endpoint_url": "host:8333"},
        {"endpoint_url": "ftp://host"},
        {"max_attempts": 0},
        {"read_timeout_seconds": -1},
    ],
)
def test_wrong_options_are_refused_naming_the_known_ones(options: dict[str, object]) -> None:
    with pytest.raises(SpecError, match=next(iter(options))) as caught:
        ObjectStore.open("s3://bucket", options=options)
    assert "endpoint_url, region, profile" in caught.value.hint


def test_options_of_another_kind_of_store_are_refused() -> None:
    with pytest.raises(SpecError, match="file locations have no options"):
        ObjectStore.open("/data", options={"region": "eu-central-1"})


def test_options_are_accepted_before_anything_is_reached() -> None:
    store = ObjectStore.open(
        "s3://bucket/a", options={"endpoint_url": "https://host:1", "region": "eu-central-1", "profile": "p"}
    )
    assert repr(store) == "ObjectStore('s3://bucket/a')"


def test_opening_and_importing_needs_no_s3_client() -> None:
    import subprocess
    import sys

    program = (
        "import sys; from mintage.store import ObjectStore; ObjectStore.open('/data'); ObjectStore.open('memory://x');"
        "print([name for name in ('s3fs', 'botocore', 'fsspec') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
