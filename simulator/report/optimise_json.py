"""What is worth changing as JSON: schemas/optimize.schema.json, key by key."""

from __future__ import annotations

from typing import Any

from simulator.report.whatif_json import (
    as_text,
    change_data,
    compared_data,
    figures_data,
    share,
    sweep_data,
)
from simulator.statistics.quantiles import CONFIDENCE
from simulator.studies.halving import FACTOR, Ranking
from simulator.studies.optimise import OPTIMISATION_VERSION, Optimisation
from simulator.studies.rebuilds import Applied, Rebuilt


def render(found: Optimisation, diff: str | None = None) -> str:
    """The result as a JSON document, ending with a line end; `diff` is that of what was applied on paper."""
    return as_text(as_data(found, diff))


def as_data(found: Optimisation, diff: str | None = None) -> dict[str, Any]:
    """The result as plain dicts and lists, in the order of the schema."""
    return {
        "version": OPTIMISATION_VERSION,
        "environment": found.environment,
        "digest": found.digest,
        "profile": found.profile,
        "scenario": found.scenario,
        "runs": found.runs,
        "seed": found.seed,
        "confidence": CONFIDENCE,
        "base": figures_data(found.base),
        "advice": [
            {"sort": each.sort, "subject": each.subject, "change": change_data(each.change)}
            for each in found.advice
        ],
        "ranking": _ranking(found.ranking),
        "dockerfiles": {
            "findings": found.findings,
            "rebuilds": [_rebuilt(each) for each in found.dockerfiles],
            "applied": None if found.applied is None else _applied(found.applied, diff),
            "remarks": list(found.remarks),
        },
        "policies": [compared_data(each) for each in found.policies],
        "strategies": [compared_data(each) for each in found.strategies],
        "barriers": [
            {"gate": each.barrier.task, "stage": each.barrier.stage, **compared_data(each.compared)}
            for each in found.barriers
        ],
        "builders": sweep_data(found.pool) if found.pool is not None else None,
    }


def _rebuilt(each: Rebuilt) -> dict[str, Any]:
    rebuild = each.rebuild
    return {
        "place": rebuild.place,
        "code": rebuild.code,
        "message": rebuild.what,
        "safety": rebuild.safety,
        "builds": list(rebuild.tasks),
        "services": list(rebuild.services),
        "perRebuild": round(-rebuild.saved_s, 3) + 0.0,
        "critical": share(each.critical),
        "change": change_data(each.compared.change),
        "leftOut": share(each.compared.left_out),
    }


def _applied(applied: Applied, diff: str | None) -> dict[str, Any]:
    return {
        "asked": applied.asked,
        "steps": [_rebuilt(each) for each in applied.steps],
        "result": compared_data(applied.result),
        "diff": diff,
    }


def _ranking(ranking: Ranking) -> dict[str, Any]:
    return {
        "engine": ranking.engine,
        "runs": ranking.runs,
        "factor": FACTOR,
        "candidates": ranking.tasks,
        "tasks": [
            {
                "task": each.task,
                "kind": each.kind.value,
                "services": list(each.services),
                "offTask": round(each.own_p50_s, 3),
                "change": change_data(each.change),
            }
            for each in ranking.halvings
        ],
    }
