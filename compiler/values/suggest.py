"""Did-you-mean: the known name that was probably meant.

Takes a word and the names it could have been, gives the best one or None.
Deterministic: the order of the candidates does not matter. A call costs about
a microsecond per candidate and at most some hundred milliseconds for 10,000
names that are all alike; a caller with many unknown words bounds their number.
"""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 80
_MOST_EDITS = 3
_SEPARATORS = dict.fromkeys(map(ord, "-_. "))


def closest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate with the fewest edits to `word`, if they are few enough.

    Edits are insertions, deletions, substitutions and swaps of neighbours
    (optimal string alignment); letter case and `-`, `_`, `.` and spaces do not
    count. A third of the word may be edits, at least 1 and at most 3. Failing
    that, the only candidate that starts with the word (at least three letters).
    """
    folded = _fold(word)
    if not folded or len(folded) > _LONGEST:
        return None
    limit = 0 if len(folded) == 1 else max(1, min(len(folded) // 3, _MOST_EDITS))
    letters = set(folded)
    best: tuple[int, bool, str] | None = None
    longer: set[str] = set()
    for candidate in candidates:
        other = _fold(candidate)
        if len(folded) >= 3 and other.startswith(folded):
            longer.add(candidate)
        # One edit changes at most two members of the set of letters.
        if abs(len(other) - len(folded)) > limit or len(letters.symmetric_difference(other)) > 2 * limit:
            continue
        edits = _distance(folded, other, limit)
        if edits > limit:
            continue
        rank = (edits, other[:1] != folded[:1], candidate)
        if best is None or rank < best:
            best, limit = rank, edits
    if best is not None:
        return best[2]
    return longer.pop() if len(longer) == 1 else None


def _fold(word: str) -> str:
    return word[: 2 * _LONGEST].casefold().translate(_SEPARATORS)


def _distance(left: str, right: str, limit: int) -> int:
    """Optimal string alignment distance, or limit + 1 when it is greater than `limit`."""
    if left == right:
        return 0
    start = 0
    while start < min(len(left), len(right)) and left[start] == right[start]:
        start += 1
    left, right = left[start:], right[start:]
    while left and right and left[-1] == right[-1]:
        left, right = left[:-1], right[:-1]
    if not left or not right:
        return min(len(left) + len(right), limit + 1)
    beyond = limit + 1
    before: list[int] = []
    row = [min(column, beyond) for column in range(len(right) + 1)]
    for i, letter in enumerate(left, 1):
        # Only cells within `limit` of the diagonal can hold a distance within it.
        first, last = max(1, i - limit), min(len(right), i + limit)
        current = [beyond] * (len(right) + 1)
        current[0] = min(i, beyond)
        for j in range(first, last + 1):
            cost = min(row[j] + 1, current[j - 1] + 1, row[j - 1] + (letter != right[j - 1]))
            if i > 1 and j > 1 and letter == right[j - 2] and left[i - 2] == right[j - 1]:
                cost = min(cost, before[j - 2] + 1)
            current[j] = min(cost, beyond)
        if min(current) > limit:
            return beyond
        before, row = row, current
    return row[-1]
