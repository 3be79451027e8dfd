"""How a time that something takes is written for people."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """A duration with two or three digits that matter: 4.2s, 45s, 6m 12s, 1h 02m, 3d 04h."""
    if seconds < 9.95:
        return f"{seconds:.1f}s" if seconds else "0s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    minutes = round(seconds / 60)
    if minutes < 24 * 60:
        return f"{minutes // 60}h {minutes % 60:02d}m"
    hours = round(seconds / 3600)
    return f"{hours // 24}d {hours % 24:02d}h"
