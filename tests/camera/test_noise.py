"""The chain from a clean photograph to a noisy one."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mirnet.camera import isp, jpeg, noise
from mirnet.camera.description import KERNELS, Camera, Editing, Finishing, Sensor, WhiteNoise
from mirnet.camera.scenes import ByKind, Kind
from mirnet.camera.sensor import RawNoise

CAMERA = Camera()


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def raw_noise(shot, read, row=0.0, count=1):
    one = torch.ones(count, 1, 1, 1)
    return RawNoise(shot * one, read * one, row * one)


def test_noise_has_no_place_where_there_is_none(monkeypatch):
    """Aligned pairs: without noise, the developed picture is the clean one but for demosaicing."""
    monkeypatch.setattr(noise, "random_noise", lambda count, *_, **__: raw_noise(0, 0, count=count))
    smooth = torch.linspace(0.2, 0.7, 64).expand(4, 3, 64, 64)

    noisy, clean = noise.photograph(smooth, generator())

    assert (noisy - clean).abs()[..., 4:-4, 4:-4].max() < 0.02


def test_grey_has_equal_values_when_it_is_demosaiced(monkeypatch):
    """White balance comes first: interpolation takes detail of one colour from another's."""
    seen = []
    demosaic = isp.demosaic
    monkeypatch.setattr(noise, "random_noise", lambda count, *_, **__: raw_noise(0, 0, count=count))

    def noting(raw, *others, **more):
        seen.append(raw)
        return demosaic(raw, *others, **more)

    monkeypatch.setattr(isp, "demosaic", noting)

    noise.photograph(torch.full((20, 3, 16, 16), 0.4), generator())

    assert seen[0].std((1, 2, 3)).max() < 1.5e-3  # what 10 bits can tell, times the gains


def test_a_given_sensor_camera_and_light_are_those_that_are_used():
    """In flat grey of raw value x, the noise that a linear development shows is shot · x + read."""
    flat = torch.full((1, 3, 256, 256), 0.5)
    one = torch.ones(1, 1, 1, 1)
    development = isp.Development(
        torch.eye(3)[None], torch.ones(1, 3, 1, 1), one, torch.tensor([False]), 0 * one
    )

    noisy, clean = noise.take(
        flat, torch.tensor([0.4]), development, raw_noise(1e-3, 1e-4), generator()
    )

    torch.testing.assert_close(clean, torch.full_like(clean, 0.2))
    measured = (noisy - clean)[0, 0, ::2, ::2]  # where red was measured, not interpolated
    assert measured.var().item() == pytest.approx(1e-3 * 0.2 + 1e-4, rel=0.05)


@pytest.mark.parametrize("room", [32, 48 + 2 * noise.MARGIN, 144])
def test_degraded_patches_have_the_size_and_range_that_was_asked_for(room):
    clean = torch.rand(6, 3, room, room, generator=generator())

    noisy, clean = noise.degrade(clean, 48, generator(1))

    assert noisy.shape == clean.shape == (6, 3, 48, 48)
    for half in (noisy, clean):
        assert half.min() >= 0
        assert half.max() <= 1
    levels = noisy * 255
    torch.testing.assert_close(levels, levels.round(), atol=1e-3, rtol=0)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20)
def test_whatever_sensor_is_drawn_patches_stay_in_range(seed):
    clean = torch.rand(2, 3, 48, 48, generator=generator(seed))

    for half in noise.degrade(clean, 16, generator(seed)):
        assert half.shape == (2, 3, 16, 16)
        assert half.min() >= 0
        assert half.max() <= 1


def test_jpeg_comes_in_every_quality_and_twice(recording):
    calls = recording(jpeg, "compress")

    noise.degrade(torch.rand(1500, 3, 32, 32, generator=generator()), 16, generator())

    assert len(calls) == 2  # the camera's, and that of a later program
    qualities = torch.cat([quality for _, quality, _ in calls])
    assert qualities.min() == 10
    assert qualities.max() == 100
    assert qualities.median() == pytest.approx(77, abs=4)
    shares = [len(quality) / 1500 for _, quality, _ in calls]
    own = (1 - CAMERA.plain_share) * CAMERA.finishing.share * CAMERA.finishing.jpeg_share
    assert shares == pytest.approx([own, CAMERA.editing.jpeg_share], abs=0.04)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_some_pictures_have_white_noise_of_every_strength_in_place_of_a_cameras(share):
    """Its deviation, and how alike the channels are, in flat grey."""
    white_noise = WhiteNoise(share=ByKind(photograph=share, drawing=0.0, field=0.0))
    camera = Camera(white_noise=white_noise, editing=Editing(grey_share=0.0, jpeg_share=0.0))

    grey = torch.full((200, 3, 64, 64), 0.5)
    noisy, clean = noise.degrade(grey, 32, generator(), camera=camera)

    if share == 0:
        red = (noisy - clean)[:, 0]
        assert correlation(red[..., :-1], red[..., 1:]).median() > 0.2  # demosaicing
        return
    inside = (clean.amin((1, 2, 3)) > 0.35) & (clean.amax((1, 2, 3)) < 0.65)
    added = (noisy - clean)[inside]
    deviation = 255 * added.std((2, 3)).mean(1)
    assert 1.5 < deviation.min() < 4
    assert 35 < deviation.max() < 60
    strong = added[deviation > 4]
    red, green = strong[:, 0], strong[:, 1]
    assert correlation(red[..., :-1], red[..., 1:]).abs().max() < 0.15
    alike = correlation(red, green)
    assert ((alike.abs() < 0.15) | (alike > 0.97)).all()
    assert (alike > 0.97).float().mean() == pytest.approx(0.5, abs=0.2)


def test_white_noise_is_the_more_frequent_and_stronger_the_flatter_the_scene(recording):
    calls = recording(noise, "add_white")
    kinds = torch.tensor(list(Kind)).repeat(1000)

    colours = torch.eye(3)[kinds]  # tell which is which
    noise.degrade(colours[..., None, None].expand(-1, -1, 32, 32), 16, generator(), kinds)

    ((before, deviation, _),) = calls
    white = before.mean((2, 3)).argmax(1)
    low, high = (level / 255 for level in CAMERA.white_noise.levels)
    for kind in Kind:
        found = deviation[white == kind]
        median = math.sqrt(low * high) if kind is Kind.PHOTOGRAPH else (low + high) / 2
        assert len(found) / 1000 == pytest.approx(CAMERA.white_noise.share[kind], abs=0.04)
        assert found.median() == pytest.approx(median, rel=0.2)
        assert found.min() >= low
        assert found.max() <= high


def correlation(first, second):
    """Of each picture's channel with another."""
    left, right = first.flatten(1), second.flatten(1)
    covariance = (left * right).mean(1) - left.mean(1) * right.mean(1)
    return covariance / (left.std(1) * right.std(1) + 1e-9)


def test_some_pictures_are_black_and_white():
    noisy, clean = noise.degrade(
        torch.rand(600, 3, 32, 32, generator=generator()), 16, generator(1)
    )

    bright = clean.amax((1, 2, 3)) > 0.5  # the others may be black
    grey = [(half - half[:, :1]).abs()[bright].amax((1, 2, 3)) < 1e-5 for half in (noisy, clean)]
    assert (grey[0] >= grey[1]).all()  # strong smoothing of colour leaves little of random pixels
    assert grey[1].float().mean() == pytest.approx(CAMERA.editing.grey_share, abs=0.03)


def test_a_camera_that_does_nothing_leaves_the_scene_to_demosaicing():
    """Every step can be left out by the description alone."""
    none = ByKind(photograph=0.0, drawing=0.0, field=0.0)
    camera = Camera(
        soft_share=none,
        dimmed_share=0.0,
        plain_share=0.0,
        sensor=Sensor(
            models=("brooks",), brooks_shot=(1e-12, 1e-12), bits=(16, 16), clipped_share=0.0
        ),
        finishing=Finishing(share=0.0),
        white_noise=WhiteNoise(share=none),
        editing=Editing(resized_share=0.0, grey_share=0.0, jpeg_share=0.0),
    )
    smooth = torch.linspace(0.2, 0.7, 64).expand(8, 3, 64, 64)

    noisy, clean = noise.degrade(smooth, 32, generator(), camera=camera)

    assert (noisy - clean).abs().max() < 0.01
    assert (noisy - clean).abs().mean() < 0.003  # eight bits


def test_scenes_are_as_soft_as_the_description_says(recording):
    calls = recording(noise, "_soften")
    softness = Camera(
        soft_share=ByKind(photograph=1.0, drawing=0.0, field=0.0), softness=(2.5, 3.0)
    )
    kinds = torch.tensor(list(Kind)).repeat(20)

    noise.degrade(torch.rand(60, 3, 48, 48), 16, generator(), kinds, softness)

    ((scenes, deviations),) = calls
    assert len(scenes) == 20
    assert 2.5 <= deviations.min() < deviations.max() <= 3.0


@pytest.mark.parametrize("kernel", KERNELS)
def test_pictures_are_resized_by_the_kernels_of_the_description(kernel, monkeypatch):
    seen = []
    resize = torch.nn.functional.interpolate

    def noting(*arguments, **options):
        seen.append(options["mode"])
        return resize(*arguments, **options)

    monkeypatch.setattr(noise.F, "interpolate", noting)
    camera = Camera(
        editing=Editing(kernels=(kernel,), jpeg_share=0.0), finishing=Finishing(share=0.0)
    )
    for seed in range(6):
        noise.degrade(torch.rand(1, 3, 64, 64), 16, generator(seed), camera=camera)

    assert seen == [kernel] * 12
