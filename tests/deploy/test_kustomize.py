"""What kustomize makes of the files for a cluster, by the schemas that Kubernetes has for its objects."""

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
# Where `make test-long` installs them.
TOOLS = ROOT / ".venv" / "deploy" / "bin"
KUBECTL = shutil.which("kubectl", path=TOOLS) or shutil.which("kubectl")
VALIDATE = shutil.which("kubernetes-validate", path=TOOLS) or shutil.which("kubernetes-validate")
BASE = Counter(
    ConfigMap=1,
    Deployment=1,
    HorizontalPodAutoscaler=1,
    NetworkPolicy=1,
    PodDisruptionBudget=1,
    Service=1,
    ServiceAccount=1,
)
WATCHED = Counter(ConfigMap=8, NetworkPolicy=1, PrometheusRule=7, Service=1, ServiceMonitor=1)
COUNTED = Counter(NetworkPolicy=1)
MADE = {
    "base": BASE,
    "overlays/monitoring": BASE + WATCHED,
    "overlays/replicas": BASE + COUNTED,
    "overlays/production": BASE + WATCHED + COUNTED,
}
# The versions of Kubernetes that are asked: of two years, and what is to come after them.
VERSIONS = ("1.30", "1.34", "1.37")

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed: see requirements/deploy.in"),
]


@pytest.fixture(scope="module")
def built():
    """Everything that a folder comes to, as objects."""
    known = {}

    def build(name):
        if name not in known:
            run = subprocess.run([KUBECTL, "kustomize", KUBERNETES / name], capture_output=True, text=True)
            assert (0, "") == (run.returncode, run.stderr)
            known[name] = list(yaml.load_all(run.stdout, yaml.CSafeLoader))
        return known[name]

    return build


def deployment(objects):
    (one,) = [one for one in objects if one["kind"] == "Deployment"]
    return one["spec"]["template"]["spec"]


each_build = pytest.mark.parametrize("name", MADE)


@each_build
def test_it_comes_to_these_objects(name, built):
    assert MADE[name] == Counter(one["kind"] for one in built(name))


@each_build
def test_every_volume_of_a_pod_exists_or_is_a_secret_to_make(name, built):
    pod = deployment(built(name))
    (container,) = pod["containers"]
    assert {one["name"] for one in pod["volumes"]} == {one["name"] for one in container["volumeMounts"]}
    maps = {one["metadata"]["name"] for one in built(name) if one["kind"] == "ConfigMap"}
    assert {one["configMap"]["name"] for one in pod["volumes"] if "configMap" in one} <= maps
    counted = name in ("overlays/replicas", "overlays/production")
    secrets = {"azora-gateway-admin", *(["azora-gateway-redis"] if counted else [])}
    assert secrets == {one["secret"]["secretName"] for one in pod["volumes"] if "secret" in one}


@each_build
def test_patches_leave_the_pod_restricted(name, built):
    base, pod = deployment(built("base")), deployment(built(name))
    assert base["securityContext"] == pod["securityContext"]
    assert [base["containers"][0]["securityContext"]] == [one["securityContext"] for one in pod["containers"]]
    assert base["containers"][0]["readinessProbe"] == pod["containers"][0]["readinessProbe"]


@each_build
def test_image_has_a_registry_and_a_version(name, built):
    (container,) = deployment(built(name))["containers"]
    assert container["image"].startswith("registry.azora.example/azora-gateway:")


@pytest.mark.skipif(
    VALIDATE is None, reason="kubernetes-validate is not installed: see requirements/deploy.in"
)
@pytest.mark.parametrize("version", VERSIONS)
def test_objects_of_kubernetes_are_valid(version, built, tmp_path):
    """Strictly: no property that is not known. What operators define is not among the schemas."""
    objects = [
        one for one in built("overlays/production") if "monitoring.coreos.com" not in one["apiVersion"]
    ]
    path = tmp_path / "objects.yaml"
    path.write_text(yaml.dump_all(objects, Dumper=yaml.CSafeDumper))
    command = [VALIDATE, "--strict", "--quiet", "--kubernetes-version", version, path]
    run = subprocess.run(command, capture_output=True, text=True)
    assert 0 == run.returncode, run.stdout + run.stderr
