"""Long jobs, some at a time, until all are done or a stop is asked for."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from registry_host.host.concurrency import work_off


def run(jobs, width=4, stop=None):
    work_off(jobs, width=width, stop=stop or threading.Event())


def test_all_jobs_are_run_once():
    done = []
    run([lambda n=n: done.append(n) for n in range(100)])
    assert sorted(done) == list(range(100))
    run([])


def test_one_at_a_time_keeps_the_order():
    done = []
    run([lambda n=n: done.append(n) for n in range(20)], width=1)
    assert done == list(range(20))


@pytest.mark.parametrize('width', (1, 3, 64))
def test_so_many_at_a_time_and_no_more(width):
    now, most, lock = 0, 0, threading.Lock()

    def job():
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.05)
        with lock:
            now -= 1

    run([job] * 9, width=width)
    assert (now, most) == (0, min(width, 9))


def test_an_exception_is_raised_once_all_others_have_ended():
    done = []

    def job(number):
        if number == 2:
            raise ValueError('2')
        time.sleep(0.05)
        done.append(number)

    with pytest.raises(ValueError, match='2'):
        run([lambda n=n: job(n) for n in range(8)], width=2)
    assert sorted(done) == [0, 1, 3, 4, 5, 6, 7]


def test_a_stop_leaves_what_is_not_begun():
    stop, done = threading.Event(), []

    def job(number):
        done.append(number)
        if number == 1:
            stop.set()

    run([lambda n=n: job(n) for n in range(50)], width=1, stop=stop)
    assert done == [0, 1]


def test_no_thread_is_left():
    before = threading.active_count()
    run([lambda: time.sleep(0.01)] * 20, width=8)
    assert threading.active_count() == before


INTERRUPTED = """
import os, signal, threading, time
from registry_host.host.concurrency import work_off
stop, begun = threading.Event(), []
ended = []
def job():
    begun.append(1)
    if len(begun) == 2:
        time.sleep(DELAY)
        os.kill(os.getpid(), signal.SIGINT)
    stop.wait(30)
    time.sleep(0.5)
    ended.append(1)
try:
    work_off([job] * 10, width=2, stop=stop)
except KeyboardInterrupt:
    print(stop.is_set(), len(begun), len(ended))
"""


def interrupted(delay, script=INTERRUPTED):
    """What is said of an interrupt, `delay` seconds after both jobs have begun."""
    words = [sys.executable, '-c', script.replace('DELAY', delay)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30)
    assert done.stderr == ''
    return done.stdout


# While threads are started, and while they are waited for.
@pytest.mark.parametrize('delay', ('0', '0.5'))
def test_an_interrupt_stops_the_jobs_and_is_raised(delay):
    begun = time.monotonic()
    assert interrupted(delay) == 'True 2 2\n'
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize('delay', ('0', '0.5'))
def test_a_job_that_heeds_no_stop_does_not_hold_the_interrupt_back(delay):
    script = INTERRUPTED.replace('stop.wait(30)', 'time.sleep(60)')
    begun = time.monotonic()
    assert interrupted(delay, script) == 'True 2 0\n'
    assert time.monotonic() - begun < 15


def test_a_second_interrupt_waits_for_them_too():
    """As people press Ctrl-C more than once."""
    again = """
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    stop.wait(30)"""
    script = INTERRUPTED.replace('\n    stop.wait(30)', again)
    assert interrupted('0.5', script) == 'True 2 2\n'


# What a job returns


def run_on(jobs, width, next_width):
    work_off(jobs, width=width, next_width=next_width, stop=threading.Event())


@pytest.mark.parametrize(('width', 'next_width'), ((1, 1), (8, 2), (2, 8)))
def test_what_jobs_return_is_run_once_each(width, next_width):
    first, second = [], []

    def job(number):
        first.append(number)
        return (lambda: second.append(number)) if number % 3 else None

    before = threading.active_count()
    run_on([lambda n=n: job(n) for n in range(60)], width, next_width)
    assert sorted(first) == list(range(60))
    assert sorted(second) == [n for n in range(60) if n % 3]
    assert threading.active_count() == before
    run_on([], width, next_width)


def test_a_second_job_does_not_wait_for_the_first_ones_of_all():
    begun = threading.Event()

    def last():
        assert begun.wait(10)

    run_on([lambda: begun.set, last], 1, 1)


def test_an_exception_of_a_second_job_is_raised_too():
    done = []

    def fail():
        raise ValueError('2')

    with pytest.raises(ValueError, match='2'):
        run_on([lambda: fail, lambda: lambda: done.append(1)], 1, 1)
    assert done == [1]


def test_a_stop_leaves_second_jobs_that_are_not_begun():
    stop, done = threading.Event(), []

    def job(number):
        time.sleep(0.1)
        done.append(number)
        stop.set()

    jobs = [lambda n=n: lambda: job(n) for n in range(9)]
    work_off(jobs, width=9, next_width=1, stop=stop)
    assert len(done) == 1


@pytest.mark.parametrize('delay', ('0', '0.5'))
def test_an_interrupt_stops_second_jobs(delay):
    words = 'work_off([lambda: job] * 10, width=2, next_width=2, stop=stop)'
    script = INTERRUPTED.replace('work_off([job] * 10, width=2, stop=stop)', words)
    assert words in script
    assert interrupted(delay, script) == 'True 2 2\n'
