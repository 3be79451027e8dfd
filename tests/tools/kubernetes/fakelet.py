"""A stand-in kubelet for tests: one node, its volumes, and what the pods bound to it do.

usage: fakelet.py STATE_DIR CPU MEMORY PORT [OWNER_PID]

STATE_DIR is that of control-plane.sh. When there is an OWNER_PID and that
process is gone, all components of the state folder end. Knows only the standard
library, because it runs on the machine's own Python.

A pod turns Ready (a job's pod: Succeeded) 0.2 s after it was first seen. Its annotations say otherwise:

sim/ready-s: SECONDS    as many seconds
sim/never-ready: ""     runs, and its readiness probe fails, with an event
sim/fail: CODE          ends with this exit code; a pod that is to stay up is in CrashLoopBackOff
sim/log: TEXT           what its container writes; `kubectl logs` shows it

Pods that are being deleted go at once. A claim of a volume is bound to a new
volume, as a storage class with a provisioner does it, and a load balancer gets
an address, as a cloud gives it. Events and logs are as far as `kubectl get
events` and `kubectl logs` need them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import ssl
import sys
import threading
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

NODE = "sim-0"
POLL_S = 0.1
RETRY_S = 0.3
PATCH = "application/strategic-merge-patch+json"

Manifest = dict[str, Any]


class Api:
    """The API server; while it does not answer, calls wait."""

    def __init__(self, state: Path) -> None:
        self.server = (state / "url").read_text().strip()
        self.token = (state / "tokens.csv").read_text().partition(",")[0]
        self.tls = ssl.create_default_context(cafile=str(state / "tls.crt"))

    def call(self, method: str, path: str, body: Manifest | None = None) -> Manifest:
        """One request. Raises HTTPError for an answer that is no success."""
        kind = PATCH if method == "PATCH" else "application/json"
        while True:
            request = urllib.request.Request(
                self.server + path,
                method=method,
                data=None if body is None else json.dumps(body).encode(),
                headers={"Authorization": f"Bearer {self.token}", "Content-Type": kind},
            )
            try:
                with urllib.request.urlopen(request, context=self.tls, timeout=10) as answer:
                    result: Manifest = json.load(answer)
                    return result
            except urllib.error.HTTPError as error:
                if error.code < 500 and error.code != 429:
                    raise
            except (OSError, HTTPException, ValueError) as error:
                print(f"{time.time():.2f} {method} {path} {error!r}", flush=True)
            time.sleep(RETRY_S)

    def attempt(self, method: str, path: str, body: Manifest | None = None) -> bool:
        """One request whose refusal is no matter: what it is about may be gone, or there already."""
        try:
            self.call(method, path, body)
        except urllib.error.HTTPError as error:
            print(f"{time.time():.2f} {method} {path} {error.code}", flush=True)
            return False
        return True


def register(api: Api, cpu: str, memory: str, port: int) -> None:
    capacity = {"cpu": cpu, "memory": memory, "pods": "500"}
    status = {
        "capacity": capacity,
        "allocatable": capacity,
        "conditions": [{"type": "Ready", "status": "True"}],
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }
    meta = {"name": NODE, "labels": {"kubernetes.io/hostname": NODE}}
    api.attempt("POST", "/api/v1/nodes", {"metadata": meta, "status": status})
    api.attempt("PATCH", f"/api/v1/nodes/{NODE}/status", {"status": status})
    api.attempt("PATCH", f"/api/v1/nodes/{NODE}", {"spec": {"taints": None}})


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def event(api: Api, pod: Manifest, reason: str, message: str) -> None:
    meta, moment = pod["metadata"], now()
    involved = {"apiVersion": "v1", "kind": "Pod", **{k: meta[k] for k in ("name", "namespace", "uid")}}
    body = {
        "metadata": {"name": f"{meta['name']}.{time.time_ns():x}", "namespace": meta["namespace"]},
        "involvedObject": involved,
        "type": "Warning",
        "reason": reason,
        "message": message,
        "source": {"component": "kubelet", "host": NODE},
        "count": 1,
        "firstTimestamp": moment,
        "lastTimestamp": moment,
    }
    api.attempt("POST", f"/api/v1/namespaces/{meta['namespace']}/events", body)


def run(api: Api, pod: Manifest) -> None:
    """The life of one pod, from being bound to whatever it comes to."""
    meta, spec = pod["metadata"], pod["spec"]
    said = meta.get("annotations") or {}
    is_job, started = spec.get("restartPolicy") != "Always", now()
    path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/status"

    def report(phase: str, ready: bool, state: Manifest, restarts: int = 0) -> bool:
        containers = [
            {
                **{
                    "name": c["name"],
                    "image": c["image"],
                    "imageID": "",
                    "containerID": f"sim://{c['name']}",
                },
                **{"ready": ready, "started": True, "restartCount": restarts, "state": state},
            }
            for c in spec["containers"]
        ]
        conditions = [{"type": kind, "status": str(ready)} for kind in ("Ready", "ContainersReady")]
        conditions.append({"type": "Initialized", "status": "True"})
        status: Manifest = {"phase": phase, "podIP": "10.0.0.1", "startTime": started}
        status |= {"conditions": conditions, "containerStatuses": containers}
        # With the uid, a pod that was replaced meanwhile by one of its name is not taken for it.
        return api.attempt("PATCH", path, {"metadata": {"uid": meta["uid"]}, "status": status})

    running = {"running": {"startedAt": started}}
    if not report("Running", False, running):
        return
    time.sleep(float(said.get("sim/ready-s", "0.2")))
    if "sim/fail" in said:
        code = int(said["sim/fail"] or "1")
        if is_job:
            report("Failed", False, {"terminated": {"exitCode": code, "reason": "Error"}})
        else:
            report("Running", False, {"waiting": {"reason": "CrashLoopBackOff"}}, restarts=1)
        event(api, pod, "BackOff", f"Back-off restarting failed container (exit code {code})")
    elif "sim/never-ready" in said:
        event(api, pod, "Unhealthy", "Readiness probe failed: connection refused")
    elif is_job:
        report("Succeeded", False, {"terminated": {"exitCode": 0, "reason": "Completed"}})
    else:
        report("Running", True, running)
    print(f"{time.time():.2f} {meta['namespace']}/{meta['name']} done", flush=True)


def provide_volume(api: Api, claim: Manifest) -> None:
    """A volume for a claim that has none; the volume controller binds the two."""
    meta, spec = claim["metadata"], claim["spec"]
    name = f"pv-{meta['uid']}"
    reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    reference |= {key: meta[key] for key in ("name", "namespace", "uid")}
    body = {
        "metadata": {"name": name},
        "spec": {
            "capacity": spec["resources"]["requests"],
            "accessModes": spec["accessModes"],
            "storageClassName": spec.get("storageClassName") or "",
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": reference,
            "hostPath": {"path": f"/nowhere/{name}"},
        },
    }
    api.attempt("POST", "/api/v1/persistentvolumes", body)


def provide_address(api: Api, service: Manifest) -> None:
    meta = service["metadata"]
    path = f"/api/v1/namespaces/{meta['namespace']}/services/{meta['name']}/status"
    api.attempt("PATCH", path, {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}})


class Logs(BaseHTTPRequestHandler):
    """What `kubectl logs` reads: GET /containerLogs/NAMESPACE/POD/CONTAINER."""

    api: Api

    def do_GET(self) -> None:
        parts = urllib.parse.urlsplit(self.path)
        route = parts.path.strip("/").split("/")
        text, code = "", 404
        if len(route) == 4 and route[0] == "containerLogs":
            with contextlib.suppress(urllib.error.HTTPError):
                pod = self.api.call("GET", f"/api/v1/namespaces/{route[1]}/pods/{route[2]}")
                text, code = (pod["metadata"].get("annotations") or {}).get("sim/log", ""), 200
        lines = text.splitlines()
        tail = urllib.parse.parse_qs(parts.query).get("tailLines")
        if tail:
            lines = lines[-int(tail[0]) :] if int(tail[0]) else []
        body = "".join(f"{line}\n" for line in lines).encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the log is for pods."""


def serve_logs(api: Api, state: Path, port: int) -> None:
    Logs.api = api
    server = ThreadingHTTPServer(("127.0.0.1", port), Logs)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(state / "tls.crt", state / "tls.key")
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def end_with(owner: int, state: Path) -> None:
    """End every component, this one last, when the owner is gone."""
    while True:
        try:
            os.kill(owner, 0)
        except OSError:
            break
        time.sleep(2)
    own = os.getpid()
    for file in state.glob("*.pid"):
        with contextlib.suppress(OSError, ValueError):
            pid = int(file.read_text())
            if pid != own:
                os.kill(pid, signal.SIGTERM)
    os._exit(0)


def step(api: Api, seen: set[str]) -> None:
    for claim in api.call("GET", "/api/v1/persistentvolumeclaims")["items"]:
        uid = claim["metadata"]["uid"]
        if uid not in seen and claim["status"].get("phase") == "Pending":
            seen.add(uid)
            provide_volume(api, claim)
    for service in api.call("GET", "/api/v1/services")["items"]:
        if service["spec"]["type"] == "LoadBalancer" and not service["status"]["loadBalancer"]:
            provide_address(api, service)
    for pod in api.call("GET", f"/api/v1/pods?fieldSelector=spec.nodeName={NODE}")["items"]:
        meta = pod["metadata"]
        if meta.get("deletionTimestamp"):
            path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
            api.attempt("DELETE", path, {"gracePeriodSeconds": 0})
        elif meta["uid"] not in seen and pod["status"]["phase"] == "Pending":
            seen.add(meta["uid"])
            threading.Thread(target=run, args=(api, pod), daemon=True).start()


def main() -> None:
    state, cpu, memory, port, *owner = sys.argv[1:]
    folder = Path(state).resolve()
    api = Api(folder)
    if owner and owner[0]:
        threading.Thread(target=end_with, args=(int(owner[0]), folder), daemon=True).start()
    serve_logs(api, folder, int(port))
    register(api, cpu, memory, int(port))
    seen: set[str] = set()
    while True:
        try:
            step(api, seen)
        except Exception:  # One object that is not as expected is no reason to leave all others.
            traceback.print_exc()
        time.sleep(POLL_S)


if __name__ == "__main__":
    main()
