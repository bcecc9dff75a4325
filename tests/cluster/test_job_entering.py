"""A target holds one job."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from mirnet.cluster import job
from mirnet.cluster.places import open_place
from mirnet.errors import DataError
from mirnet.restoration import folder

SOURCE = open_place("/photos")


def test_a_job_is_created_once_and_joined_by_all(place, settings):
    with ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(lambda _: job.enter(place, SOURCE, settings, shards=600), range(8)))

    assert len({each.id for each in jobs}) == 1
    assert jobs[0].buckets == 1024
    assert job.existing(place) == jobs[0]


def test_other_settings_are_refused_unless_asked_for(place, settings):
    old = job.enter(place, SOURCE, settings)
    other = replace(settings, strength=0.5, format="png")

    with pytest.raises(DataError, match=r"strength 0.0, not 0\.5, format None, not png"):
        job.enter(place, SOURCE, other)
    new = job.enter(place, SOURCE, other, overwrite=True)

    assert new.id != old.id
    assert job.existing(place) == new


def test_the_strength_of_plain_names_is_noted_for_mirnet_restore(tmp_path, settings, save):
    save(tmp_path / "in" / "a.png")
    source, target = tmp_path / "in", tmp_path / "out"
    place = open_place(str(target))

    def names(strength):
        planned = folder.plan([source], target, strength=strength)
        return [route.target.name for route in planned]

    job.enter(place, open_place(str(source)), replace(settings, strength=0.5))
    assert (names(0.5), names(1.0)) == (["a.png"], ["a_strength1.png"])

    plain = replace(settings, strength=1.0)
    job.enter(place, open_place(str(source)), plain, overwrite=True)
    assert (names(0.5), names(1.0)) == (["a_strength0.5.png"], ["a.png"])


def test_other_weights_under_the_same_name_are_refused(place, settings):
    job.enter(place, SOURCE, settings)

    with pytest.raises(DataError, match="other weights in denoise-print"):
        job.enter(place, SOURCE, replace(settings, sha256="0" * 64))


def test_the_same_weights_under_another_name_are_the_same_job(place, settings):
    first = job.enter(place, SOURCE, settings)

    assert job.enter(place, SOURCE, replace(settings, model="/elsewhere/tiny.mnn")) == first


def test_another_source_is_refused(place, settings):
    job.enter(place, SOURCE, settings)

    with pytest.raises(DataError, match="source /photos"):
        job.enter(place, open_place("/others"), settings)


def test_a_target_with_foreign_files_is_refused(place, settings):
    place.write("mine.png", b"precious")

    with pytest.raises(DataError, match=r"mine\.png already"):
        job.enter(place, SOURCE, settings)
    assert job.read(place) is None
    job.enter(place, SOURCE, settings, overwrite=True)


def test_more_shards_than_buckets_are_refused(place, settings):
    job.enter(place, SOURCE, settings)

    with pytest.raises(DataError, match="256 buckets"):
        job.enter(place, SOURCE, settings, shards=257)


def test_a_job_of_before_an_option_was_there_goes_on(place, settings):
    job.enter(place, SOURCE, settings)
    described = json.loads(place.read(job.JOB))
    for name in job.LATER:
        del described["settings"][name]
    place.write(job.JOB, json.dumps(described).encode(), replace=True)

    assert job.enter(place, SOURCE, settings).id == settings.id
    with pytest.raises(DataError, match=r"grain 0\.0, not 4\.0"):
        job.enter(place, SOURCE, replace(settings, grain=4.0))


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"version": 1}'])
def test_a_damaged_description_is_refused(place, content):
    place.write(job.JOB, content)

    with pytest.raises(DataError, match="damaged"):
        job.existing(place)


def test_a_later_version_and_no_job_are_told(place):
    with pytest.raises(DataError, match="holds no job"):
        job.existing(place)
    place.write(job.JOB, b'{"version": 2}')
    with pytest.raises(DataError, match="version 2"):
        job.existing(place)
