"""The assumed law of every term, and why.

A table and nothing else; docs/forecast.md prints it and a test holds the two
together. What is said with an estimate, a scenario or a measurement replaces it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulator.modelling.laws import Z90, Law


@dataclass(frozen=True, slots=True)
class Default:
    """The assumed law of a term. `p90_ratio` is P90 over median; `reason` is where both come from."""

    median_s: float
    p90_ratio: float
    reason: str

    @property
    def law(self) -> Law:
        """As a law."""
        return Law(self.median_s, math.log(self.p90_ratio) / Z90)


DEFAULTS: dict[tuple[str, str], Default] = {
    ("check", "any"): Default(5, 1.5, "judgement: one API call or file read per service, all at once"),
    ("builder", "any"): Default(
        90,
        1.5,
        "only where builders start on demand: between the 45 to 90 s of an autoscaler that asks for machines "
        "directly (Karpenter) and the 3 to 5 minutes of one that resizes groups (Cluster Autoscaler)",
    ),
    ("clone", "any"): Default(
        5, 1.6, "a depth-1 clone of 11,000 files, 23 MB, at 11 MB/s was published as 4.6 s"
    ),
    ("build", "any"): Default(
        190,
        1.5,
        "47,511 passed single-job CI builds of 400 public projects: the median project's median is 205 s "
        "for the whole job, less clone and push here; P90/median within a project is 1.3 at the median "
        "project and 1.6 at the upper quartile",
    ),
    ("push", "any"): Default(
        10, 2.0, "200 MB of new layers at 20 MB/s; 204 MB to a registry beside it took 2.4 s"
    ),
    ("mirror", "any"): Default(
        15, 2.0, "200 MB out of one registry and into another at 20 MB/s, and 5 s for manifests and tags"
    ),
    ("pull", "any"): Default(
        10,
        2.0,
        "200 MB at 20 MB/s, unpacking included: containerd took 30 to 40 s for an image of 728 MB on a "
        "machine of one core (containerd/containerd#2886); a node that has it needs none",
    ),
    ("helm", "any"): Default(
        3,
        1.6,
        "Helm's own calls. Measured with a control plane beside it: 0.4 to 1.0 s (Helm 3.17 and 4.3), and "
        "Helm 3 looks only every 2 s at what is ready; farther away and with more objects longer",
    ),
    ("start", "any"): Default(
        2,
        1.5,
        "pods without a pull on a full cluster of 100 nodes: median 1.9 s, P90 2.5 s, P99 4.3 s "
        "(Kubernetes' own test); its objective is a P99 of 5 s",
    ),
    ("start", "stateful"): Default(
        15, 1.5, "judgement: as any pod, and a volume to provision, attach, format and mount"
    ),
    ("ready", "application"): Default(
        10, 1.4, "judgement: the boot, from a second (Go) to half a minute (a JVM on half a core)"
    ),
    ("ready", "container"): Default(10, 1.4, "as an application"),
    ("ready", "database"): Default(10, 1.5, "judgement: an engine sets up an empty folder, or recovers"),
    ("router", "any"): Default(
        5,
        2.0,
        "public HTTP and gRPC ports only: ingress-nginx takes changes up every 3.3 s at most "
        "(`--sync-rate-limit` 0.3) and reloads",
    ),
    ("run", "job"): Default(30, 3.0, "judgement: a migration, mostly of nothing, sometimes of much"),
    ("deploy", "helm"): Default(60, 2.0, "judgement: somebody's chart, several pods, pulls included"),
    ("deploy", "terraform"): Default(120, 3.0, "judgement: init, plan, apply; cloud resources take minutes"),
}
"""The default law per (term, what it is about); the reasons are printed in docs/forecast.md."""
