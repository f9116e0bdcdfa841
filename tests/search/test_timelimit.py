"""A time limit ends a loop, and leaves other alarms as they were."""

import signal
import threading
import time

import pytest

from polar_search.search.timelimit import time_limit


def loop():
    while True:
        pass


def deaf_loop(caught):
    try:
        loop()
    except TimeoutError as error:
        caught.append(error)
    loop()


def test_a_loop_is_ended():
    message = r"within 0.2 seconds \(--ask-seconds\)"
    with pytest.raises(TimeoutError, match=message), time_limit(0.2):
        loop()


def test_a_loop_that_catches_everything_once_is_ended_too():
    caught = []
    with pytest.raises(TimeoutError), time_limit(0.2):
        deaf_loop(caught)
    assert len(caught) == 1


def test_what_is_in_time_is_left_alone():
    before = signal.getsignal(signal.SIGALRM)
    with time_limit(100), time_limit(None):
        pass
    assert signal.getsignal(signal.SIGALRM) is before


def test_an_alarm_set_before_still_goes_off():
    rang = threading.Event()
    handler = signal.signal(signal.SIGALRM, lambda *_: rang.set())
    delay, interval = signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with time_limit(100):
            pass
        deadline = time.monotonic() + 60
        while not rang.is_set() and time.monotonic() < deadline:
            pass
        assert rang.is_set()
    finally:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, delay, interval)


def test_other_threads_have_no_limit():
    done = []

    def work():
        with time_limit(1e-6):
            done.append(sum(range(10**5)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [4999950000]
