"""What a finding costs per rebuild: the build's expected time as it is, less that of the better file.

Takes a Subject and a diagnostic whose fix is the better file, gives a Worth.
The fix is made on paper; both files go through the same model: their steps,
how long each takes, and how often each misses (counted in the repository's
history, or assumed).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from compiler.diagnostics.model import Diagnostic, Fix
from compiler.practices import BESIDES_TIME, LEAST_SAVING_S, UNPRICED
from compiler.practices.model import Finding, Subject, Worth
from compiler.practices.paper import edited, readable
from compiler.values.elapsed import duration

# What pricing one file may take, in instructions that go through the model: a third of a second.
_MOST_WORK = 4_000
_CHARACTERS = 100
# By so much two expected times of the same steps may differ: a word more is a word more to send.
_NOISE_S = 0.1


def worth(subject: Subject, diagnostic: Diagnostic) -> Worth | None:
    """What one finding costs; None without a better file, and for codes that are not about time."""
    return Prices(subject).worth(diagnostic)


@dataclass(slots=True)
class Prices:
    """The worths of one subject's findings. A cache: the time of the file as it is, is found once.

    What pricing takes is bounded: after `_MOST_WORK` the rest has no worth, and no fix, which nobody tried.
    """

    subject: Subject
    work: int = 0
    _before: tuple[float, int] | None = field(default=None)

    def worth(self, diagnostic: Diagnostic) -> Worth | None:
        """As the function `worth`."""
        if diagnostic.code in UNPRICED or diagnostic.fix is None or not self._affords():
            return None
        after = edited(self.subject, diagnostic.fix.edits)
        if after is None:
            return None
        if self._before is None:
            self._before = _expected(self.subject)
        before_s, builds = self._before
        after_s, _ = _expected(after)
        return Worth(before_s, after_s, "history" if builds else "assumed", builds)

    def can_be_made(self, fix: Fix) -> bool:
        """Whether a fix leaves files that read without a new problem."""
        return self._affords() and readable(self.subject, fix.edits)

    def _affords(self) -> bool:
        dockerfile = self.subject.dockerfile
        self.work += len(dockerfile.instructions) + len(dockerfile.source.text) // _CHARACTERS
        return self.work <= _MOST_WORK


def priced(subject: Subject, found: Sequence[Diagnostic], least_s: float = LEAST_SAVING_S) -> list[Finding]:
    """Findings with their worths, the dearest first, those without a worth last and in their order.

    A finding that costs less than `least_s` is left out, unless it is about
    more than time (`BESIDES_TIME`): it has no worth then. A fix that cannot
    be made, or that makes the build slower, is not offered.
    """
    prices = Prices(subject)
    findings = []
    for diagnostic in found:
        cost = prices.worth(diagnostic)
        if cost is None:
            if diagnostic.fix is not None and not prices.can_be_made(diagnostic.fix):
                diagnostic = replace(diagnostic, fix=None)
        elif cost.saved_s < least_s:
            if diagnostic.code not in BESIDES_TIME:
                continue
            if cost.saved_s < -_NOISE_S:
                diagnostic = replace(diagnostic, fix=None)
            cost = None
        findings.append(Finding(diagnostic, cost))
    return sorted(findings, key=_rank)


def told(finding: Finding, why_assumed: str = "") -> Diagnostic:
    """The diagnostic with a note of what the finding costs."""
    cost = finding.worth
    if cost is None:
        return finding.diagnostic
    if cost.builds:
        basis = f"in {cost.builds:,} rebuilds of the history"
    else:
        basis = f"by assumed shares of misses{f', as {why_assumed}' if why_assumed else ''}"
    note = (
        f"costs about {duration(cost.saved_s)} per rebuild "
        f"({basis}: {duration(cost.before_s)} as it is, {duration(cost.after_s)} with the fix)"
    )
    return replace(finding.diagnostic, notes=(*finding.diagnostic.notes, note))


def _rank(finding: Finding) -> tuple[float, int, str]:
    saved = finding.worth.saved_s if finding.worth is not None else 0.0
    return (-saved, finding.diagnostic.span.start, finding.diagnostic.code)


def _expected(subject: Subject) -> tuple[float, int]:
    """The expected time of a build in seconds, and the number of builds that its misses were counted in."""
    from compiler.buildtime.assumed import assumed_replay
    from compiler.buildtime.durations import step_times
    from compiler.buildtime.expected import expected_s
    from compiler.context.visible import visible
    from compiler.practices.given import graph_as_given, with_forced

    graph, forced = graph_as_given(subject)
    context = visible(subject.context, subject.ignore) if subject.context is not None else None
    builds = 0
    if subject.history is not None:
        from compiler.layers.replay import Cache, replay

        cache: Cache = "persistent" if subject.persistent else "registry"
        counted = replay(graph, subject.history, subject.prefix, subject.ignore, cache=cache)
        builds = len(counted.revisions)
    if not builds:
        counted = assumed_replay(graph, context)
    if forced:
        counted = with_forced(counted, forced)
    times = step_times(graph, context, persistent=subject.persistent)
    return expected_s(graph, times, counted), builds
