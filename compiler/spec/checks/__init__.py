"""Everything that a schema cannot say, one function a concern, in one list.

A check reports and goes on; the order does not matter, since findings are
sorted. Each is tested by the cases under tests/cases.
"""

from __future__ import annotations

from compiler.diagnostics.model import Findings
from compiler.spec.checks.images import check_charts, check_images, check_registry, check_sources
from compiler.spec.checks.names import check_names, check_port_names, check_variable_names
from compiler.spec.checks.order import (
    check_cycles,
    check_default_stages,
    check_dependencies,
    check_stages,
)
from compiler.spec.checks.resources import (
    check_cron,
    check_databases,
    check_estimates,
    check_pool,
    check_probes,
    check_public_ports,
    check_replicas,
)
from compiler.spec.checks.variables import (
    check_build_arguments,
    check_literal_secrets,
    check_outputs,
    check_variables,
)
from compiler.spec.checks.workloads import check_hosts, check_mounts, check_rollouts
from compiler.spec.context import Check, Context

CHECKS: tuple[Check, ...] = (
    check_names,
    check_port_names,
    check_variable_names,
    check_stages,
    check_default_stages,
    check_dependencies,
    check_cycles,
    check_pool,
    check_replicas,
    check_public_ports,
    check_probes,
    check_cron,
    check_databases,
    check_estimates,
    check_images,
    check_registry,
    check_sources,
    check_charts,
    check_hosts,
    check_mounts,
    check_rollouts,
    check_variables,
    check_literal_secrets,
    check_outputs,
    check_build_arguments,
)


def check(context: Context, findings: Findings) -> None:
    """Run every check."""
    for judge in CHECKS:
        judge(context, findings)
