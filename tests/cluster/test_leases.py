"""Leases: every example ends once, whoever dies, and only the guilty are set aside."""

from hypothesis import given
from hypothesis import strategies as st

from polar_search.cluster.leases import KILLS, Leases


def test_examples_are_leased_in_order_and_counted():
    leases = Leases("abcde")
    assert leases.take("one", 2) == ["a", "b"]
    assert leases.take("two", 2) == ["c", "d"]
    assert (leases.waiting, leases.held("one"), leases.unfinished) == (1, 2, 5)
    leases.done("one", ["a"])
    assert (leases.waiting, leases.held("one"), leases.unfinished) == (1, 1, 4)
    assert leases.take("one", 9) == ["e"]
    assert leases.take("one", 9) == []


def test_what_a_lost_worker_had_comes_first_and_was_taken_before():
    leases = Leases("abcde")
    held = leases.take("one", 3)
    assert not leases.taken_before(held)
    leases.done("one", ["b"])
    assert leases.lost("one", blame=True) == []
    assert leases.unfinished == 4
    again = leases.take("two", 3)
    assert again == ["a", "c", "d"]
    assert leases.taken_before(again)
    assert not leases.taken_before(leases.take("two", 3))


def test_after_two_deaths_an_example_is_searched_alone_and_after_three_set_aside():
    leases = Leases("abc")
    for worker in ("one", "two"):
        assert leases.take(worker, 2) == ["a", "b"]
        assert leases.lost(worker, blame=True) == []
    assert leases.take("three", 9) == ["a"]
    assert leases.take("three", 9) == []
    assert leases.lost("three", blame=True) == ["a"]
    assert leases.take("four", 9) == ["b"]
    leases.done("four", "b")
    assert leases.take("four", 9) == ["c"]
    leases.done("four", "c")
    assert (leases.unfinished, leases.set_aside) == (0, ["a"])


def test_nodes_that_go_away_are_nobodys_fault():
    leases = Leases("a")
    for worker in map(str, range(2 * KILLS)):
        assert leases.take(worker, 1) == ["a"]
        assert leases.lost(worker, blame=False) == []


@given(st.integers(0, 30), st.sets(st.integers(0, 29)), st.randoms(use_true_random=False))
def test_exactly_the_poisonous_are_set_aside_whatever_happens(count, poisonous, rng):
    """Workers die of poisonous examples and of nothing, in any order."""
    leases = Leases(map(str, range(count)))
    poison = {str(number) for number in poisonous if number < count}
    workers, ended, started = list("xyz"), [], 3
    while leases.unfinished:
        index = rng.randrange(3)
        worker = workers[index]
        leases.take(worker, rng.randrange(1, 6))
        held = list(leases._held[worker])
        if poison.intersection(held) or rng.random() < 0.1:
            leases.lost(worker, blame=bool(poison.intersection(held)))
            workers[index], started = str(started), started + 1
        elif held:
            done = rng.sample(held, rng.randrange(len(held) + 1))
            leases.done(worker, done)
            ended += done
    assert sorted([*ended, *leases.set_aside]) == sorted(map(str, range(count)))
    assert poison == set(leases.set_aside)
