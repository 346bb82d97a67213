"""The example for a cluster, on files linked as a node links them: asked by probes, changed while it runs."""

import json
import re
from pathlib import Path

import pytest
import yaml
from aiohttp import ClientSession

BASE = Path(__file__).parents[2] / "deploy" / "kubernetes" / "base"
TOKEN = "0123456789abcdef0123456789abcdef"
(CONTAINER,) = yaml.CSafeLoader((BASE / "deployment.yaml").read_bytes()).get_single_data()["spec"][
    "template"
]["spec"]["containers"]


@pytest.fixture
def volume(tmp_path):
    """Puts texts into a folder as a node does for a ConfigMap: links to `..data`, which is swapped whole."""
    folder = tmp_path / "volume"
    folder.mkdir()

    def swap(revision, texts):
        target = folder / f"..{revision}"
        target.mkdir()
        for name, text in texts.items():
            (target / name).write_text(text)
            if not (folder / name).is_symlink():
                (folder / name).symlink_to(f"..data/{name}")
        (folder / "..data_tmp").symlink_to(target.name)
        (folder / "..data_tmp").rename(folder / "..data")
        return folder

    return swap


@pytest.fixture
def texts():
    """The files of the example, on ports that are free; the admin listener on every address, as in a pod.

    The name of the service means nothing here, so it has an address.
    """
    read = {path.name: path.read_text() for path in (BASE / "config").iterdir()}
    for said, here in (
        *(("0.0.0.0:8080", "127.0.0.1:0"), ("0.0.0.0:9901", "0.0.0.0:0")),
        ("http://shop:3000", "http://127.0.0.1:1"),
    ):
        assert said in read["gateway.yaml"]
        read["gateway.yaml"] = read["gateway.yaml"].replace(said, here)
    return read


@pytest.fixture
async def deployed(program, volume, texts, tmp_path, monkeypatch):
    """The gateway as the pod runs it, and the URL of its admin listener."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    monkeypatch.setenv("GATEWAY_ADMIN_TOKEN_FILE", str(tmp_path / "token"))
    gateway = await program("run", "--config", volume("first", texts) / "gateway.yaml")
    said = await gateway.said("admin on ")
    port = re.search(r"admin on 0\.0\.0\.0:(\d+)", said)[1]
    return gateway, f"http://127.0.0.1:{port}"


async def test_probes_of_the_pod_are_answered(deployed):
    """With the fields that they send; what Prometheus asks takes the token."""
    _, admin = deployed
    async with ClientSession() as client:
        for name in ("startupProbe", "readinessProbe", "livenessProbe"):
            probe = CONTAINER[name]["httpGet"]
            fields = {field["name"]: field["value"] for field in probe["httpHeaders"]}
            async with client.get(f"{admin}{probe['path']}", headers=fields) as answer:
                assert 200 == answer.status
        # Prometheus asks by the address of the pod.
        fields = {"Host": "10.1.2.3:9901"}
        async with client.get(f"{admin}/metrics", headers=fields) as answer:
            assert 401 == answer.status
        fields["Authorization"] = f"Bearer {TOKEN}"
        async with client.get(f"{admin}/metrics", headers=fields) as answer:
            assert 200 == answer.status


async def test_changed_map_is_taken_as_a_whole(deployed, volume, texts):
    """Both files are swapped at once, and no pod is made anew."""
    gateway, admin = deployed
    volume("second", {name: text.replace("shop", "store") for name, text in texts.items()})
    line = (await gateway.said(" serves")).splitlines()[-1]
    assert "info" == json.loads(line)["level"]
    fields = {"Authorization": f"Bearer {TOKEN}"}
    async with ClientSession(headers=fields) as client, client.get(f"{admin}/routes") as answer:
        assert ["store"] == [route["id"] for route in await answer.json()]
