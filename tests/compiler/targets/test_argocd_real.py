"""What Argo CD makes of the back end's files: by Go's templates, Helm and Argo CD's own schemas."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from posixpath import normpath
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from argocd_plans import REPOSITORY, SET, application, for_argocd, of_workloads, read, services, written
from compiler.plan.model import Chart, Departed, Plan, Source
from compiler.targets import argocd
from compiler.targets.argocd.parameters import parameter
from crd_schemas import CrdSchemas
from helm_plans import EVERYTHING, MANAGED
from helm_plans import plan as helm_plan
from pipeline_plans import RICH, Service, make_plan
from toolchain import Helm

ALL = of_workloads(
    replace(helm_plan(), departed=(Departed("old", "shop-old", prune=True),)), (*EVERYTHING, *MANAGED[:1])
)
OWN = Chart(
    "https://charts.example.com",
    "redis",
    "1.2.3",
    None,
    set_values=(("a.b", "{{ .x }} ${{ y }} $(id) <&>'\"\\\n"),),
    arguments=("--skip-crds", "--skip-tests", "--skip-schema-validation"),
)


def unique(plan: Plan) -> Plan:
    """The plan with every service once: a managed database has the name of another."""
    last = {workload.service: workload for workload in plan.workloads}
    stages = tuple(replace(stage, services=tuple(dict.fromkeys(stage.services))) for stage in plan.stages)
    return replace(plan, workloads=tuple(last.values()), stages=stages)


def pinned(root: Path, plan: Plan, tag: str = "content-1") -> None:
    """Write the pins of every service that runs an image, as CI does."""
    for workload in plan.workloads:
        if workload.image is not None:
            path = root / "helm" / "images" / "shop" / f"{workload.service}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"image": {"tag": tag, "digest": "sha256:" + "a" * 64}}))


def rendered(helm: Helm, root: Path, source: dict[str, Any]) -> list[Any]:
    """What Argo CD's `helm template` of a source on the branch gives."""
    options = source["helm"]
    files = [normpath(f"{source['path']}/{file}") for file in options["valueFiles"]]
    there = [file for file in files if (root / file).is_file()]
    assert there == files or options["ignoreMissingValueFiles"], files
    result = helm.run(
        "template",
        options["releaseName"],
        root / source["path"],
        "--namespace=shop",
        "--include-crds",
        *(f"--values={root / file}" for file in there),
    )
    assert result.returncode == 0, result.stderr
    return [manifest for manifest in YAML(typ="safe").load_all(result.stdout) if manifest]


def test_the_schemas_take_everything(argocd_schemas: CrdSchemas, appset_reader: Path, tmp_path: Path) -> None:
    """The ApplicationSet, the projects, and every Application that is made."""
    plan = for_argocd(make_plan([*RICH[:3], Service("redis", "extra", chart=OWN)]))
    plan = replace(plan, departed=(Departed("old", "old", prune=True),))
    written(tmp_path, plan)
    objects = [data for path, data in read(plan).items() if "/set/" in path or "/install/" in path]
    assert sorted(o["kind"] for o in objects) == ["AppProject", "AppProject", "Application", "ApplicationSet"]
    for project in objects:
        # A text of its own type, which the generated validators take for an unknown field.
        project["spec"].pop("description", None)
    objects += [application(appset_reader, tmp_path, service) for service in services(plan)]
    assert argocd_schemas.problems(objects) == []


def test_the_schemas_find_what_is_wrong(argocd_schemas: CrdSchemas) -> None:
    """Otherwise the test above could not fail."""
    wrong = read(for_argocd(make_plan([Service("a", "s")])))[SET]
    wrong["spec"]["goTemplate"] = "yes"
    wrong["spec"]["strategy"]["rollingSync"]["maxUpdate"] = 7
    problems = argocd_schemas.problems([wrong])
    assert len(problems) == 2, problems


def test_an_application(appset_reader: Path, tmp_path: Path) -> None:
    """The template and the patch together, as the controller puts them together."""
    plan = for_argocd(make_plan(RICH[:2]))
    written(tmp_path, plan)
    made = application(appset_reader, tmp_path, "web")
    assert made["metadata"] == {
        "name": "shop-web",
        "labels": {
            "stagecast.dev/environment": "shop",
            "stagecast.dev/service": "web",
            "stagecast.dev/stage": "application",
            "stagecast.dev/step": "2",
        },
        "annotations": {
            "argocd.argoproj.io/manifest-generate-paths": (
                "/helm/charts/workload;/helm/values/shop/web.yaml;/helm/images/shop/web.yaml"
            )
        },
    }
    assert made["spec"]["source"] == services(plan)["web"]["source"]
    assert made["spec"]["destination"] == {"server": "https://kubernetes.default.svc", "namespace": "shop"}
    assert made["spec"]["syncPolicy"]["retry"] == {
        "limit": 2,
        "backoff": {"duration": "10s", "factor": 2, "maxDuration": "3m"},
    }


def test_a_file_cannot_choose_project_or_place(appset_reader: Path, tmp_path: Path) -> None:
    """Whoever may write to the branch gets no further than the project allows."""
    plan = for_argocd(make_plan([Service("a", "s")]))
    written(tmp_path, plan)
    path = tmp_path / "argocd/shop/services/a.json"
    data = json.loads(path.read_text())
    honest = application(appset_reader, tmp_path, "a")
    evil = {"project": "default", "spec": {"project": "default"}, "destination": {"namespace": "kube-system"}}
    path.write_text(json.dumps(data | evil))
    assert application(appset_reader, tmp_path, "a") == honest
    path.write_text(json.dumps(data | {"stage": '{{ .x }}", "spec": {"project": "default"}'}))
    assert application(appset_reader, tmp_path, "a")["spec"] == honest["spec"]


HOSTILE = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff\ufffe\uffff\u2028\u2029"),
    max_size=40,
)


@settings(max_examples=25)
@given(st.lists(HOSTILE, min_size=6, max_size=6))
@example(["{{ .Values.x }}", "${{ github.token }}", "$(id)", "'\"\\\n\r\t", "on", "1e3"])
@example(["0o7", "</script>", "{{/*", "`", "\x01", "x" * 70_000])
def test_hostile_texts_arrive_as_they_are(
    appset_reader: Path, tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    """Through the file, Go's template and its JSON; nothing is evaluated, or the compile refuses it."""
    first, second, third, fourth, fifth, sixth = texts
    chart = Chart(first, second, third, None, set_values=((fourth, fifth),))
    plan = for_argocd(make_plan([Service("own", "s", chart=chart)]))
    plan = replace(plan, stages=tuple(replace(stage, name=sixth) for stage in plan.stages))
    said = {x.code for x in argocd.check(plan) if x.severity == "error"}
    if "argocd-character" in said:
        assert any(0x7F <= ord(character) <= 0x9F for text in texts[:5] for character in text)
        return
    assert not said
    root = tmp_path_factory.mktemp("hostile")
    written(root, plan)
    source = application(appset_reader, root, "own")["spec"]["sources"][0]
    assert source == services(plan)["own"]["sources"][0]
    assert (source["repoURL"], source["chart"]) == (first.removeprefix("oci://").rstrip("/"), second)
    assert source["targetRevision"] == third or (third == "" and source["targetRevision"] == "*")


def test_helm_renders_every_source(helms: Helm, tmp_path: Path) -> None:
    """The values files that an Application names are there and fit its chart, and pin the image."""
    plan = unique(ALL)
    written(tmp_path, plan)
    pinned(tmp_path, plan)
    found = services(plan)
    assert len(found) == len(plan.workloads) + 1
    for workload in plan.workloads:
        manifests = rendered(helms, tmp_path, found[workload.service]["source"])
        assert manifests
        images = {
            container["image"]
            for manifest in manifests
            for container in _pod(manifest).get("containers", ())
            if container["name"] != "proxy"
        }
        assert all(image.endswith("@sha256:" + "a" * 64) for image in images)
        assert bool(images) == (workload.image is not None)
    assert rendered(helms, tmp_path, found["old"]["source"]) == []


def _pod(manifest: Any) -> Any:
    spec = manifest.get("spec") or {}
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    return spec.get("template", {}).get("spec", {})


def test_without_a_pin_a_built_image_is_not_deployed(helm3: Helm, tmp_path: Path) -> None:
    """The file that CI has not written yet is asked for."""
    plan = for_argocd(make_plan(RICH[:2]))
    written(tmp_path, plan)
    with pytest.raises(AssertionError):
        rendered(helm3, tmp_path, services(plan)["web"]["source"])
    assert rendered(helm3, tmp_path, services(plan)["postgres"]["source"])


JOBS = ("start", "stop", "delete", "cron")


@pytest.mark.parametrize("service", JOBS)
def test_the_chart_for_jobs_is_helms(helm3: Helm, tmp_path: Path, service: str) -> None:
    """But for the annotations that Argo CD reads, and what says that a job has run."""
    plan = unique(ALL)
    written(tmp_path, plan)
    pinned(tmp_path, plan)
    source = services(plan)[service]["source"]
    values = [normpath(f"{source['path']}/{file}") for file in source["helm"]["valueFiles"]]
    theirs = {
        "path": "helm/charts/job",
        "helm": source["helm"] | {"valueFiles": [f"../../../{v}" for v in values]},
    }
    ours, helms = (rendered(helm3, tmp_path, found) for found in (source, theirs))
    extra = [manifest for manifest in ours if manifest["metadata"]["name"].endswith("-ran")]
    assert len(extra) == (service == "start")
    ours = [manifest for manifest in ours if manifest not in extra]
    for manifest in (*ours, *helms):
        if manifest["kind"] in ("Job", "CronJob"):
            manifest["metadata"].pop("annotations", None)
    assert sorted(map(json.dumps, ours)) == sorted(map(json.dumps, helms))


def test_a_job_runs_in_the_sync_and_before_what_says_so(helm3: Helm, tmp_path: Path) -> None:
    """RollingSync looks at health and difference only, and a hook has neither."""
    plan = unique(ALL)
    written(tmp_path, plan)

    def marker(tag: str) -> Any:
        pinned(tmp_path, plan, tag)
        manifests = rendered(helm3, tmp_path, services(plan)["start"]["source"])
        [job] = [manifest for manifest in manifests if manifest["kind"] == "Job"]
        assert job["metadata"]["annotations"]["argocd.argoproj.io/hook"] == "Sync"
        assert not any(key.startswith("helm.sh/") for key in job["metadata"]["annotations"])
        [ran] = [manifest for manifest in manifests if manifest["metadata"]["name"].endswith("-ran")]
        assert ran["metadata"]["annotations"] == {"argocd.argoproj.io/sync-wave": "1"}
        return ran["data"]

    # The same image again is no difference, so the job is not run again; another one is.
    assert marker("content-1") == marker("content-1") != marker("content-2")
    pinned(tmp_path, plan)
    for name, key in (("delete", "helm.sh/hook"), ("cron", "argocd.argoproj.io/ignore-healthcheck")):
        [found] = [
            manifest
            for manifest in rendered(helm3, tmp_path, services(plan)[name]["source"])
            if manifest["kind"] in ("Job", "CronJob")
        ]
        assert key in found["metadata"]["annotations"]


TEXTS = ["true", "1e3", "x,y", "\\", "a\\,b", "{a,b}", "{", "$x ${y} $$", "null", "[1]", "a=b", "\n é", "{}"]


@pytest.mark.parametrize("name", ["a", "a.b", "a.b[1].c", "a\\b", "x,y.z"])
def test_set_reaches_helm_as_it_is_written(helm3: Helm, tmp_path: Path, name: str) -> None:
    """As Argo CD hands a parameter over, and as pipelines do (`--set-literal`)."""
    (tmp_path / "Chart.yaml").write_text("name: own\napiVersion: v2\nversion: 0.1.0\n")
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "values.yaml").write_text("values: {{ .Values | toJson | quote }}\n")
    # --set-literal loses an empty text behind an index.
    texts = TEXTS if "[" in name else ["", *TEXTS]
    assignments = [(f"t{place}.{name}", text) for place, text in enumerate(texts)]
    parameters = [parameter(path, text) for path, text in assignments]
    literal = [f"--set-literal={path}={text}" for path, text in assignments]
    argo = [f"--set-string={said['name']}={_handed_over(str(said['value']))}" for said in parameters]
    results = [helm3.run("template", "x", tmp_path, *flags) for flags in (literal, argo)]
    assert [result.returncode for result in results] == [0, 0], results
    assert results[0].stdout == results[1].stdout
    assert len(json.loads(YAML(typ="safe").load(results[1].stdout)["values"])) == len(texts)


def _handed_over(value: str) -> str:
    """What Argo CD makes of a parameter's value: variables first, then commas (util/helm/cmd.go)."""
    pieces = value.split("$$")
    assert not any("$" in piece for piece in pieces), "a variable of Argo CD's would be put in"
    text = "$".join(pieces)
    if text.startswith("{") and text.endswith("}"):
        return text
    return "".join(
        "\\," if character == "," and text[place - 1 : place] != "\\" else character
        for place, character in enumerate(text)
    )


def test_a_local_chart_and_its_files(helm3: Helm, tmp_path: Path) -> None:
    """They lie in the repository of the spec; CI brings them to the branch as well."""
    source = Source(".", None, "charts/own")
    chart = Chart(None, None, None, source, values={"a": "b"}, value_files=("files/own.yaml",))
    plan = for_argocd(make_plan([Service("own", "s", chart=chart)]))
    written(tmp_path, plan)
    (tmp_path / "charts/own/templates").mkdir(parents=True)
    (tmp_path / "charts/own/Chart.yaml").write_text("name: own\napiVersion: v2\nversion: 0.1.0\n")
    (tmp_path / "charts/own/templates/values.yaml").write_text("values: {{ .Values | toJson | quote }}\n")
    (tmp_path / "files").mkdir()
    (tmp_path / "files/own.yaml").write_text("a: x\nc: d\n")
    [manifest] = rendered(helm3, tmp_path, services(plan)["own"]["source"])
    assert json.loads(manifest["values"]) == {"a": "b", "c": "d"}
    assert services(plan)["own"]["source"]["repoURL"] == REPOSITORY


def test_the_reader_fails_on_a_missing_key(appset_reader: Path, tmp_path: Path) -> None:
    """missingkey=error: a file of another version makes no half Application."""
    plan = for_argocd(make_plan([Service("a", "s")]))
    written(tmp_path, plan)
    path = tmp_path / "argocd/shop/services/a.json"
    data = json.loads(path.read_text())
    del data["step"]
    path.write_text(json.dumps(data))
    described = YAML(typ="safe").load((tmp_path / SET).read_text())["spec"]
    result = subprocess.run(
        [appset_reader, path],
        input=json.dumps({name: described[name] for name in ("template", "templatePatch")}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode != 0
    assert "step" in result.stderr
