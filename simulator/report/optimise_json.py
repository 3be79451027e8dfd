"""What is worth changing as JSON: schemas/optimize.schema.json, key by key."""

from __future__ import annotations

from typing import Any

from simulator.report.whatif_json import as_text, change_data, compared_data, figures_data, sweep_data
from simulator.statistics.quantiles import CONFIDENCE
from simulator.studies.halving import FACTOR, Ranking
from simulator.studies.optimise import OPTIMISATION_VERSION, Optimisation


def render(found: Optimisation) -> str:
    """The result as a JSON document, ending with a line end."""
    return as_text(as_data(found))


def as_data(found: Optimisation) -> dict[str, Any]:
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
        "policies": [compared_data(each) for each in found.policies],
        "strategies": [compared_data(each) for each in found.strategies],
        "barriers": [
            {"gate": each.barrier.task, "stage": each.barrier.stage, **compared_data(each.compared)}
            for each in found.barriers
        ],
        "builders": sweep_data(found.pool) if found.pool is not None else None,
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
