"""What Argo itself would say and do: references that must exist, and an executor that keeps to Argo's rules.

The rules are those of the controller of Argo Workflows v3.6 to v4.1
(workflow/controller: dag.go, steps.go, operator.go `checkParallelism`,
node_counters.go; workflow/sync): targets are started in the order in which they
are listed, dependencies first; `parallelism` counts the children of one
invocation that are pending or running; a template with `failFast` starts
nothing after a failed child and fails when the last one has ended; a semaphore
is given to whoever asks first, and who waits for one is a pending child.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from compiler.artifacts import Artifact

Manifest = dict[str, Any]

# workflow/validate: the names of templates, tasks and parameters.
NAME = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]{0,127}")
TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
WHEN = re.compile(r"=workflow\.outputs\.parameters\.todo contains '(,[0-9]+,)'")
PODS = ("container", "script", "resource", "containerSet")


def load(artifacts: Sequence[Artifact]) -> dict[str, Manifest]:
    """The manifests by the last part of their path, read by another parser than ours."""
    files = (artifact for artifact in artifacts if artifact.path.endswith(".yaml"))
    return {
        a.path.rpartition("/")[2].removesuffix(".yaml"): yaml.load(a.content, yaml.CSafeLoader) for a in files
    }


def templates(workflow: Manifest) -> dict[str, Manifest]:
    """The templates of a WorkflowTemplate by name."""
    return {template["name"]: template for template in workflow["spec"]["templates"]}


def calls(template: Manifest) -> list[Manifest]:
    """The steps or tasks of a template."""
    if "steps" in template:
        return [step for group in template["steps"] for step in group]
    return list(template["dag"]["tasks"]) if "dag" in template else []


def texts(value: Any) -> Iterator[str]:
    """All keys and values of a loaded document that are texts."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(key)
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


# --- references


def problems(manifests: Mapping[str, Manifest], secrets: Mapping[str, set[str]]) -> list[str]:
    """What is wrong with an environment's manifests; `secrets` are the Secrets' keys that may be used."""
    workflow, found = manifests["workflow-template"], []
    by_name = templates(workflow)
    if len(by_name) != len(workflow["spec"]["templates"]):
        found.append("two templates have one name")
    found += _reachable(workflow, by_name)
    if any(problem.startswith("there is no template") for problem in found):
        return found
    if len(by_name) > 200 or any(
        len(calls(template)) > 200 for template in by_name.values() if "dag" in template
    ):
        found.append("more than Argo's resource definition takes")
    for template in by_name.values():
        found += [f"{template['name']}: {problem}" for problem in _template(template, by_name)]
        if "container" in template:
            found += [f"{template['name']}: {p}" for p in _pod(template, manifests, secrets)]
    return [*found, *_tags(workflow, by_name), *_caps(by_name), *_accounts(manifests)]


def _reachable(workflow: Manifest, by_name: Mapping[str, Manifest]) -> Iterator[str]:
    seen, queue = set(), [workflow["spec"]["entrypoint"]]
    while queue:
        name = queue.pop()
        if name not in by_name:
            yield f"there is no template {name}"
        elif name not in seen:
            seen.add(name)
            queue += [call["template"] for call in calls(by_name[name])]
    yield from (f"nothing uses the template {name}" for name in by_name if name not in seen)


def _template(template: Manifest, by_name: Mapping[str, Manifest]) -> Iterator[str]:
    if sum(kind in template for kind in (*PODS, "dag", "steps")) != 1:
        yield "not exactly one kind"
    own = [call["name"] for call in calls(template)]
    if len(set(own)) != len(own):
        yield "two tasks have one name"
    for name in (template["name"], *own):
        if not NAME.fullmatch(name):
            yield f"Argo takes no name {name!r}"
    for call in calls(template):
        declared = {
            p["name"] for p in by_name.get(call["template"], {}).get("inputs", {}).get("parameters", [])
        }
        given = [p["name"] for p in call.get("arguments", {}).get("parameters", [])]
        if sorted(given) != sorted(declared):
            yield f"{call['name']} gives {given} to {call['template']}, which takes {sorted(declared)}"
    if "dag" in template:
        yield from _graph(template)


def _graph(template: Manifest) -> Iterator[str]:
    tasks = template["dag"]["tasks"]
    own = [task["name"] for task in tasks]
    if template["dag"]["target"].split(" ") != own:
        yield "the targets are not its tasks in their order"
    done: set[str] = set()
    for task in tasks:
        # Stronger than Argo's rule: with needs first, the order of the targets is that of the queue.
        for need in task.get("dependencies", []):
            if need not in done:
                yield f"{task['name']} needs {need}, which does not come before it"
        done.add(task["name"])


def _pod(
    template: Manifest, manifests: Mapping[str, Manifest], secrets: Mapping[str, set[str]]
) -> Iterator[str]:
    spec = manifests["workflow-template"]["spec"]
    volumes = {volume["name"]: volume for volume in (*spec["volumes"], *template.get("volumes", []))}
    if "activeDeadlineSeconds" not in template:
        yield "no limit of time"
    for container in (template["container"], *template.get("sidecars", [])):
        for mount in container["volumeMounts"]:
            if mount["name"] not in volumes:
                yield f"there is no volume {mount['name']}"
        if not container.get("command"):
            yield "without a command Argo asks the image's registry for it"
        for variable in container.get("env", []):
            ref = variable.get("valueFrom", {}).get("secretKeyRef")
            if ref is not None and ref["key"] not in secrets.get(ref["name"], set()):
                yield f"unknown Secret {ref['name']}/{ref['key']}"
    config = manifests["scripts"]
    for volume in volumes.values():
        if "configMap" in volume and volume["configMap"]["name"] != config["metadata"]["name"]:
            yield f"there is no ConfigMap {volume['configMap']['name']}"
    for semaphore in template.get("synchronization", {}).get("semaphores", []):
        ref = semaphore["configMapKeyRef"]
        if ref["name"] != config["metadata"]["name"] or not config["data"].get(ref["key"], "").isdecimal():
            yield f"no number of {ref['name']}/{ref['key']}"
        if int(config["data"].get(ref["key"], "0")) < 1:
            yield "a semaphore that nobody gets"


def _tags(workflow: Manifest, by_name: Mapping[str, Manifest]) -> Iterator[str]:
    """Every tag names something that is known where it stands."""
    parameters = {p["name"] for p in workflow["spec"]["arguments"]["parameters"]}
    known = {f"workflow.parameters.{name}" for name in parameters}
    for step in calls(by_name[workflow["spec"]["entrypoint"]]):
        reached = [by_name[step["template"]]]
        reached += [by_name[call["template"]] for call in calls(reached[0])]
        for template in reached:
            own = {f"inputs.parameters.{p['name']}" for p in template.get("inputs", {}).get("parameters", [])}
            for text in texts(template):
                for tag in TAG.findall(text):
                    if WHEN.fullmatch(tag) and "workflow.outputs.parameters.todo" in known:
                        continue
                    if tag not in known | own:
                        yield f"{template['name']}: nothing gives {{{{{tag}}}}}"
        for template in reached:
            for output in template.get("outputs", {}).get("parameters", []):
                known.add(f"workflow.outputs.parameters.{output['globalName']}")
    outside = {key: value for key, value in workflow["spec"].items() if key != "templates"}
    for text in texts([outside, workflow["metadata"]]):
        if "{{" in text:
            yield f"outside of the templates: {text}"


def _caps(by_name: Mapping[str, Manifest]) -> Iterator[str]:
    for template in by_name.values():
        if "dag" not in template:
            continue
        if template.get("failFast") is not True:
            yield f"{template['name']}: after a failure others start"
        for task in template["dag"]["tasks"]:
            if "parallelism" not in template and "synchronization" not in by_name[task["template"]]:
                yield f"{template['name']}: nothing limits {task['name']}"
        if template.get("parallelism", 1) < 1:
            yield f"{template['name']}: nothing may run"


def _accounts(manifests: Mapping[str, Manifest]) -> Iterator[str]:
    items, spec = manifests["rbac"]["items"], manifests["workflow-template"]["spec"]
    home = manifests["workflow-template"]["metadata"]["namespace"]
    named = {(i["kind"], i["metadata"].get("namespace"), i["metadata"]["name"]) for i in items}
    executor = spec["executor"]["serviceAccountName"]
    wanted = {("ServiceAccount", home, spec["serviceAccountName"]), ("ServiceAccount", home, executor)}
    wanted.add(("Namespace", None, home))
    wanted.add(("Secret", home, f"{executor}.service-account-token"))
    for template in spec["templates"]:
        if "serviceAccountName" in template:
            wanted.add(("ServiceAccount", home, template["serviceAccountName"]))
    for item in items:
        if item["kind"] == "RoleBinding":
            wanted.add((item["roleRef"]["kind"], item["metadata"]["namespace"], item["roleRef"]["name"]))
            wanted.update((s["kind"], s["namespace"], s["name"]) for s in item["subjects"])
    yield from (
        f"there is no {kind} {name} in {where}" for kind, where, name in sorted(wanted - named, key=str)
    )


# --- execution


@dataclass(frozen=True)
class Pod:
    """A pod that ran: its task, its template, the values of its inputs, and when."""

    task: str
    template: str
    inputs: Mapping[str, str]
    start: float
    end: float
    ok: bool


@dataclass
class _Node:
    state: str  # "waiting" for a semaphore, "running", "done", "failed", "skipped"


@dataclass
class Run:
    """One workflow under way."""

    manifests: Mapping[str, Manifest]
    duration: Callable[[str], float]
    fails: Callable[[str], bool]
    todo: str
    now: float = 0.0
    pods: list[Pod] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)

    def execute(self) -> bool:
        """Run the entrypoint; whether it succeeded."""
        by_name = templates(self.manifests["workflow-template"])
        for group in by_name["main"]["steps"]:
            for step in group:
                template = by_name[step["template"]]
                ok = self._dag(template, by_name) if "dag" in template else self._single(step, template)
                if not ok:
                    return False
        return True

    def _single(self, step: Manifest, template: Manifest) -> bool:
        start, self.now = self.now, self.now + self.duration(step["name"])
        ok = not self.fails(step["name"])
        self.pods.append(Pod(step["name"], template["name"], {}, start, self.now, ok))
        return ok

    def _dag(self, template: Manifest, by_name: Mapping[str, Manifest]) -> bool:
        tasks = {task["name"]: task for task in template["dag"]["tasks"]}
        nodes: dict[str, _Node] = {}
        ending: list[tuple[float, str, float]] = []
        while True:
            failed = any(node.state == "failed" for node in nodes.values())
            if not (failed and template.get("failFast")):
                visited: set[str] = set()
                for name in template["dag"]["target"].split(" "):
                    self._visit(name, tasks, template, by_name, nodes, visited, ending)
            if not ending:
                return not failed and all(nodes[name].state in ("done", "skipped") for name in tasks)
            self.now, name, start = heapq.heappop(ending)
            leaf = by_name[tasks[name]["template"]]
            ok = not self.fails(name)
            nodes[name].state = "done" if ok else "failed"
            for key in _semaphores(leaf):
                self.held[key] -= 1
            inputs = {p["name"]: p["value"] for p in tasks[name]["arguments"]["parameters"]}
            self.pods.append(Pod(name, leaf["name"], inputs, start, self.now, ok))

    def _visit(
        self,
        name: str,
        tasks: Mapping[str, Manifest],
        template: Manifest,
        by_name: Mapping[str, Manifest],
        nodes: dict[str, _Node],
        visited: set[str],
        ending: list[tuple[float, str, float]],
    ) -> None:
        if name in visited:
            return
        visited.add(name)
        task, node = tasks[name], nodes.get(name)
        if node is not None and node.state != "waiting":
            return
        if node is None:
            for need in task.get("dependencies", []):
                self._visit(need, tasks, template, by_name, nodes, visited, ending)
            ended = [nodes[need].state for need in task.get("dependencies", []) if need in nodes]
            if len(ended) != len(task.get("dependencies", [])) or not {"done", "skipped"}.issuperset(ended):
                return
            if (when := task.get("when")) is not None and WHEN.fullmatch(when[2:-2])[1] not in self.todo:  # type: ignore[index]
                nodes[name] = _Node("skipped")
                return
            active = sum(node.state in ("waiting", "running") for node in nodes.values())
            if active >= template.get("parallelism", active + 1):
                return
        keys = _semaphores(by_name[task["template"]])
        sizes = self.manifests["scripts"]["data"]
        if any(self.held.get(key, 0) >= int(sizes[key]) for key in keys):
            nodes[name] = _Node("waiting")
            return
        for key in keys:
            self.held[key] = self.held.get(key, 0) + 1
        nodes[name] = _Node("running")
        heapq.heappush(ending, (self.now + self.duration(name), name, self.now))


def _semaphores(template: Manifest) -> list[str]:
    found = template.get("synchronization", {}).get("semaphores", [])
    return [semaphore["configMapKeyRef"]["key"] for semaphore in found]


def most_at_once(pods: Sequence[Pod]) -> int:
    """The largest number of these pods that ran at the same time; who starts when another ends follows it."""
    moments = [(pod.start, 1) for pod in pods] + [(pod.end, -1) for pod in pods]
    most = now = 0
    for _, change in sorted(moments):
        now += change
        most = max(most, now)
    return most
