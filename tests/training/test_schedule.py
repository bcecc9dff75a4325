"""Plans at chosen steps: stages, samples, learning rate, and the same samples on other devices."""

import dataclasses
import doctest
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirnet.training import schedule
from mirnet.training.recipe import Data, Optimisation, Recipe, Span, Stage


def stage(length, patch=64, batch=8, accumulate=1):
    return Stage(Span(length), patch, batch, accumulate)


def plan(*stages, processes=1, epoch=100, **recipe):
    stages = stages or (stage("10 steps"), stage("5 steps", 128, 2))
    planned = Recipe(preset="tiny", stages=stages, **recipe)
    return schedule.lay_out(planned, epoch=epoch, processes=processes)


def numbers(planned, step):
    """All samples of a step, by process and part."""
    return [
        [list(range(r.first, r.first + r.count)) for r in planned.requests(step, rank)]
        for rank in range(planned.processes)
    ]


def test_examples_hold():
    assert doctest.testmod(schedule).failed == 0
    assert doctest.testmod(schedule).attempted >= 2


@pytest.mark.parametrize(("step", "patch"), [(0, 64), (9, 64), (10, 128), (14, 128), (99, 128)])
def test_a_step_belongs_to_its_stage(step, patch):
    assert plan().phase(step).patch == patch


def test_stages_are_as_long_as_said_in_steps_or_epochs():
    assert [phase.steps for phase in plan().phases] == [10, 5]

    epochs = plan(stage("3 epochs", batch=8), stage("0.5 epochs", batch=5), epoch=96, devices=2)

    assert [phase.steps for phase in epochs.phases] == [18, 5]
    assert [phase.first for phase in epochs.phases] == [0, 18]
    assert epochs.samples == 18 * 16 + 5 * 10


@given(
    processes=st.integers(1, 9),
    devices=st.integers(1, 5),
    stages=st.lists(st.tuples(st.integers(1, 30), st.integers(1, 9)), min_size=1, max_size=3),
)
def test_every_sample_is_seen_once_and_in_order(processes, devices, stages):
    stages = [stage(f"{steps} steps", batch=batch) for steps, batch in stages]
    planned = plan(*stages, processes=processes, devices=devices)

    seen = [
        number
        for step in range(planned.steps)
        for process in numbers(planned, step)
        for part in process
        for number in part
    ]

    assert seen == list(range(planned.samples))


@given(processes=st.integers(1, 12), devices=st.integers(1, 8), batch=st.integers(1, 9))
def test_other_devices_see_as_many_samples(processes, devices, batch):
    length = stage("1000 steps", batch=batch)
    meant = plan(length, processes=devices, devices=devices)

    scaled = plan(length, processes=processes, devices=devices)

    assert scaled.samples == pytest.approx(meant.samples, abs=scaled.phases[0].samples)
    (phase,) = scaled.phases
    assert phase.batch <= batch  # what a device was meant to hold
    assert phase.samples == processes * phase.parts * phase.batch


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_where_the_samples_can_be_shared_out_each_step_is_the_same(processes):
    meant = plan(devices=4, processes=4)

    scaled = plan(devices=4, processes=processes)

    assert scaled.steps == meant.steps
    for step in range(meant.steps + 1):
        assert scaled.samples_at(step) == meant.samples_at(step)


def test_a_batch_is_taken_in_parts_where_that_is_asked_for():
    planned = plan(stage("2 steps", batch=6, accumulate=3), processes=1)

    assert numbers(planned, 1) == [[[6, 7], [8, 9], [10, 11]]]


def test_pairs_are_blended_from_a_given_time_on():
    data = Data(pairs="x", mixup=1.2, mixup_from=Span("2 epochs"))
    planned = plan(stage("5 epochs", batch=8), epoch=24, data=data)

    mixes = [planned.requests(step, 0)[0].mixes for step in range(planned.steps)]

    assert mixes == [False] * 6 + [True] * 9
    half = plan(
        stage("5 epochs", batch=8), epoch=24, data=dataclasses.replace(data, mixup_share=0.5)
    )
    for rank in (0, 1):
        mixes = [half.requests(step, rank)[0].mixes for step in range(half.steps)]
        assert mixes == [False] * 6 + [False, True] * 4 + [False]
    never = plan(stage("2 epochs"), data=dataclasses.replace(data, mixup=0.0))
    assert not any(never.requests(step, 0)[0].mixes for step in range(never.steps))


def test_what_happens_every_so_often_does():
    planned = plan(stage("3 epochs", batch=8), stage("3 epochs", batch=3), epoch=20)

    steps = range(1, planned.steps + 1)
    due = [step for step in steps if planned.is_due(Span("1 epoch"), step)]

    assert [planned.samples_at(step) // 20 for step in due] == [1, 2, 3, 4, 5, 6]
    assert [planned.samples_at(step - 1) // 20 for step in due] == [0, 1, 2, 3, 4, 5]
    assert [step for step in steps if planned.is_due(Span("5 steps"), step)][:2] == [5, 10]


COURSE = {"lr": 1e-3, "lr_min": 1e-5, "hold": 0.5}


@pytest.mark.parametrize(
    ("step", "lr"), [(0, 1e-4), (9, 1e-3), (10, 1e-3), (50, 1e-3), (75, 5.05e-4), (100, 1e-5)]
)
def test_lr_warms_up_holds_and_falls(step, lr):
    planned = plan(stage("100 steps"), optim=Optimisation(**COURSE, warmup=Span("10 steps")))

    assert planned.lr(step) == pytest.approx(lr)


@given(step=st.integers(11, 99))
def test_after_the_warm_up_lr_never_rises(step):
    optim = Optimisation(**COURSE)

    one, other = (schedule.lr_at(optim, k, k + 1, 10, 100) for k in (step - 1, step))

    assert other <= one


def test_without_warm_up_and_hold_it_is_a_cosine_from_the_first_step():
    planned = plan(stage("10 steps"), optim=Optimisation(lr=1.0, lr_min=0.0))

    for step in range(10):
        assert planned.lr(step) == pytest.approx((1 + math.cos(math.pi * step / 10)) / 2)


def test_where_stages_are_epochs_lr_follows_the_samples():
    optim = Optimisation(lr=1.0, lr_min=0.0, warmup=Span("1 epoch"))
    planned = plan(stage("2 epochs", batch=8), stage("2 epochs", batch=2), epoch=80, optim=optim)

    assert planned.lr(4) == pytest.approx(0.5)  # half of the first epoch
    middle = next(k for k in range(planned.steps) if planned.samples_at(k) >= 200)
    assert planned.lr(middle) == pytest.approx(0.5)  # half of the three epochs after it


def test_on_other_devices_lr_takes_the_same_course():
    optim = Optimisation(lr=1.0, lr_min=0.0, warmup=Span("20 steps"))
    meant = plan(stage("100 steps", batch=4), optim=optim)

    scaled = plan(stage("100 steps", batch=4), processes=16, optim=optim)

    assert (meant.steps, scaled.steps) == (100, 25)
    for step in range(5, 25):
        assert scaled.lr(step) == pytest.approx(meant.lr(4 * step), abs=0.02)


@given(
    warmup=st.sampled_from(["0 steps", "7 steps", "1 epoch", "3 epochs", "500 steps"]),
    length=st.sampled_from(["2 epochs", "30 steps"]),
    hold=st.sampled_from([0.0, 0.5]),
)
def test_the_peak_is_the_highest_lr_of_all_steps(warmup, length, hold):
    optim = Optimisation(lr=1e-3, warmup=Span(warmup), hold=hold)
    planned = plan(stage(length, batch=8), stage(length, batch=3), epoch=80, optim=optim)

    assert planned.peak_lr == max(planned.lr(step) for step in range(planned.steps))


def test_a_plan_is_shown_as_a_table():
    optim = Optimisation(lr=3e-4, warmup=Span("3 steps"))
    stages = stage("10 steps"), stage("5 steps", 128, 2)
    text = str(plan(*stages, processes=2, devices=4, optim=optim))

    first, _, *rows = text.splitlines()
    assert first == "15 steps, 360 patches, 2 processes; an epoch has 100 patches; peak lr 3.00e-04"
    assert rows[0].split()[:11] == ["0", "to", "10", "64", "32", "=", "2", "x", "2", "x", "8"]
    assert rows[1].split()[:5] == ["10", "to", "15", "128", "8"]
