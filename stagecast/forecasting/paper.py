"""The local builds of a plan as they would be after some fixes. Nothing is written.

Takes builds and a plan with their profiles; gives what the findings about
their Dockerfiles would change of the plan, and keeps what is applied. Simulates nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from compiler.diagnostics.model import Edit
from compiler.output.patch import text_diff
from compiler.plan.model import Build, BuildProfile, BuildStep, Estimate, Plan
from compiler.practices.model import Finding, Subject
from compiler.practices.paper import edited, texts
from simulator.modelling.defaults import DEFAULTS
from simulator.modelling.steps import about, usual_s
from simulator.modelling.variants import with_profiles
from stagecast.forecasting.builds import Builds

_ALIKE = 0.6
_FLAG = re.compile(r" --[^ ]*")
_MOST_COMPARED = 100
_MOST_TEXT = 300


@dataclass(frozen=True, slots=True)
class Better:
    """A finding with a worth and a fix: the builds that it is about, and what all that it changes take then.

    Several builds share a Dockerfile or a .dockerignore: what mends one changes the others as well.
    `estimates` are of those that have one: of a person's time a better Dockerfile takes
    the part that it takes of its own steps' time. `profiles` are of all.
    """

    finding: Finding
    tasks: tuple[str, ...]
    profiles: tuple[BuildProfile, ...]
    estimates: tuple[Estimate, ...]

    @property
    def key(self) -> Key:
        """See `key_of`."""
        return key_of(self.finding)

    @property
    def edits(self) -> tuple[Edit, ...]:
        """Those of the fix."""
        fix = self.finding.diagnostic.fix
        return fix.edits if fix is not None else ()

    @property
    def planned(self) -> tuple[BuildProfile, ...]:
        """The profiles that count in the plan: where there is an estimate, it goes first."""
        estimated = {estimate.task for estimate in self.estimates}
        return tuple(profile for profile in self.profiles if profile.task not in estimated)


Key = tuple[str, str, int, tuple[tuple[str, int, int, str], ...]]


def key_of(finding: Finding) -> Key:
    """What findings of several builds have in common that are one: code, place, and what the fix edits."""
    diagnostic = finding.diagnostic
    edits = diagnostic.fix.edits if diagnostic.fix is not None else ()
    changed = tuple(
        (edit.span.source.path, edit.span.start, edit.span.end, edit.replacement) for edit in edits
    )
    return diagnostic.code, diagnostic.span.source.path, diagnostic.span.start, changed


class Paper:
    """What the builds of a plan are like so far. `plan` changes with what is applied.

    It has the local builds with a profile in the plan, or with an estimate.
    """

    def __init__(self, builds: Builds, plan: Plan) -> None:
        self.plan = plan
        self._builds = builds
        timed = {profile.task for profile in plan.profiles} | {each.task for each in plan.estimates}
        self._local: dict[str, Build] = {}
        self._subjects: dict[str, Subject] = {}
        self._profiles: dict[str, BuildProfile] = {}
        for build in plan.builds:
            subject = builds.subject(build) if build.id in timed else None
            profile = builds.profile(build) if subject is not None else None
            if subject is not None and profile is not None:
                self._local[build.id], self._subjects[build.id] = build, subject
                self._profiles[build.id] = profile
        self._before = self._texts()

    @property
    def subjects(self) -> tuple[tuple[str, Subject], ...]:
        """Builds and their Dockerfiles as they are now."""
        return tuple(self._subjects.items())

    def better(self, found: Iterable[tuple[str, Finding]]) -> tuple[Better, ...]:
        """What findings of builds change, each once; without those that change nothing in time."""
        tasks: dict[Key, list[str]] = {}
        first: dict[Key, Finding] = {}
        for task, finding in found:
            if finding.worth is not None and finding.diagnostic.fix is not None and task in self._local:
                key = key_of(finding)
                tasks.setdefault(key, []).append(task)
                first.setdefault(key, finding)
        made = (self._better(finding, tuple(tasks[key])) for key, finding in first.items())
        return tuple(each for each in made if each is not None)

    def apply(self, better: Better) -> None:
        """Keep what it changes."""
        for task, after in self._edited(better.edits):
            assert after is not None, "its profiles were made of it"
            self._subjects[task] = after
        self._profiles |= {profile.task: profile for profile in better.profiles}
        self.plan = with_profiles(self.plan, better.planned, better.estimates)

    def _better(self, finding: Finding, tasks: tuple[str, ...]) -> Better | None:
        """None where the fix cannot be made, or leaves a Dockerfile without steps."""
        fix = finding.diagnostic.fix
        profiles: list[BuildProfile] = []
        for task, after in self._edited(fix.edits if fix is not None else ()):
            profile = self._builds.profile_of(self._local[task], after) if after is not None else None
            if profile is None:
                return None
            profiles.append(aligned(self._profiles[task], profile))
        if not profiles:
            return None
        now = {estimate.task: estimate for estimate in self.plan.estimates}
        estimates = tuple(
            scaled(now[profile.task], self._profiles[profile.task], profile)
            for profile in profiles
            if profile.task in now
        )
        return Better(finding, tasks, tuple(profiles), estimates)

    def diff(self) -> str:
        """The unified diff of all that is applied; "" where nothing is."""
        after = self._texts()
        changed = (path for path in sorted(after) if after[path] != self._before[path])
        return "".join(text_diff(path, self._before[path], after[path] or "") for path in changed)

    def _edited(self, edits: Sequence[Edit]) -> list[tuple[str, Subject | None]]:
        """The builds that edits concern, after them; None where they cannot be made."""
        result = []
        for task, subject in self._subjects.items():
            known = texts(subject)
            own = [edit for edit in edits if edit.span.source.path in known]
            if own:
                result.append((task, edited(subject, own)))
        return result

    def _texts(self) -> dict[str, str | None]:
        """The texts of all Dockerfiles and .dockerignore files by path; None for one that is not there."""
        found: dict[str, str | None] = {}
        for subject in self._subjects.values():
            for path, text in texts(subject).items():
                absent = path == subject.ignore_path and subject.ignore is None
                found[path] = None if absent else text
        return found


def scaled(estimate: Estimate, before: BuildProfile, after: BuildProfile) -> Estimate:
    """An estimate of a build with a better Dockerfile: the clone stays, the rest shrinks as its steps do."""
    clone_s = min(DEFAULTS["clone", "any"].law.median_s, estimate.median_s)
    was_s, is_s = usual_s(before), usual_s(after)
    share = (clone_s + is_s) / (clone_s + was_s) if clone_s + was_s > 0 else 1.0
    p90_s = None if estimate.p90_s is None else estimate.p90_s * share
    return replace(estimate, median_s=estimate.median_s * share, p90_s=p90_s)


def aligned(before: BuildProfile, after: BuildProfile) -> BuildProfile:
    """The better profile, its steps named after the steps that they stand for.

    A step draws by its name: `RUN npm ci` with a cache mount is the same command on the same day
    as without one. Steps of equal text have the same name anyway; of the others those that are
    most alike are paired, in their order. For a comparison on paper: nobody is shown the names.
    """
    old, new = _named(before.steps), _named(after.steps)
    left = [key for key in old if key not in new][:_MOST_COMPARED]
    steps = list(after.steps)
    for key, number in list(new.items())[: _MOST_COMPARED + len(old)]:
        if key in old or not left:
            continue
        ratio, twin = max((_likeness(key[0], other[0]), -place) for place, other in enumerate(left))
        if ratio >= _ALIKE:
            steps[number] = replace(steps[number], name=before.steps[old[left.pop(-twin)]].name)
    return replace(after, steps=tuple(steps))


def _named(steps: Sequence[BuildStep]) -> dict[tuple[str, int], int]:
    """Steps by what they do and how many before them do the same."""
    found: dict[tuple[str, int], int] = {}
    seen: dict[str, int] = {}
    for number, step in enumerate(steps):
        what = about(step.name)
        seen[what] = seen.get(what, -1) + 1
        found[what, seen[what]] = number
    return found


def _likeness(one: str, other: str) -> float:
    """From 0 to 1 without what flags say; 0 for steps of different instructions."""
    if one.partition(" ")[0] != other.partition(" ")[0]:
        return 0.0
    left, right = (_FLAG.sub("", text)[:_MOST_TEXT] for text in (one, other))
    return SequenceMatcher(None, left, right, autojunk=False).ratio()
