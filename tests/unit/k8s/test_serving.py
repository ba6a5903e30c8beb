"""The service: what Ray Serve is told, and what its pods find."""

from __future__ import annotations

import pytest
import yaml
from helm_python import HelmError

from mintage.spec import read_serving_spec
from tests.unit.k8s.charts import (
    SERVE,
    Document,
    cluster_of,
    merged,
    named,
    objects,
    of_kind,
    pods,
    ray_objects,
    variant,
)


def application(rendered: list[Document]) -> Document:
    """The only application of the service."""
    (service,) = of_kind(rendered, "RayService")
    (made,) = yaml.safe_load(service["spec"]["serveConfigV2"])["applications"]
    assert isinstance(made, dict)
    return made


def test_serve_is_told_what_mintage_serve_would_read() -> None:
    made = application(variant("everything"))
    spec = read_serving_spec(made["args"])
    assert list(spec.models) == ["flights"]
    assert spec.authentication is not None
    assert spec.authentication.file == "/etc/mintage/serve/digests"


def test_what_serve_imports_is_there() -> None:
    module, _, name = application(variant("everything"))["import_path"].partition(":")
    imported = __import__(module, fromlist=[name])
    assert callable(getattr(imported, name))


def test_pods_of_the_service_find_tokens_and_keys_where_the_arguments_say() -> None:
    for ray_object in ray_objects(variant("everything")):
        serves = ray_object["kind"] == "RayService"
        for _, pod in pods(ray_object):
            paths = {mount["mountPath"] for mount in pod["spec"]["containers"][0]["volumeMounts"]}
            assert ("/etc/mintage/serve" in paths) == serves
            assert ("/etc/mintage/trust" in paths) == serves
    keys = named(variant("everything"), "ConfigMap", "demo-mintage-trust")["data"]
    assert keys["release.pub"].startswith("-----BEGIN PUBLIC KEY-----\n")


def test_authentication_of_one_s_own_is_kept() -> None:
    values = merged(SERVE, {"tokensSecret": "", "args": {"authentication": {"open": True}}})
    assert application(objects({"serve": values}))["args"]["authentication"] == {"open": True}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"enabled": True, "tokensSecret": "t"}, "serve.args.models"),
        ({"enabled": True, "args": SERVE["args"]}, "serve.tokensSecret"),
        ({**SERVE, "trustedKeys": {"a.pub": "ssh-ed25519 AAAA"}}, "trustedKeys"),
    ],
    ids=["no model", "nobody asked who", "a key that is none"],
)
def test_a_service_that_could_not_start_is_refused(values: Document, words: str) -> None:
    with pytest.raises(HelmError) as refusal:
        objects({"serve": values})
    assert words in str(refusal.value)


def test_the_head_stays_out_of_the_service_and_a_new_version_gets_a_new_cluster() -> None:
    (service,) = of_kind(variant("everything"), "RayService")
    assert service["spec"]["excludeHeadPodFromServeSvc"] is True
    assert service["spec"]["upgradeStrategy"] == {"type": "NewCluster"}
    assert cluster_of(service)["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
