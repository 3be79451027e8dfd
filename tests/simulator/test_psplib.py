"""Resource-constrained projects with published optima, through the code that schedules pipelines.

Three resources of a builder pool are a case of the four here. A missing data set is a loud skip.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import random_schedules
from claims import broken
from psplib import Project, PsplibMissingError, projects, read
from simulator.drawing.streams import uniforms
from simulator.network import Activity, Network, Queue
from simulator.serial import check_order, schedule, schedules

# Chosen before looking: every hundredth project from the 13th on, which takes seconds.
SAMPLE = slice(12, None, 100)


@pytest.fixture(scope="module")
def found() -> tuple[Project, ...]:
    try:
        return projects()
    except PsplibMissingError as error:
        pytest.skip(f"A DATA SET IS MISSING, SO THIS WAS NOT TESTED: {error}")


def test_the_files_say_what_the_set_is_said_to_hold(found: tuple[Project, ...]) -> None:
    assert len(found) == 480
    for project in found:
        assert len(project.network.activities) == len(project.durations) == len(project.starts) == 32
        assert len(project.network.queues[0].capacity) == 4


def test_an_optimal_schedules_order_gives_the_published_makespan(found: tuple[Project, ...]) -> None:
    """480 of 480: serially, and in line through both engines that know chains."""
    assert found
    assert not broken(list(random_schedules.optimum_claims()))


def test_random_schedules_are_as_good_as_published(found: tuple[Project, ...]) -> None:
    """What was computed for all 480 projects lies within the margin; a sample of it is computed anew.

    A sample's own mean would say little: the excess of a project has a standard deviation of two per
    cent. As every draw is fixed by its names, the sample must be the very same instead.
    """
    recorded = random_schedules.recorded_best()
    assert not broken(list(random_schedules.sampling_claims(recorded)))
    for kind in random_schedules.PUBLISHED:
        again = random_schedules.best(kind, found[SAMPLE])
        assert again == [recorded[kind][project.name] for project in found[SAMPLE]]


def test_many_lists_at_once_are_each_list_alone(found: tuple[Project, ...]) -> None:
    for project in found[::60]:
        keys = uniforms(1, ("lists", project.name), 20 * 32).reshape(20, 32)
        lists = random_schedules.walked_lists(project.network, np.argsort(keys, axis=1))
        starts = schedules(project.network, project.durations, lists)
        for column, order in enumerate(lists.tolist()):
            check_order(project.network, order)
            alone = schedule(project.network, [float(each) for each in project.durations], order)
            assert starts[:, column].tolist() == alone


def test_a_walked_list_is_shuffled_but_for_needs() -> None:
    """Who needs a is passed over in the first walk and taken in the second."""
    network = Network(tuple(Activity(name, (0,) if name == "d" else ()) for name in "abcd"))
    lists = random_schedules.walked_lists(network, np.array([[3, 2, 0, 1], [0, 3, 1, 2]]))
    assert lists.tolist() == [[2, 0, 1, 3], [0, 3, 1, 2]]


def test_a_gap_is_filled_where_it_is_wide_enough() -> None:
    """The wide one takes both places from 4 on; short fits before it, long does not."""
    queue = Queue("q", ("slots",), (2,))
    names = (("first", 1), ("wide", 2), ("short", 1), ("long", 1))
    activities = tuple(Activity(name, (), 0, (demand,)) for name, demand in names)
    assert schedule(Network(activities, (queue,)), [4.0, 3.0, 4.0, 4.5], [0, 1, 2, 3]) == [0, 4, 0, 7]
    assert schedules(Network(activities, (queue,)), [4, 3, 4, 5], np.array([[0, 1, 2, 3]]))[
        :, 0
    ].tolist() == [
        0,
        4,
        0,
        7,
    ]


def test_lists_and_networks_that_have_no_serial_schedule() -> None:
    network = Network((Activity("a"), Activity("b", (0,))))
    for order in ([1, 0], [0], [0, 0]):
        with pytest.raises(ValueError, match="list"):
            schedule(network, [1.0, 1.0], order)
    with pytest.raises(ValueError, match="duration"):
        schedule(network, [1.0, -1.0], [0, 1])
    chained = replace(network, activities=(Activity("a"), Activity("b", (0,), continues=0)))
    with pytest.raises(ValueError, match="no serial schedule"):
        schedule(chained, [1.0, 1.0], [0, 1])


def test_a_file_is_read_as_it_is_written() -> None:
    text = """\
************
PRECEDENCE RELATIONS:
jobnr.    #modes  #successors   successors
   1        1          1           2
   2        1          0
************
REQUESTS/DURATIONS:
jobnr. mode duration  R 1  R 2  R 3  R 4
-----------
  1      1     0       0    0    0    0
  2      1     8       4    0    0    1
************
RESOURCEAVAILABILITIES:
  R 1  R 2  R 3  R 4
   12   13    4   12
************
"""
    network, durations = read(text)
    assert durations == (0, 8)
    assert network.activities[1] == Activity("job 2", (0,), 0, (4, 0, 0, 1))
    assert network.activities[0].queue is None
    assert network.queues[0].capacity == (12, 13, 4, 12)
