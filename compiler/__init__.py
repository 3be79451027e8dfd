"""From an environment spec to diagnostics, a graph, a plan and artifacts. Never imports the simulator."""
