"""Who may talk to whom, and who may do what."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from tests.unit.k8s.charts import Document, cluster_of, named, objects, of_kind, ray_objects, variant

SELECTOR = {"mintage.dev/release": "demo"}


def rules(rendered: list[Document], role: str, direction: str) -> list[Document]:
    """What the policies of a role allow in a direction."""
    labels = {**SELECTOR, "ray.io/node-type": role}
    found: list[Document] = []
    for policy in of_kind(rendered, "NetworkPolicy"):
        if policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items():
            found += policy["spec"].get(direction, [])
    return found


def reaches(rule: Document, address: str, port: int) -> bool:
    """Whether a rule for what goes out lets a packet go to an address outside the cluster."""
    blocks = [peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer]
    ports = {each["port"] for each in rule.get("ports", [])}
    return port in ports and any(
        ip_address(address) in ip_network(block["cidr"])
        and not any(ip_address(address) in ip_network(other) for other in block.get("except", []))
        for block in blocks
    )


def namespaces_in(rendered: list[Document], role: str, port: int) -> set[str]:
    """The namespaces whose pods may come in at a port."""
    return {
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for rule in rules(rendered, role, "ingress")
        if port in {each["port"] for each in rule.get("ports", [])}
        for peer in rule["from"]
        if "namespaceSelector" in peer
    }


def test_everything_is_denied_before_anything_is_allowed() -> None:
    deny = named(variant("as it is"), "NetworkPolicy", "demo-mintage-deny")["spec"]
    assert deny == {"podSelector": {"matchLabels": SELECTOR}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize("role", ["head", "worker"])
def test_names_are_resolved(role: str) -> None:
    (dns,) = [
        rule
        for rule in rules(variant("as it is"), role, "egress")
        if {(each["port"], each["protocol"]) for each in rule.get("ports", [])} == {(53, "UDP"), (53, "TCP")}
    ]
    (peer,) = dns["to"]
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "kube-system"}
    assert peer["podSelector"]["matchLabels"] == {"k8s-app": "kube-dns"}


@pytest.mark.parametrize("role", ["head", "worker"])
def test_pods_of_the_release_talk_to_one_another(role: str) -> None:
    rendered = variant("as it is")
    assert {"from": [{"podSelector": {"matchLabels": SELECTOR}}]} in rules(rendered, role, "ingress")
    assert {"to": [{"podSelector": {"matchLabels": SELECTOR}}]} in rules(rendered, role, "egress")


def test_the_operator_and_the_api_server_reach_heads_and_nobody_else_does() -> None:
    rendered = variant("as it is")
    assert namespaces_in(rendered, "head", 8265) == {"kuberay-system", "kube-system"}
    assert namespaces_in(rendered, "worker", 8265) == set()
    for port in (6379, 10001):
        assert namespaces_in(rendered, "head", port) == set()


def test_clients_and_the_api_server_s_addresses_reach_heads_when_they_are_named() -> None:
    rendered = variant("everything")
    assert "notebooks" in namespaces_in(rendered, "head", 8265)
    (peers,) = [
        rule["from"]
        for rule in rules(rendered, "head", "ingress")
        if rule.get("ports") == [{"port": 8265, "protocol": "TCP"}]
    ]
    assert {"ipBlock": {"cidr": "10.0.0.1/32"}} in peers


def test_prometheus_reads_metrics() -> None:
    for role in ("head", "worker"):
        assert namespaces_in(variant("as it is"), role, 8080) == {"monitoring"}
        assert namespaces_in(objects({"networkPolicy": {"prometheusNamespace": ""}}), role, 8080) == set()


def test_workers_reach_public_stores_and_no_private_network_or_metadata() -> None:
    out = rules(variant("as it is"), "worker", "egress")
    external = [rule for rule in out if any("ipBlock" in peer for peer in rule["to"])]
    assert any(reaches(rule, "52.95.110.1", 443) for rule in external)
    for address in ("10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"):
        assert not any(reaches(rule, address, port) for rule in external for port in (80, 443, 6443))
    assert not any(reaches(rule, "52.95.110.1", 80) for rule in external)


def test_only_heads_reach_the_api_server_and_only_where_they_scale() -> None:
    rendered = variant("everything")
    assert any(reaches(rule, "10.0.0.1", 6443) for rule in rules(rendered, "head", "egress"))
    assert not any(reaches(rule, "10.0.0.2", 6443) for rule in rules(rendered, "head", "egress"))
    assert not any(reaches(rule, "10.0.0.1", 6443) for rule in rules(rendered, "worker", "egress"))
    assert not any(reaches(rule, "10.0.0.1", 6443) for rule in rules(variant("fixed size"), "head", "egress"))


@pytest.mark.parametrize(
    ("name", "address", "port"),
    [
        ("AWS, pod identity", "169.254.170.23", 80),
        ("Google", "169.254.169.254", 80),
        ("Google", "169.254.169.252", 988),
    ],
)
def test_an_identity_s_source_is_in_reach_where_it_is_on_the_node(name: str, address: str, port: int) -> None:
    for role in ("head", "worker"):
        assert any(reaches(rule, address, port) for rule in rules(variant(name), role, "egress"))
        assert not any(reaches(rule, address, port) for rule in rules(variant("as it is"), role, "egress"))


def test_a_collector_is_in_reach_once_it_is_named() -> None:
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "observability"}}}
    rule = {"to": [peer], "ports": [{"port": 4317, "protocol": "TCP"}]}
    for role in ("head", "worker"):
        assert rule in rules(variant("everything"), role, "egress")
        assert rule not in rules(variant("as it is"), role, "egress")


def test_only_pods_that_serve_take_requests() -> None:
    serve = named(variant("everything"), "NetworkPolicy", "demo-mintage-serve")["spec"]
    assert serve["podSelector"]["matchLabels"] == {**SELECTOR, "mintage.dev/serve": "true"}
    (rule,) = serve["ingress"]
    assert rule["ports"] == [{"port": 8000, "protocol": "TCP"}]
    allowed = [
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for peer in rule["from"]
    ]
    assert allowed == ["kuberay-system", "apps"]
    serving = {
        each["kind"]: cluster_of(each)["headGroupSpec"]["template"]["metadata"]["labels"].get(
            "mintage.dev/serve"
        )
        for each in ray_objects(variant("everything"))
    }
    assert serving == {"RayJob": None, "RayCluster": None, "RayService": "true"}


def test_more_rules_are_added_as_they_are() -> None:
    store = {
        "to": [{"podSelector": {"matchLabels": {"app": "minio"}}}],
        "ports": [{"port": 9000, "protocol": "TCP"}],
    }
    rendered = objects({"networkPolicy": {"extraEgress": [store]}})
    assert store in rules(rendered, "worker", "egress")


def test_kuberay_writes_the_same_policies_where_its_gate_is_on() -> None:
    job = cluster_of(ray_objects(variant("KubeRay's own policies"))[0])["networkPolicy"]
    assert job["mode"] == "DenyAll"
    head = named(variant("KubeRay's own policies"), "NetworkPolicy", "demo-mintage-head")["spec"]
    worker = named(variant("KubeRay's own policies"), "NetworkPolicy", "demo-mintage-worker")["spec"]
    assert job["head"] == {"ingressRules": head["ingress"], "egressRules": head["egress"]}
    assert job["worker"] == {"ingressRules": worker["ingress"], "egressRules": worker["egress"]}


def test_without_policies_none_is_there() -> None:
    assert of_kind(variant("no policies"), "NetworkPolicy") == []


def test_a_user_may_do_what_a_client_does_and_no_more() -> None:
    role = named(variant("everything"), "Role", "demo-mintage-user")["rules"]
    allowed = {
        (group, resource, verb)
        for rule in role
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert allowed == {
        *(("ray.io", "rayjobs", verb) for verb in ("create", "get", "list", "watch", "patch", "delete")),
        *(("", "configmaps", verb) for verb in ("get", "list")),
        ("", "services/proxy", "get"),
        ("", "services/proxy", "create"),
        ("", "secrets", "get"),
        *(("", resource, verb) for resource in ("pods", "events") for verb in ("get", "list")),
    }
    (secrets,) = [rule for rule in role if rule["resources"] == ["secrets"]]
    assert secrets["resourceNames"] == ["demo-mintage-ray-token"]
    binding = named(variant("everything"), "RoleBinding", "demo-mintage-user")
    assert [subject["name"] for subject in binding["subjects"]] == ["team"]
    assert of_kind(variant("as it is"), "RoleBinding")[0]["roleRef"]["name"] == "demo-mintage-autoscaler"


def test_the_autoscaler_may_change_replicas_and_no_more() -> None:
    role = named(variant("as it is"), "Role", "demo-mintage-autoscaler")["rules"]
    assert role == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "patch"]},
        {"apiGroups": ["ray.io"], "resources": ["rayclusters"], "verbs": ["get", "patch"]},
    ]
    binding = named(variant("as it is"), "RoleBinding", "demo-mintage-autoscaler")
    assert [(each["kind"], each["name"], each["namespace"]) for each in binding["subjects"]] == [
        ("ServiceAccount", "demo-mintage-head", "synth")
    ]
    assert [each["metadata"]["name"] for each in of_kind(variant("fixed size"), "Role")] == [
        "demo-mintage-user"
    ]


def test_the_token_is_made_at_random_unless_a_secret_is_named() -> None:
    first, second = (of_kind(objects({}), "Secret")[0]["data"]["auth_token"] for _ in range(2))
    assert first != second
    assert len(first) == 64
    assert of_kind(variant("a token of one's own"), "Secret") == []
    assert of_kind(variant("no tokens"), "Secret") == []
    options = cluster_of(ray_objects(variant("a token of one's own"))[0])["authOptions"]
    assert options == {"mode": "token", "secretName": "mine"}


def test_heads_and_enough_of_the_service_are_not_evicted() -> None:
    budgets = {
        each["metadata"]["name"]: each["spec"]
        for each in of_kind(variant("everything"), "PodDisruptionBudget")
    }
    heads = budgets["demo-mintage-heads"]
    assert heads["selector"]["matchLabels"] == {**SELECTOR, "ray.io/node-type": "head"}
    # A RayCluster has no scale: Kubernetes takes a number for pods of its own, never a share or a most.
    assert isinstance(heads["minAvailable"], int)
    assert "maxUnavailable" not in heads
    assert budgets["demo-mintage-serve"]["minAvailable"] == 1
    assert of_kind(objects({"disruption": {"enabled": False}}), "PodDisruptionBudget") == []
