"""The sensor's noise against the figures and formulas that it comes from."""

import math

import pytest
import torch

from mirnet.camera import sensor
from mirnet.camera.description import SENSORS, Sensor

DEFAULT = Sensor()


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def some(shot, read, row=0.0, count=1):
    one = torch.ones(count, 1, 1, 1)
    return sensor.RawNoise(shot * one, read * one, row * one)


def test_a_sensor_of_figures_is_a_batch_of_one():
    one = sensor.RawNoise.of(0.01, 1e-4, 0.002)

    for figure, expected in ((one.shot, 0.01), (one.read, 1e-4), (one.row, 0.002)):
        assert figure.shape == (1, 1, 1, 1)
        assert figure.item() == pytest.approx(expected)


@pytest.mark.parametrize("name", sensor.SYSTEM_CAMERAS)
def test_a_system_camera_at_a_gain_is_the_middle_of_what_is_drawn_there(name, monkeypatch):
    camera = sensor.SYSTEM_CAMERAS[name]
    _, high, *lines = sensor.SYSTEM_CAMERA_LINES[list(sensor.SYSTEM_CAMERAS).index(name)]
    at_the_highest = torch.stack([high, high, *lines])
    monkeypatch.setattr(sensor, "SYSTEM_CAMERA_LINES", at_the_highest[None])
    drawn = sensor._system_camera(20000, generator(), DEFAULT)
    push = drawn[:, 0] / (camera.gain[1] / 15583)
    shot, read, row = (drawn / torch.stack([push, push**2, push], 1)).unbind(1)

    exact, pushed = camera.at(camera.gain[1]), camera.at(camera.gain[1], push=4.0)

    assert exact.shot.item() == pytest.approx(shot.median().item(), rel=1e-4)
    assert exact.read.item() == pytest.approx(read.median().item(), rel=0.02)
    assert exact.row.item() == pytest.approx(row.median().item(), rel=0.02)
    assert pushed.shot.item() == pytest.approx(4 * exact.shot.item())
    assert pushed.read.item() == pytest.approx(16 * exact.read.item())
    assert pushed.row.item() == pytest.approx(4 * exact.row.item())


@pytest.mark.parametrize(("level", "shot", "read"), [(0.2, 0.01, 1e-4), (0.5, 0.002, 1e-5)])
def test_the_variance_is_shot_times_light_plus_read(level, shot, read):
    flat = torch.full((8, 1, 256, 256), level)

    recorded = sensor.expose(flat, some(shot, read, count=8), generator())

    quantisation = (1 / 1023) ** 2 / 12  # at most, with 10 bits
    assert recorded.var() == pytest.approx(shot * level + read + quantisation / 2, rel=0.02)
    assert recorded.mean() == pytest.approx(level, abs=1e-3)


def test_row_noise_is_the_same_along_a_row_or_a_column_of_an_upright_camera():
    flat = torch.full((40, 1, 64, 96), 0.5)

    recorded = sensor.expose(flat, some(0, 0, 0.05, count=40), generator())

    within_rows, within_columns = (recorded.std(axis).amax((1, 2)) for axis in (3, 2))
    is_upright = within_columns == 0
    assert torch.equal(within_rows == 0, ~is_upright)
    assert 10 < is_upright.sum() < 30
    assert recorded.std((1, 2, 3)).mean() == pytest.approx(0.05, rel=0.05)


def test_recorded_values_end_at_white_and_for_some_at_black():
    black = sensor.expose(torch.zeros(200, 1, 8, 8), some(0.01, 1e-3, count=200), generator())
    white = sensor.expose(torch.ones(200, 1, 8, 8), some(0.01, 1e-3, count=200), generator())

    assert white.max() == 1
    clipped = (black.amin((1, 2, 3)) == 0).float().mean()
    assert 0.45 < clipped < 0.75


def test_brooks_draws_lie_in_the_published_range_by_natural_logarithms():
    shot, read, row = sensor._brooks(4000, generator(), DEFAULT).unbind(1)

    assert shot.min() >= 1e-4
    assert shot.max() <= 1.2e-2
    assert shot.log().mean() == pytest.approx((math.log(1e-4) + math.log(1.2e-2)) / 2, abs=0.1)
    residual = read.log() - (2.18 * shot.log() + 1.20)
    assert residual.std() == pytest.approx(0.26, abs=0.02)
    assert residual.mean() == pytest.approx(0, abs=0.02)
    assert row.max() == 0


@pytest.mark.parametrize("phone", sensor.PHONES)
def test_a_phones_line_passes_its_measurements_within_a_factor_of_four(phone):
    slope, bias = sensor.PHONE_LINES[list(sensor.PHONES).index(phone)].tolist()

    for shot, read in sensor.PHONES[phone]:
        assert abs(slope * math.log(shot) + bias - math.log(read)) < math.log(4)


def test_phones_never_leave_their_range_and_its_digital_gain():
    shot, read, row = sensor._phone(4000, generator(), DEFAULT).unbind(1)

    assert shot.min() >= 2e-4
    assert shot.max() <= 2.2e-2 * 3 * 1.0001
    assert torch.isfinite(read).all()
    assert (read > 0).all()
    assert row.max() == 0


def test_system_cameras_are_in_units_of_their_saturation():
    shot, read, row = sensor._system_camera(8000, generator(), DEFAULT).unbind(1)
    gains = [gain for camera in sensor.SYSTEM_CAMERAS.values() for gain in camera.gain]

    assert shot.min() >= min(gains) / 15583 * 0.999
    assert shot.max() <= max(gains) / 15583 * 30 * 1.001
    assert (row > 0).all()
    # read noise spans what the cameras do at their ends, from half a level to the pushed extreme
    levels = read.sqrt() * 15583
    assert 0.3 < levels.min() < 2
    assert levels.max() < 30 * math.exp(0.652 * math.log(28.65) + 2.080 + 5 * 0.258)


def test_the_canon_5d4_is_as_calibrated():
    expected = [math.log(0.218), math.log(13.96), 0.677, 1.512, 0.246, 0.471, -0.808, 0.244]

    assert sensor.SYSTEM_CAMERA_LINES[0].tolist() == pytest.approx(expected)


def test_the_same_generator_gives_the_same_sensor_and_another_seed_another():
    first, again, other = (sensor.random_noise(5, generator(seed)).shot for seed in (1, 1, 2))

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_system_cameras_levels_become_shares_of_its_saturation(monkeypatch):
    """Gain 4 levels an electron, 5 levels of read and 0.5 of row noise, pushed up to 30-fold."""
    camera = [math.log(4), math.log(4), 0.0, math.log(5), 0.0, 0.0, math.log(0.5), 0.0]
    monkeypatch.setattr(sensor, "SYSTEM_CAMERA_LINES", torch.tensor([camera]))

    shot, read, row = sensor._system_camera(2000, generator(), DEFAULT).unbind(1)

    push = shot / (4 / 15583)
    assert push.min() == pytest.approx(1, rel=0.01)
    assert push.max() == pytest.approx(30, rel=0.01)
    torch.testing.assert_close(read, (5 / 15583 * push) ** 2)
    torch.testing.assert_close(row, 0.5 / 15583 * push)


def test_a_sensor_is_of_each_kind_as_often_as_of_another():
    row = sensor.random_noise(6000, generator()).row

    assert (row > 0).float().mean() == pytest.approx(1 / 3, abs=0.02)


@pytest.mark.parametrize("model", SENSORS)
def test_a_model_can_be_the_only_one_and_phones_come_where_they_must(model):
    only = Sensor(models=(model,))
    is_phone = torch.arange(400) < 200

    drawn = sensor.random_noise(400, generator(), only, is_phone=is_phone)

    row = drawn.row.flatten()
    assert (row[:200] == 0).all()
    assert ((row[200:] > 0) == (model == "system_camera")).all()
    assert tuple(sensor.MODELS) == SENSORS


def test_ranges_of_a_sensor_can_be_said():
    narrow = Sensor(
        models=("phone",),
        phone_shot=(1e-3, 1e-3),
        phone_push=(2.0, 2.0),
        bits=(3, 3),
        clipped_share=1.0,
    )

    shot = sensor.random_noise(50, generator(), narrow).shot
    recorded = sensor.expose(torch.rand(50, 1, 8, 8), some(0.1, 0.1), generator(), narrow)

    torch.testing.assert_close(shot, torch.full_like(shot, 2e-3))
    assert recorded.min() == 0
    torch.testing.assert_close(recorded * 7, (recorded * 7).round())
