"""`stagecast graph`: stages, services and dependencies in four forms, one module each."""

from stagecast.views.graph.dot import render as render_dot
from stagecast.views.graph.json import render as render_json
from stagecast.views.graph.mermaid import render as render_mermaid
from stagecast.views.graph.text import render as render_text

__all__ = ["render_dot", "render_json", "render_mermaid", "render_text"]
