"""The files for a cluster, as they stand: of one piece with each other, closed, of one mind with the gateway.

What kustomize makes of them, and what the schemas of Kubernetes say to that, is for test_kustomize.py.
"""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import yaml

from gateway import __version__
from gateway.config.load import load_snapshot
from gateway.config.problem import ConfigError

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
GRAFANA = ROOT / "observability" / "grafana"
CONFIG = KUBERNETES / "base" / "config" / "gateway.yaml"
TOKEN = {"GATEWAY_ADMIN_TOKEN": "0123456789abcdef0123456789abcdef"}
FOLDERS = sorted(
    path.parent for path in [*KUBERNETES.rglob("kustomization.yaml"), GRAFANA / "kustomization.yaml"]
)
NAME = "app.kubernetes.io/name"
OURS = {NAME: "azora-gateway"}
KINDS = (
    "Deployment",
    "Service",
    "ServiceAccount",
    "PodDisruptionBudget",
    "NetworkPolicy",
    "HorizontalPodAutoscaler",
)


def documents(path):
    """The YAML documents of a file."""
    loader = yaml.CSafeLoader(path.read_bytes())
    while loader.check_data():
        yield loader.get_data()


def kustomization(folder):
    (one,) = documents(folder / "kustomization.yaml")
    return one


def of(kind, *, patches=False):
    """The objects of one kind in all files of the base and the components, or what patches say of them."""
    found = []
    for folder in FOLDERS:
        said = kustomization(folder)
        named = [patch["path"] for patch in said.get("patches", ())] if patches else said.get("resources", ())
        for name in named:
            if (folder / name).is_file():
                found += [one for one in documents(folder / name) if one["kind"] == kind]
    return found


def the(kind, name="azora-gateway"):
    (one,) = [one for one in of(kind) if one["metadata"]["name"] == name]
    return one


DEPLOYMENT = the("Deployment")["spec"]
POD = DEPLOYMENT["template"]["spec"]
(CONTAINER,) = POD["containers"]
PATCHES = [patch["spec"]["template"]["spec"] for patch in of("Deployment", patches=True)]
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
PORTS = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}


@pytest.fixture(scope="module")
def snapshot():
    """The example of a configuration."""
    return load_snapshot(CONFIG, TOKEN)


def mounted(key):
    """What the base and every patch say under `key`, as a pod has it that takes all of them."""
    pods = [POD, *PATCHES]
    if key == "volumes":
        return [volume for pod in pods for volume in pod.get("volumes", ())]
    return [one for pod in pods for container in pod["containers"] for one in container.get(key, ())]


@pytest.mark.parametrize(
    "folder", [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in FOLDERS]
)
def test_kustomization_names_every_file_beside_it(folder):
    """And none that is not there."""
    said = kustomization(folder)
    generated = [name for one in said.get("configMapGenerator", ()) for name in one["files"]]
    named = [*said.get("resources", ()), *said.get("components", ()), *generated]
    named += [patch["path"] for patch in said.get("patches", ())]
    assert len(set(named)) == len(named)
    assert [] == [name for name in named if not (folder / name).exists()]
    if folder != GRAFANA:
        beside = {path.relative_to(folder).as_posix() for path in folder.rglob("*.yaml")}
        assert beside - {"kustomization.yaml"} == {name for name in named if name.endswith(".yaml")}


def test_production_is_every_component():
    production = {
        Path(name).name for name in kustomization(KUBERNETES / "overlays" / "production")["components"]
    }
    assert {path.name for path in (KUBERNETES / "components").iterdir()} == production


def test_configuration_is_in_order(snapshot):
    assert ["shop"] == [route.id for route in snapshot.routes]
    assert snapshot.watch


def test_configuration_is_refused_without_a_token():
    with pytest.raises(ConfigError, match="GATEWAY_ADMIN_TOKEN"):
        load_snapshot(CONFIG, {})


def test_configuration_is_mounted_where_it_is_looked_for():
    """As one folder that is swapped whole, under a name that stays; all that it reads is in it."""
    (made,) = kustomization(KUBERNETES / "base")["configMapGenerator"]
    assert made["options"]["disableNameSuffixHash"]
    (volume,) = [one["name"] for one in POD["volumes"] if one.get("configMap") == {"name": made["name"]}]
    (mount,) = [one for one in CONTAINER["volumeMounts"] if one["name"] == volume]
    assert "subPath" not in mount
    (path,) = [one["value"] for one in CONTAINER["env"] if one["name"] == "GATEWAY_CONFIG"]
    assert (mount["mountPath"], CONFIG.name) == (Path(path).parent.as_posix(), Path(path).name)
    assert f"GATEWAY_CONFIG={path}" in (ROOT / "Dockerfile").read_text()
    files = {file.resolve() for file in load_snapshot(CONFIG, TOKEN).files}
    assert {KUBERNETES / "base" / name for name in made["files"]} == files


def test_every_secret_is_a_file_that_is_mounted():
    """Nothing secret stands in the environment, and no Secret stands in the repository."""
    assert [] == of("Secret")
    volumes = {one["name"]: one["secret"] for one in mounted("volumes") if "secret" in one}
    folders = {one["mountPath"]: one for one in mounted("volumeMounts") if one["name"] in volumes}
    files = {one["name"]: Path(one["value"]) for one in mounted("env") if one["name"].endswith("_FILE")}
    assert {"GATEWAY_ADMIN_TOKEN_FILE", "REDIS_URL_FILE"} == files.keys()
    for path in files.values():
        mount = folders.pop(path.parent.as_posix())
        assert mount["readOnly"]
        secret = volumes[mount["name"]]
        assert 0o440 == secret["defaultMode"]
        assert [path.name] == [item["path"] for item in secret["items"]]
    assert {} == folders
    assert all("valueFrom" not in one for one in mounted("env"))


def test_every_mount_has_its_volume():
    volumes, mounts = (
        sorted(one["name"] for one in mounted("volumes")),
        sorted(one["name"] for one in mounted("volumeMounts")),
    )
    assert volumes == mounts


@pytest.mark.parametrize("kind", ["Deployment", "HorizontalPodAutoscaler"])
def test_patches_change_what_is_there(kind):
    patches = of(kind, patches=True)
    assert patches
    assert {"azora-gateway"} == {patch["metadata"]["name"] for patch in patches}
    assert all(["gateway"] == [one["name"] for one in pod["containers"]] for pod in (POD, *PATCHES))


def test_pod_is_restricted():
    """What the Pod Security Standard `restricted` asks for, and a file system that nobody writes."""
    assert POD["securityContext"]["runAsNonRoot"]
    assert (
        f"USER {POD['securityContext']['runAsUser']}:{POD['securityContext']['runAsGroup']}\n"
        in (ROOT / "Dockerfile").read_text()
    )
    assert {"type": "RuntimeDefault"} == POD["securityContext"]["seccompProfile"]
    assert {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    } == CONTAINER["securityContext"]
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers", "ephemeralContainers"} & POD.keys()
    assert all("hostPort" not in port for port in CONTAINER["ports"])
    kinds = {kind for one in mounted("volumes") for kind in one.keys() - {"name"}}
    assert {"configMap", "secret", "emptyDir"} == kinds
    assert all("securityContext" not in container for pod in PATCHES for container in pod["containers"])


def test_cluster_is_nothing_to_the_pod():
    """It has no token for it, nor the names of its neighbours."""
    assert the("ServiceAccount")["metadata"]["name"] == POD["serviceAccountName"]
    assert [False, False] == [
        the("ServiceAccount")["automountServiceAccountToken"],
        POD["automountServiceAccountToken"],
    ]
    assert not POD["enableServiceLinks"]


def test_pod_has_bounds():
    """No more memory than it may take; of CPU what it can use, unthrottled."""
    assert {"cpu", "memory"} == CONTAINER["resources"]["requests"].keys()
    assert {"memory"} == CONTAINER["resources"]["limits"].keys()
    assert all("sizeLimit" in one["emptyDir"] for one in mounted("volumes") if "emptyDir" in one)


def test_ports_are_those_of_the_configuration(snapshot):
    (listener,) = snapshot.listeners
    assert {"http": listener.address.port, "admin": snapshot.admin.address.port} == PORTS
    assert f"EXPOSE {PORTS['http']} {PORTS['admin']}\n" in (ROOT / "Dockerfile").read_text()


def test_admin_listener_has_no_service_but_that_of_prometheus():
    assert {
        "azora-gateway": ["http"],
        "azora-gateway-admin": ["admin"],
    } == {
        one["metadata"]["name"]: [port["targetPort"] for port in one["spec"]["ports"]]
        for one in of("Service")
    }


@pytest.mark.parametrize("name", PROBES)
def test_probe_asks_what_is_open_on_the_admin_listener(name):
    """tests/e2e/test_deployed.py asks the same of a gateway that runs."""
    asked = CONTAINER[name]["httpGet"]
    assert "admin" == asked["port"]
    assert [{"name": "Host", "value": "localhost"}] == asked["httpHeaders"]
    assert ("/livez" if name == "livenessProbe" else "/readyz") == asked["path"]


def test_pod_is_given_the_time_to_drain(snapshot):
    """It is known to be unready well within `min_drain`, so no hook has to sleep."""
    assert snapshot.timeouts.drain < POD["terminationGracePeriodSeconds"]
    probe = CONTAINER["readinessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] <= snapshot.timeouts.min_drain / 2
    assert "lifecycle" not in CONTAINER


def test_everybody_means_the_same_pods():
    assert OURS == DEPLOYMENT["template"]["metadata"]["labels"]
    assert {"azora-gateway"} == {one["metadata"]["labels"][NAME] for kind in KINDS for one in of(kind)}
    selectors = [DEPLOYMENT["selector"], the("PodDisruptionBudget")["spec"]["selector"]]
    selectors += [one["labelSelector"] for one in POD["topologySpreadConstraints"]]
    selectors += [policy["spec"]["podSelector"] for policy in of("NetworkPolicy")]
    assert all({"matchLabels": OURS} == selector for selector in selectors)
    assert all(OURS == service["spec"]["selector"] for service in of("Service"))
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "azora-gateway"}
    assert target == the("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]


def test_number_of_gateways_is_left_to_the_autoscaler():
    assert "replicas" not in DEPLOYMENT
    (more,) = of("HorizontalPodAutoscaler", patches=True)
    assert (2, 3) == (the("HorizontalPodAutoscaler")["spec"]["minReplicas"], more["spec"]["minReplicas"])
    assert {"maxUnavailable": 0, "maxSurge": 1} == DEPLOYMENT["strategy"]["rollingUpdate"]


def test_only_requests_come_in_and_prometheus():
    """`from` is absent where everybody may."""
    admitted = [
        (entry.get("from"), port["port"])
        for policy in of("NetworkPolicy")
        for entry in policy["spec"].get("ingress", ())
        for port in entry["ports"]
    ]
    prometheus = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
        "podSelector": {"matchLabels": {NAME: "prometheus"}},
    }
    assert [(None, PORTS["http"]), ([prometheus], PORTS["admin"])] == admitted


def test_what_goes_out_is_named(snapshot):
    """DNS, the services of the configuration, Redis and the collector; nobody else can be reached."""
    assert {"Ingress", "Egress"} == set(the("NetworkPolicy")["spec"]["policyTypes"])
    admitted = {
        (next(iter(peer["podSelector"]["matchLabels"].values())), port["port"])
        for policy in of("NetworkPolicy")
        for entry in policy["spec"]["egress"]
        for peer in entry["to"]
        for port in entry["ports"]
    }
    services = {
        (address.host, address.port)
        for upstream in snapshot.upstreams.values()
        for address in upstream.endpoints
    }
    assert {("kube-dns", 53), ("redis", 6379), ("otel-collector", 4318), *services} == admitted
    (collector,) = [one["value"] for one in mounted("env") if one["name"] == "OTEL_EXPORTER_OTLP_ENDPOINT"]
    assert "http://otel-collector.monitoring:4318" == collector


def test_prometheus_asks_each_pod_with_the_token():
    """The rules look for its job by name."""
    monitor, service = the("ServiceMonitor")["spec"], the("Service", "azora-gateway-admin")
    assert service["metadata"]["labels"] == monitor["selector"]["matchLabels"]
    assert "azora-gateway" == service["metadata"]["labels"][monitor["jobLabel"]]
    assert ("None", True) == (service["spec"]["clusterIP"], service["spec"]["publishNotReadyAddresses"])
    (endpoint,) = monitor["endpoints"]
    assert ([endpoint["port"]], "/metrics") == (
        [port["name"] for port in service["spec"]["ports"]],
        endpoint["path"],
    )
    (secret,) = [one["secret"] for one in POD["volumes"] if one["name"] == "admin-token"]
    asked = endpoint["authorization"]["credentials"]
    assert (secret["secretName"], secret["items"][0]["key"]) == (asked["name"], asked["key"])


def test_rules_are_those_of_prometheus():
    """Made by `make generated`; each file is an object, with the same groups."""
    path = KUBERNETES / "generate.py"
    spec = spec_from_file_location("generate", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.rules() == module.WRITTEN.read_text(), "make generated"
    said = {f"azora-gateway-{path.stem}": next(documents(path)) for path in module.RULES.glob("*.yml")}
    assert said
    assert said == {one["metadata"]["name"]: one["spec"] for one in of("PrometheusRule")}


def test_every_dashboard_is_labelled_for_grafana():
    said = kustomization(GRAFANA)
    assert "1" == said["generatorOptions"]["labels"]["grafana_dashboard"]
    assert [[f"dashboards/{path.name}"] for path in sorted((GRAFANA / "dashboards").glob("*.json"))] == [
        one["files"] for one in said["configMapGenerator"]
    ]


def test_image_is_of_this_version():
    (image,) = kustomization(KUBERNETES / "base")["images"]
    assert (CONTAINER["image"], __version__) == (image["name"], image["newTag"])
