"""Addresses of Kubernetes."""

from __future__ import annotations

import pytest

from mintage.errors import SpecError
from mintage.jobs.client.k8s_address import ClusterAddress


@pytest.mark.parametrize(
    "address",
    [
        "kubernetes://data",
        "kubernetes://data?context=lab",
        "kubernetes://data?context=a%2Fb&template=mintage-rayjob",
    ],
)
def test_an_address_is_written_as_it_was_read(address: str) -> None:
    assert str(ClusterAddress.parse(address)) == address


def test_context_and_template_are_read() -> None:
    read = ClusterAddress.parse("kubernetes://data?template=tpl&context=arn:aws:eks:eu-1:1:cluster/lab")

    assert (read.namespace, read.context, read.template) == ("data", "arn:aws:eks:eu-1:1:cluster/lab", "tpl")


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("kubernetes://", "no name of a namespace"),
        ("kubernetes://Data", "no name of a namespace"),
        ("kubernetes://user:secret@data", "no name of a namespace"),
        ("kubernetes://data/jobs", "no address"),
        ("kubernetes://data?cluster=lab", "cluster"),
        ("kubernetes://data?context=", "a key"),
        ("kubernetes://data?context=a&context=b", "twice"),
        ("kubernetes://data?template=../x", "no name of a ConfigMap"),
        ("kubernetes://data?context", "no URL"),
        ("kubernetes://[", "no URL"),
    ],
)
def test_a_wrong_address_says_what_is_wrong(address: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        ClusterAddress.parse(address)
