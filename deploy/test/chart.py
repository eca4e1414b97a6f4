"""The chart as Helm itself lints and renders it, every resource as Kubernetes' own schemas have it.

    python deploy/test/chart.py HELP [--update]    HELP: a file with `llemulator --help --all`

`--update` writes deploy/kubernetes.yaml, which is the chart rendered for those who have no Helm.
"""

import pathlib
import re
import sys

import helm_python as helm
import jsonschema
import kubernetes_validate
import yaml

DEPLOY = pathlib.Path(__file__).parent.parent
CHART = DEPLOY / "chart"
MANIFEST = DEPLOY / "kubernetes.yaml"
# The oldest and the newest that the chart says it is for: `kubeVersion`, and what the validator knows.
VERSIONS = ["1.30", "1.34", "1.37"]

# The operator's own resource has no schema at Kubernetes: what its reference demands of the fields that are used.
SERVICE_MONITOR = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["selector", "endpoints"],
            "additionalProperties": False,
            "properties": {
                "selector": {"type": "object", "required": ["matchLabels"]},
                "endpoints": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {"port": {"type": "string"}, "path": {"type": "string"}, "interval": {"type": "string"}},
                    },
                },
            },
        }
    },
}


def values(name):
    return yaml.safe_load((DEPLOY / "test" / f"values-{name}.yaml").read_text())


def render(given, name="llemulator", namespace="default"):
    """The resources by kind, and their text as Helm prints it."""
    with helm.Chart.load(CHART) as chart:
        files = chart.render(given, name=name, namespace=namespace)
    texts = [text.strip() for path, text in sorted(files.items()) if not path.endswith((".txt", ".tpl")) and text.strip()]
    return {resource["kind"]: resource for text in texts for resource in yaml.safe_load_all(text)}, texts


def validate(resources):
    for kind, resource in resources.items():
        if kind == "ServiceMonitor":
            jsonschema.validate(resource, SERVICE_MONITOR)
            continue
        for version in VERSIONS:
            kubernetes_validate.validate(resource, version, strict=True)


def fails(expected, given):
    """Helm refuses these values, and says why."""
    try:
        render(given)
    except helm.HelmError as error:
        assert re.search(expected, str(error)), error
    else:
        raise AssertionError(f"rendered with {given}")


def linted():
    for name, given in [("default", None), ("full", values("full")), ("manifest", values("manifest"))]:
        report = helm.lint(CHART, given, strict=True, kube_version="v1.30.0")
        # An icon is recommended, and we have none.
        found = [message for message in report["messages"] if "icon is recommended" not in str(message)]
        assert report["total_charts_linted"] == 1 and not found and not report.get("errors"), (name, report)
    print("ok  Helm lints the chart strictly: default, full, manifest values")


def by_default():
    resources, _ = render(None)
    validate(resources)
    assert sorted(resources) == ["Deployment", "PodDisruptionBudget", "Secret", "Service"], sorted(resources)
    pod = resources["Deployment"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 65534
    assert container["securityContext"] == {
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert {"cpu", "memory"} <= set(container["resources"]["requests"])
    assert "--script=/scripts" not in container.get("args", [])
    assert len(resources["Secret"]["data"]["token"]) > 40, "a random token"
    assert resources["Secret"]["data"] != render(None)[0]["Secret"]["data"]
    assert "sessionAffinity" not in resources["Service"]["spec"]
    print("ok  default values: probes, non-root, read-only, resources, a random control token")


def in_full():
    resources, texts = render(values("full"), name="demo", namespace="prod")
    validate(resources)
    expected = ["ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Ingress", "NetworkPolicy", "PodDisruptionBudget"]
    assert sorted(resources) == [*expected, "Secret", "Service", "ServiceMonitor"], sorted(resources)
    deployment = resources["Deployment"]["spec"]
    assert "replicas" not in deployment, "the autoscaler counts"
    pod = deployment["template"]["spec"]
    container = pod["containers"][0]
    assert container["image"].startswith("registry.internal/llemulator@sha256:")
    assert container["args"] == ["--script=/scripts", "--upstream=https://api.openai.com/v1"]
    env = {variable["name"]: variable for variable in container["env"]}
    assert env["LLEMULATOR_SEED"]["value"] == "7" and env["LLEMULATOR_GRACE_MS"]["value"] == "60000"
    assert env["LLEMULATOR_MAX_MEMORY_BYTES"]["value"] == "1073741824"
    assert env["LLEMULATOR_CONTROL_TOKEN"]["valueFrom"]["secretKeyRef"] == {"name": "demo-llemulator-control", "key": "control"}
    assert "llm.example.com" in env["LLEMULATOR_ALLOWED_HOSTS"]["value"].split(",")
    assert "demo-llemulator.prod.svc" in env["LLEMULATOR_ALLOWED_HOSTS"]["value"].split(",")
    assert pod["terminationGracePeriodSeconds"] > 60 + 10, "streams may end before it is killed"
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]} == {"temporary", "scripts"}
    assert "weather" in resources["ConfigMap"]["data"]["script.yaml"]
    metric = resources["HorizontalPodAutoscaler"]["spec"]["metrics"][0]["pods"]
    assert metric["metric"]["name"] == "llemulator_streams_open" and metric["target"]["averageValue"] == "250"
    annotations = resources["Ingress"]["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/proxy-buffering"] == "off"
    assert "nginx.ingress.kubernetes.io/upstream-hash-by" not in annotations, "with a store any replica takes any key"
    assert "sessionAffinity" not in resources["Service"]["spec"]
    assert env["LLEMULATOR_STORE"]["valueFrom"]["secretKeyRef"] == {"name": "redis", "key": "url"}
    assert env["POD_IP"]["valueFrom"]["fieldRef"]["fieldPath"] == "status.podIP"
    assert env["LLEMULATOR_ADVERTISE"]["value"] == "http://$(POD_IP):8080"
    own = {"podSelector": {"matchLabels": resources["Service"]["spec"]["selector"]}}
    policy = resources["NetworkPolicy"]["spec"]
    assert own in policy["ingress"][0]["from"] and any(own in rule.get("to", []) for rule in policy["egress"]), "replicas reach each other"
    labels = deployment["template"]["metadata"]["labels"].items()
    selectors = [
        resources["Service"]["spec"]["selector"],
        deployment["selector"]["matchLabels"],
        resources["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        resources["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        # The monitor's selects Services.
        resources["ServiceMonitor"]["spec"]["selector"]["matchLabels"],
    ]
    assert all(selector.items() <= labels for selector in selectors)
    assert resources["ServiceMonitor"]["spec"]["selector"]["matchLabels"].items() <= resources["Service"]["metadata"]["labels"].items()
    changed = render({**values("full"), "script": "responses: [Rome.]"}, name="demo")[0]
    stamp = lambda of: of["Deployment"]["spec"]["template"]["metadata"]["annotations"]["llemulator/script"]
    assert stamp(changed) != stamp(resources), "another script starts another Pod"
    print("ok  full values: script, HPA on open streams, NetworkPolicy, Ingress without buffers, ServiceMonitor, a store")


def apart():
    """Without a store each key stays at a replica."""
    resources, _ = render({"replicas": 3, "ingress": {"enabled": True}})
    validate(resources)
    assert resources["Service"]["spec"]["sessionAffinity"] == "ClientIP"
    assert resources["Ingress"]["metadata"]["annotations"]["nginx.ingress.kubernetes.io/upstream-hash-by"] == "$http_authorization"
    container = resources["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    assert not {"LLEMULATOR_STORE", "LLEMULATOR_ADVERTISE"} & {variable["name"] for variable in container["env"]}
    given, _ = render({"replicas": 3, "store": {"url": "rediss://redis:6379/0"}})
    validate(given)
    [store] = [one for one in given["Deployment"]["spec"]["template"]["spec"]["containers"][0]["env"] if one["name"] == "LLEMULATOR_STORE"]
    assert store["value"] == "rediss://redis:6379/0" and "sessionAffinity" not in given["Service"]["spec"]
    print("ok  replicas without a store: each key stays at one; with a store none needs to")


def refused():
    fails(r"autoscaling needs a store", {"autoscaling": {"enabled": True}})
    fails(r"store", {"store": {"url": "http://redis"}})
    fails(r"replcas", {"replcas": 2})
    fails(r"port", {"service": {"port": 70000}})
    fails(r"lower-case", {"env": {"lower-case": "x"}})
    print("ok  values that say nothing are refused by name")


def options(help_text):
    """Every variable that is set exists: those of the emulator in its help, those of OpenTelemetry by its own name, `POD_IP` is read by another."""
    resources, _ = render(values("full"))
    names = {variable["name"] for variable in resources["Deployment"]["spec"]["template"]["spec"]["containers"][0]["env"]}
    for name in names | set(re.findall(r"LLEMULATOR_[A-Z_]+", (CHART / "values.yaml").read_text())):
        assert name.startswith("OTEL_") or name == "POD_IP" or f"env: {name}]" in help_text or f"env: {name}=" in help_text, f"{name} is no variable of the emulator"
    print("ok  every variable that the chart sets is one of the emulator's")


def manifest(update):
    resources, texts = render(values("manifest"))
    validate(resources)
    head = "# The chart in deploy/chart without Helm; made by: npm test -- deploy (deploy/test/chart.py --update)\n" \
        "# kubectl create secret generic llemulator-control --from-literal=token=\"$(openssl rand -hex 20)\"\n" \
        "# kubectl apply -f deploy/kubernetes.yaml\n"
    text = head + "".join(f"---\n{part}\n" for part in texts)
    if update:
        MANIFEST.write_text(text)
    assert MANIFEST.read_text() == text, "deploy/kubernetes.yaml is not what the chart gives: python deploy/test/chart.py HELP --update"
    print("ok  deploy/kubernetes.yaml is the chart, rendered")


print(f"Helm {helm.helm_sdk_version()}, Kubernetes {', '.join(VERSIONS)}")
linted()
by_default()
in_full()
apart()
refused()
options(pathlib.Path(sys.argv[1]).read_text())
manifest("--update" in sys.argv)
