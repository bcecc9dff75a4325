"""Jobs: followed, looked at, changed in strength, cancelled."""

import io
import json
import threading
import time
import uuid

import numpy as np
import pytest
import pyvips
from servers import ask, until

from mirnet.serve.client import Client, Problem


@pytest.fixture(scope="module")
def done(shared, file):
    """A job with layers that is done, and what was sent."""
    content = file(150, 330, seed=3)
    job = shared.client.submit(content, layers=True, name="../../etc/nachtö.png")
    return shared.client.wait(job.id), content


def test_events_tell_all_of_a_job(shared, file):
    job = shared.client.submit(file(200, 300, seed=5))

    events = list(shared.client.events(job.id))

    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert [event.job.state for event in events if event.kind == "state"] == [
        "queued",
        "running",
        "done",
    ]
    progress = [event.job.progress for event in events]
    assert progress == sorted(progress)
    assert (events[-1].job.progress, events[-1].job.data["tiles_done"]) == (1.0, 4)
    assert [one.number for one in shared.client.events(job.id, after=2)] == [
        one.number for one in events[2:]
    ]


def test_putting_the_same_again_gives_the_same_job(shared, file):
    content, name = file(seed=7), str(uuid.uuid4())
    first = shared.client.submit(content, id=name)
    shared.client.wait(name)

    again = shared.client.submit(content, id=name)

    assert again.state == "done"
    assert again.data["created"] == first.data["created"]
    assert [job.id for job in shared.client.jobs()].count(name) == 1
    for other in (lambda: file(seed=8), lambda: content):
        with pytest.raises(Problem) as error:
            shared.client.submit(other(), id=name, strength=0.5 if other() == content else 1.0)
        assert (error.value.status, error.value.code) == (409, "conflict")


def test_two_puts_at_once_make_one_job(shared, file):
    content, name = file(seed=9), str(uuid.uuid4())
    created = []
    put = lambda: created.append(shared.client.submit(content, id=name).data["created"])  # noqa: E731
    threads = [threading.Thread(target=put) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(created) == 5
    assert [job.id for job in shared.client.jobs()].count(name) == 1


@pytest.mark.parametrize("strength", [0.0, 0.35, 1.0])
def test_the_view_shows_the_pixels_of_the_result(shared, done, pixels, strength):
    job, content = done

    view = pixels(shared.client.view(job.id, 100, 30, 120, 90, strength=strength))
    result = pixels(shared.client.result(job.id, strength=strength))

    assert np.array_equal(view, result[30:120, 100:220])
    assert np.array_equal(result, pixels(content)) == (strength == 0)


def test_other_strengths_give_other_results(shared, done, pixels):
    job, content = done
    original = pixels(content).astype(float)
    results = [pixels(shared.client.result(job.id, strength=x)) for x in (0.2, 0.6, 1.0)]

    distances = [np.abs(result - original).mean() for result in results]
    assert distances == sorted(set(distances))
    direct = pixels(shared.client.restore(content, strength=0.6))
    apart = np.abs(direct.astype(int) - results[1])
    assert apart.max() <= 1
    assert (apart > 0).mean() < 0.01  # what was removed is kept in 16 bits


def test_views_are_of_the_asked_size(shared, done, pixels):
    job, content = done
    half = pixels(shared.client.view(job.id, 0, 0, 330, 150, scale=0.5, strength=0.5))
    before = pixels(shared.client.view(job.id, 0, 0, 330, 150, scale=0.3, which="before"))
    edge = pixels(shared.client.view(job.id, 300, 100, 500, 500))

    assert half.shape == (75, 165, 3)
    assert before.shape == (45, 99, 3)
    assert edge.shape == (50, 30, 3)
    result = pixels(shared.client.result(job.id, strength=0.5)).astype(float)
    means = result.reshape(75, 2, 165, 2, 3).mean(axis=(1, 3))
    assert np.abs(half - means).max() <= 1
    assert before.mean() == pytest.approx(pixels(content).mean(), abs=0.5)


def test_a_large_picture_is_viewed_smaller(shared, file):
    job = shared.client.submit(file(2500, 3600, ".jpg"), layers=True)  # 9 megapixels
    whole = {"x": 0, "y": 0, "width": 3600, "height": 2500, "which": "before"}

    content = shared.client.view(job.id, **whole, scale=0.1)
    with pytest.raises(Problem, match="a part of 8 megapixels at most"):
        shared.client.view(job.id, **whole)
    shared.client.cancel(job.id)

    image = pyvips.Image.new_from_buffer(content, "")
    assert (image.width, image.height) == (360, 250)


def half_hidden(image):
    """RGBA in which the right half is transparent, and white below."""
    hidden = image.copy()
    hidden[:, image.shape[1] // 2 :] = (255, 255, 255, 0)
    return hidden


@pytest.mark.parametrize("layers", [True, False])
@pytest.mark.parametrize("space", [3, 1])
def test_views_are_as_transparent_as_the_picture(shared, picture, pixels, space, layers):
    opaque = np.full((100, 120, 1), 255, np.uint8)
    image = np.concatenate((picture(100, 120, 3, np.uint8, 11) // 4, opaque), axis=2)
    image = half_hidden(image)[..., [0, 3] if space == 1 else slice(None)]
    kind = "b-w" if space == 1 else "srgb"
    content = pyvips.Image.new_from_array(image).copy(interpretation=kind).pngsave_buffer()
    job = shared.client.wait(shared.client.submit(bytes(content), layers=layers).id)
    look = lambda **how: pixels(shared.client.view(job.id, 0, 0, 120, 100, **how))  # noqa: E731

    after, small = look(), look(scale=0.15)

    assert job.data["has_alpha"]
    np.testing.assert_array_equal(after, pixels(shared.client.result(job.id)))
    np.testing.assert_array_equal(look(which="before"), image)
    assert small.shape == (15, 18, space + 1)
    assert set(np.unique(small[:, [0, -1], -1])) == {0, 255}
    seen = small[..., -1] > 0
    assert small[seen][:, :-1].max() <= after[:, :60, :-1].max()  # no white shines through


def test_views_of_opaque_pictures_have_no_alpha(shared, done, pixels):
    assert not done[0].data["has_alpha"]
    assert pixels(shared.client.view(done[0].id, 0, 0, 50, 50)).shape == (50, 50, 3)


def test_views_are_cached_by_their_tag(shared, done):
    target = f"/v1/jobs/{done[0].id}/view?x=0&y=0&width=20&height=20&strength=0.5"
    status, headers, content = ask(shared, "GET", target, headers={"Accept": "image/webp"})
    assert (status, headers["content-type"]) == (200, "image/webp")
    assert pyvips.Image.new_from_buffer(content, "").width == 20

    given = {"Accept": "image/webp", "If-None-Match": headers["etag"]}
    assert ask(shared, "GET", target, headers=given)[::2] == (304, b"")


def test_the_name_is_only_sent_back(shared, done):
    job, _ = done
    _, headers, _ = ask(shared, "GET", f"/v1/jobs/{job.id}/result?format=jpeg")

    assert job.data["name"] == "../../etc/nachtö.png"
    assert headers["content-disposition"] == (
        "attachment; filename*=UTF-8''nacht%C3%B6_restored.jpg"
    )
    assert not [path for path in shared.data.rglob("*") if "nacht" in path.name]
    assert "nacht" not in shared.log.read_text()


def test_a_thumbnail_is_small(shared, done):
    image = pyvips.Image.new_from_buffer(shared.client.thumbnail(done[0].id), "")

    assert (image.width, image.height) == (256, 116)


def as_jxl(values):
    pylibjxl = pytest.importorskip("pylibjxl", reason="the extra jxl is not installed")
    return pylibjxl.encode(values, lossless=True)


def as_heic(values):
    pillow_heif = pytest.importorskip("pillow_heif", reason="the extra heif is not installed")
    content = io.BytesIO()
    pillow_heif.from_bytes("RGB", values.shape[1::-1], values.tobytes()).save(
        content, quality=-1, chroma=444, matrix_coefficients=0
    )
    return content.getvalue()


@pytest.mark.parametrize("packed", [as_heic, as_jxl])
def test_what_libvips_does_not_read_is_restored_and_shown(shared, picture, pixels, packed):
    values = picture(60, 90)
    job = shared.client.wait(shared.client.submit(packed(values), layers=True, name="a").id)

    before = pixels(shared.client.view(job.id, 0, 0, 90, 60, which="before"))
    np.testing.assert_array_equal(before, values)
    assert pixels(shared.client.thumbnail(job.id)).shape == (171, 256, 3)
    _, headers, content = ask(shared, "GET", f"/v1/jobs/{job.id}/result")
    assert headers["content-type"] == "image/avif"
    assert pixels(content).shape == values.shape


def test_strength_needs_layers(shared, file):
    job = shared.client.wait(shared.client.submit(file(seed=11), strength=0.5).id)

    with pytest.raises(Problem) as error:
        shared.client.result(job.id, strength=0.7)
    assert error.value.code == "no_layers"
    assert shared.client.result(job.id, strength=0.5) == shared.client.result(job.id)


def test_jobs_belong_to_their_token(shared, done):
    other = Client(shared.address, "a-token-of-the-tests-another")

    assert done[0].id not in [job.id for job in other.jobs()]
    with pytest.raises(Problem, match="no such job"):
        other.job(done[0].id)


def test_a_finished_job_is_deleted_with_its_files(shared, file):
    job = shared.client.wait(shared.client.submit(file(seed=12)).id)
    before = len(list(shared.data.iterdir()))

    shared.client.cancel(job.id)

    assert len(list(shared.data.iterdir())) == before - 1
    with pytest.raises(Problem, match="no such job"):
        shared.client.job(job.id)


def test_a_region_comes_first_and_a_cancelled_job_stops(shared, file, pixels):
    content = file(2400, 3000, ".jpg", seed=13)
    job = shared.client.submit(content, layers=True)
    with pytest.raises(Problem) as error:
        shared.client.view(job.id, 1500, 2000, 200, 150)
    assert error.value.code == "not_ready"

    shared.client.region(job.id, 1500, 2000, 200, 150)
    for event in shared.client.events(job.id):
        if (event.job.data["region"] or {}).get("state") == "done":
            break
    assert event.job.progress < 0.6
    view = pixels(shared.client.view(job.id, 1500, 2000, 200, 150, strength=0.5))
    before = pixels(shared.client.view(job.id, 1500, 2000, 200, 150, which="before"))
    assert 0 < np.abs(view.astype(int) - before).mean() < 20

    shared.client.cancel(job.id)
    cancelled = time.monotonic()
    assert shared.client.job(job.id).state == "cancelled"
    small = file(seed=14)
    shared.client.restore(small)
    assert time.monotonic() - cancelled < 30  # no tile of the cancelled one is in the way
    done = shared.client.job(job.id).data["tiles_done"]
    time.sleep(0.5)
    assert shared.client.job(job.id).data["tiles_done"] == done


def test_a_region_is_equal_to_the_finished_result(shared, file, pixels):
    content = file(700, 900, seed=15)
    job = shared.client.submit(content, layers=True)
    shared.client.region(job.id, 500, 500, 100, 80)
    until(lambda: shared.client.job(job.id).data["region"]["state"] == "done")
    early = pixels(shared.client.view(job.id, 500, 500, 100, 80, strength=0.4))

    shared.client.wait(job.id)

    result = pixels(shared.client.result(job.id, strength=0.4))
    assert np.array_equal(early, result[500:580, 500:600])


def test_a_small_picture_does_not_wait_for_a_large_one(shared, file):
    small = file(180, 180, seed=16)
    started = time.monotonic()
    shared.client.restore(small)
    alone = time.monotonic() - started
    large = shared.client.submit(file(2400, 3000, ".jpg", seed=17))
    until(lambda: shared.client.job(large.id).data["tiles_done"] > 8)

    started = time.monotonic()
    shared.client.restore(small)
    behind = time.monotonic() - started

    assert shared.client.job(large.id).state == "running"
    shared.client.cancel(large.id)
    assert behind < 4 * alone + 3


def test_the_models_are_told(shared):
    told = shared.client.models()

    assert told["default"] == "denoise-print"
    assert [model["name"] for model in told["models"]] == [
        "denoise-print",
        "denoise",
        "denoise-tiny",
    ]
    assert told["models"][0]["parameters"] > 100_000
    assert {"jpeg", "png", "tiff", "webp"} <= set(told["formats_out"])
    assert ".jpg" in told["formats_in"]


def test_openapi_has_examples(shared):
    status, _, content = ask(shared, "GET", "/openapi.json")

    paths = json.loads(content)["paths"]
    assert status == 200
    assert paths["/v1/jobs/{id}"]["put"]["responses"]["202"]["content"]["application/json"][
        "example"
    ]
    assert "multipart/form-data" in paths["/v1/restore"]["post"]["requestBody"]["content"]
