"""deploy/kubernetes: what a schema says of it, and what no schema can say."""

from __future__ import annotations

import copy
import os
import re
import subprocess
import tomllib
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import kubernetes_validate
import pytest
from streamlit import config

from coin_core.api.uploads import Limits
from coin_core.cli.main import build_parser
from server import DRAIN_VARIABLE, LAST_ANSWERS_S
from tests.deploy.manifests import (
    FILLED_IN,
    FOLDER,
    ROOT,
    api_routes,
    containers,
    of_kind,
    pods,
    render,
    selects,
    settings,
)

OVERLAYS = ("single", "team")
VERSIONS = ("1.31", "1.37")
MI = {"Mi": 1, "Gi": 1024}
# The log-in's own flags and variables, as its manual for 7.15 has them.
LOGIN = {
    *("provider", "code-challenge-method", "email-domain", "http-address", "upstream"),
    *("upstream-timeout", "pass-basic-auth", "skip-provider-button"),
    *(
        "api-route",
        "skip-auth-route",
        "exclude-logging-path",
        "oidc-issuer-url",
        "redirect-url",
    ),
    *("client-id", "client-secret", "cookie-secret"),
}
ELSEWHERE = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"} | {
    *("AWS_ENDPOINT_URL", "OMP_NUM_THREADS", "FORWARDED_ALLOW_IPS")
}


@pytest.fixture(scope="session")
def rendered(tmp_path_factory):
    """Each overlay as a cluster gets it."""
    folder = tmp_path_factory.mktemp("kubernetes")
    return {name: render(name, folder / name) for name in OVERLAYS}


@pytest.fixture(params=OVERLAYS)
def overlay(request, rendered):
    return rendered[request.param]


@pytest.fixture
def single(rendered):
    return rendered["single"]


@pytest.fixture
def team(rendered):
    return rendered["team"]


def one(manifests, kind, name="coin-reader"):
    (found,) = (m for m in of_kind(manifests, kind) if m["metadata"]["name"] == name)
    return found


def program(manifests):
    """The pod of the program, its container, and the log-in beside it."""
    pod = one(manifests, "Deployment")["spec"]["template"]
    app, login = pod["spec"]["containers"][0], pod["spec"]["initContainers"][0]
    assert (app["name"], login["name"]) == ("app", "login")
    return pod, app, login


def flags(container):
    """Flag and value of each argument like --flag=value."""
    return [tuple(a.removeprefix("--").split("=", 1)) for a in container["args"]]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_manifest_fits_the_schemas(overlay, version):
    kinds = {manifest["kind"] for manifest in overlay}
    assert kinds >= {"Deployment", "Service", "Ingress", "NetworkPolicy", "CronJob"}
    for manifest in overlay:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_the_schemas_notice_what_they_do_not_know(team):
    wrong = copy.deepcopy(one(team, "Deployment"))
    wrong["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


def test_images_are_pinned(overlay):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    images = [c["image"] for _, pod in pods(overlay) for c in containers(pod)]
    assert len(images) >= 4
    for image in images:
        own = image == f"coin-reader:{project['version']}"
        assert own or re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", image)


def test_probes_ask_for_routes_of_the_server_past_the_pages(overlay):
    _, app, login = program(overlay)
    routes = api_routes()
    arguments = flags(login)
    (open_route,) = (v for f, v in arguments if f == "skip-auth-route")
    method, _, pattern = open_route.partition("=")
    assert method == "GET"
    for name in ("startupProbe", "readinessProbe"):
        asked = app[name]["httpGet"]
        assert asked["path"] in routes, name
        assert re.search(pattern, asked["path"])
        # The program answers to no address of a pod.
        assert asked["httpHeaders"] == [{"name": "Host", "value": "localhost"}]
        assert asked["port"] == login["ports"][0]["containerPort"]
    assert app["readinessProbe"]["httpGet"]["path"] == "/api/ready"
    code = app["livenessProbe"]["exec"]["command"]
    assert code[:2] == ["python", "-c"]
    url = urlsplit(re.search(r'urlopen\("([^"]+)"', code[2])[1])
    assert (url.path, url.hostname) == ("/api/health", "127.0.0.1")
    assert url.path in routes
    assert url.port == int(app["args"][app["args"].index("--server.port") + 1])
    # Pages, models and metrics need the log-in.
    for path in ("/", "/api/models", "/metrics", "/api/ready/x", "/x/api/ready"):
        assert not re.search(pattern, path)


def test_nobody_comes_to_the_program_but_through_the_log_in(overlay):
    pod, app, login = program(overlay)
    where = dict(zip(app["args"][::2], app["args"][1::2], strict=True))
    given = dict(flags(login))
    host, port = where["--server.address"], where["--server.port"]
    assert host == "127.0.0.1"
    assert given["upstream"] == f"http://{host}:{port}"
    assert given["http-address"] == f"0.0.0.0:{login['ports'][0]['containerPort']}"
    # It ends after the program, so the last answers get out.
    assert login["restartPolicy"] == "Always"
    headers = settings(overlay, app)["STREAMLIT_SERVER_TRUSTED_USER_HEADERS"]
    assert headers == '{"X-Forwarded-Email": "name"}'
    policies = [
        m["spec"]
        for m in of_kind(overlay, "NetworkPolicy")
        if "Ingress" in m["spec"]["policyTypes"]
    ]
    for name, other in pods(overlay):
        labels = other["metadata"]["labels"]
        mine = [p for p in policies if selects(p["podSelector"], labels)]
        assert len(mine) == 1, name
        open_ports = [r["ports"] for r in mine[0].get("ingress", [])]
        wanted = [[{"port": login["ports"][0]["containerPort"]}]]
        assert open_ports == (wanted if other is pod else [])


def test_outgoing_connections_of_every_pod_are_limited(overlay):
    for name, pod in pods(overlay):
        policies = [
            m["spec"]
            for m in of_kind(overlay, "NetworkPolicy")
            if "Egress" in m["spec"]["policyTypes"]
            and selects(m["spec"]["podSelector"], pod["metadata"]["labels"])
        ]
        assert policies, name
        blocks = [
            to["ipBlock"]
            for policy in policies
            for rule in policy["egress"]
            for to in rule.get("to", [])
            if "ipBlock" in to
        ]
        # Not the address from which clouds give away their keys.
        (ipv4,) = (b for b in blocks if b["cidr"] == "0.0.0.0/0")
        assert "169.254.0.0/16" in ipv4["except"]


def test_selectors_and_ports_fit(overlay):
    deployment = one(overlay, "Deployment")["spec"]
    pod, _, login = program(overlay)
    labels = pod["metadata"]["labels"]
    service = one(overlay, "Service")["spec"]
    others = [p for _, p in pods(overlay) if p is not pod]
    assert len(others) == 2
    for selector in (deployment["selector"], {"matchLabels": service["selector"]}):
        assert selects(selector, labels)
        # A training is asked for no page.
        assert not any(selects(selector, p["metadata"]["labels"]) for p in others)
    (port,) = service["ports"]
    assert port["targetPort"] == login["ports"][0]["name"]
    ingress = one(overlay, "Ingress")["spec"]
    backend = ingress["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": "coin-reader", "port": {"name": port["name"]}}


def test_names_of_hosts_fit(overlay):
    _, app, _ = program(overlay)
    given = settings(overlay, app)
    hosts = given["COIN_HOSTS"].split(",")
    ingress = one(overlay, "Ingress")["spec"]
    assert ingress["rules"][0]["host"] == hosts[0]
    assert ingress["tls"][0]["hosts"] == [hosts[0]]
    back = urlsplit(given["OAUTH2_PROXY_REDIRECT_URL"])
    assert back.hostname in hosts
    assert back.path == "/oauth2/callback"
    # Without roles everybody may do everything.
    assert given["COIN_ADMINS"]


def test_variables_and_flags_exist(overlay):
    code = "".join(
        path.read_text("utf-8")
        for folder in ("coin_core", "ui", "scrapers")
        for path in (ROOT / folder).rglob("*.py")
    ) + (ROOT / "server.py").read_text("utf-8")
    seen = set()
    for _, pod in pods(overlay):
        for container in containers(pod):
            for name in settings(overlay, container):
                seen.add(name)
                if name.startswith("COIN_"):
                    assert f'"{name}"' in code, name
                elif name.startswith("STREAMLIT_"):
                    section, _, rest = name.removeprefix("STREAMLIT_").partition("_")
                    words = rest.lower().split("_")
                    option = words[0] + "".join(w.title() for w in words[1:])
                    config.get_option(f"{section.lower()}.{option}")
                elif name.startswith("OAUTH2_PROXY_"):
                    flag = name.removeprefix("OAUTH2_PROXY_").lower().replace("_", "-")
                    assert flag in LOGIN, name
                else:
                    assert name in ELSEWHERE, name
    assert {"COIN_DATA_DIR", DRAIN_VARIABLE, "COIN_ADMIN_TOKEN"} <= seen
    assert {flag for flag, _ in flags(program(overlay)[2])} <= LOGIN


def test_secrets_and_settings_are_there(overlay):
    """Where a ConfigMap or Secret is missing, `settings` fails."""
    secrets = {m["metadata"]["name"]: m for m in of_kind(overlay, "Secret")}
    assert len(secrets) == 2
    for _, pod in pods(overlay):
        for container in containers(pod):
            settings(overlay, container)
            for entry in container.get("env", []):
                if "valueFrom" in entry:
                    key = entry["valueFrom"]["secretKeyRef"]
                    assert key["key"] in secrets[key["name"]]["data"]


def test_no_secret_is_in_the_repository(rendered):
    for manifests in rendered.values():
        for secret in of_kind(manifests, "Secret"):
            assert set(secret["data"].values()) == {""}  # of the examples
    for name in FILLED_IN:
        for overlay in OVERLAYS:
            path = FOLDER / overlay / name
            command = ["git", "check-ignore", "--quiet", str(path)]
            assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def test_pods_may_do_little_and_use_what_was_measured(overlay):
    claims = {m["metadata"]["name"] for m in of_kind(overlay, "PersistentVolumeClaim")}
    for name, pod in pods(overlay):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        for volume in volumes.values():
            if "emptyDir" in volume:
                assert volume["emptyDir"]["sizeLimit"], name
            elif "configMap" in volume:
                one(overlay, "ConfigMap", volume["configMap"]["name"])
            else:
                assert volume["persistentVolumeClaim"]["claimName"] in claims
        for container in containers(pod):
            locked = container["securityContext"]
            assert locked["readOnlyRootFilesystem"] is True
            assert locked["allowPrivilegeEscalation"] is False
            assert locked["capabilities"] == {"drop": ["ALL"]}
            resources = container["resources"]
            assert resources["requests"]["cpu"]
            requested = mebibytes(resources["requests"]["memory"])
            assert requested <= mebibytes(resources["limits"]["memory"])
            mounted = {m["name"] for m in container.get("volumeMounts", [])}
            assert mounted <= set(volumes)
            if "scratch" in mounted:
                room = mebibytes(resources["limits"]["ephemeral-storage"])
                assert room >= mebibytes(volumes["scratch"]["emptyDir"]["sizeLimit"])


def mebibytes(text):
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", text).groups()
    return int(number) * MI[unit]


def test_memory_is_what_was_measured(overlay):
    measured = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    most = max(
        int(n.replace(",", "")) for n in re.findall(r"([\d,]+) at most", measured)
    )
    _, app, _ = program(overlay)
    assert mebibytes(app["resources"]["requests"]["memory"]) >= most


def test_a_pod_has_time_to_end(overlay):
    pod, app, _ = program(overlay)
    sleep, seconds = app["lifecycle"]["preStop"]["exec"]["command"]
    assert sleep == "sleep"
    drain_s = int(settings(overlay, app)[DRAIN_VARIABLE])
    needed = int(seconds) + drain_s + LAST_ANSWERS_S
    assert pod["spec"]["terminationGracePeriodSeconds"] > needed


def test_an_upload_passes_the_ingress(overlay):
    notes = one(overlay, "Ingress")["metadata"]["annotations"]
    size = notes["nginx.ingress.kubernetes.io/proxy-body-size"]
    allowed = int(size.removesuffix("m")) << 20
    # The sentence of the program, not the page of the proxy.
    assert allowed > Limits().request_bytes
    assert notes["nginx.ingress.kubernetes.io/affinity"] == "cookie"


def test_the_cookies_of_the_log_in_pass_the_ingress(overlay):
    """Up to 4 kB each, and split where they are larger; nginx reads 4 or 8 kB."""
    notes = one(overlay, "Ingress")["metadata"]["annotations"]
    size = notes["nginx.ingress.kubernetes.io/proxy-buffer-size"]
    assert int(size.removesuffix("k")) >= 16


def test_every_pod_can_check_the_certificate_of_the_database(team):
    """The libpq of the image looks for those of the system where there are none."""
    example = (FOLDER / "team" / "secret.env.example").read_text("utf-8")
    (address,) = re.findall(r"^# (postgresql://\S+)$", example, re.M)
    wanted = dict(parse_qsl(urlsplit(address).query))
    assert wanted["sslmode"] == "verify-full"
    file = Path(wanted["sslrootcert"])
    users = 0
    for _, pod in pods(team):
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        for container in containers(pod):
            if "COIN_DATABASE_URL" not in settings(team, container):
                continue
            users += 1
            (mount,) = (
                mount
                for mount in container["volumeMounts"]
                if mount["mountPath"] == str(file.parent)
            )
            source = volumes[mount["name"]]["configMap"]["name"]
            assert file.name in one(team, "ConfigMap", source)["data"]
    assert users == 3  # program, training, backup


def test_a_single_pod_is_alone_on_its_volume(single):
    spec = one(single, "Deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert not of_kind(single, "HorizontalPodAutoscaler")
    claim = one(single, "PersistentVolumeClaim", "coin-data")["spec"]
    assert claim["accessModes"] == ["ReadWriteOnce"]
    assert "COIN_DATABASE_URL" not in settings(single, program(single)[1])
    # What mounts it as well runs on the same node.
    for job in of_kind(single, "CronJob"):
        pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        (near,) = pod["affinity"]["podAffinity"][
            "requiredDuringSchedulingIgnoredDuringExecution"
        ]
        assert selects(near["labelSelector"], program(single)[0]["metadata"]["labels"])


def test_a_team_is_served_without_a_break(team):
    spec = one(team, "Deployment")["spec"]
    assert spec["strategy"]["type"] == "RollingUpdate"
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert spec["minReadySeconds"] > 0
    scaler = one(team, "HorizontalPodAutoscaler")["spec"]
    assert "replicas" not in spec  # it would be set back with every apply
    assert scaler["minReplicas"] >= 2
    assert scaler["scaleTargetRef"]["name"] == "coin-reader"
    (metric,) = scaler["metrics"]
    assert metric["containerResource"]["container"] == program(team)[1]["name"]
    budget = one(team, "PodDisruptionBudget")["spec"]
    labels = program(team)[0]["metadata"]["labels"]
    assert selects(budget["selector"], labels)
    assert budget["maxUnavailable"] < scaler["minReplicas"]
    (spread,) = program(team)[0]["spec"]["topologySpreadConstraints"]
    assert selects(spread["labelSelector"], labels)


def test_a_team_has_its_data_where_several_pods_may_write(team):
    for container in (program(team)[1], training(team)):
        given = settings(team, container)
        assert {"COIN_DATABASE_URL", "AWS_SECRET_ACCESS_KEY"} <= set(given)
        assert given["COIN_STORAGE_URL"].startswith("s3://")
    claim = one(team, "PersistentVolumeClaim", "coin-data")["spec"]
    assert claim["accessModes"] == ["ReadWriteMany"]
    # The database's and the store's ports are open.
    rules = one(team, "NetworkPolicy", "coin-reader-stores")["spec"]["egress"]
    assert {p["port"] for rule in rules for p in rule["ports"]} == {5432, 9000}


def training(manifests):
    job = one(manifests, "CronJob", "coin-reader-training")
    return job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]


def test_trainings_and_backups_are_commands_of_the_program(overlay):
    assert one(overlay, "CronJob", "coin-reader-training")["spec"]["suspend"] is True
    commands = [
        [*container["command"], *container.get("args", [])]
        for _, pod in pods(overlay)
        for container in containers(pod)
        if container.get("command", [])[:3] == ["python", "-m", "coin_core"]
    ]
    assert [command[3] for command in commands][-1] == "train"
    for command in commands:
        build_parser(command[3]).parse_args(command[3:])


@pytest.mark.skipif(
    "COIN_TEST_DATABASE_URL" not in os.environ,
    reason="COIN_TEST_DATABASE_URL names no PostgreSQL server",
)
def test_the_backup_of_a_team_keeps_what_can_be_restored(team, tmp_path):
    job = one(team, "CronJob", "coin-reader-backup")["spec"]["jobTemplate"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    folder = tmp_path / "backups"
    folder.mkdir()
    for day in range(20):
        (folder / f"coins-202001{day:02}-000000.dump").touch()
    (folder / "coins-19990101-000000.dump.part").touch()
    script = container["args"][0].replace("/backups", str(folder))
    environment = {
        **os.environ,
        "PATH": f"{postgresql_bin()}:{os.environ['PATH']}",
        "COIN_DATABASE_URL": os.environ["COIN_TEST_DATABASE_URL"],
    }
    command = [*container["command"], script]
    subprocess.run(command, env=environment, check=True)
    kept = sorted(folder.iterdir())
    assert len(kept) == 14
    assert kept[-1].stat().st_size > 0
    assert kept[0].name == "coins-20200107-000000.dump"
    # A database that cannot be reached costs no older copy.
    environment["COIN_DATABASE_URL"] = f"postgresql://coin@/x?host={tmp_path}"
    done = subprocess.run(command, env=environment, check=False, capture_output=True)
    assert done.returncode != 0
    assert [f for f in sorted(folder.iterdir()) if f.suffix == ".dump"] == kept


def postgresql_bin():
    return sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
