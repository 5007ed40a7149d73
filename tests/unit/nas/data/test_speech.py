"""Spoken words: folders, lists, and pictures of their sound."""

import zipfile

import numpy as np
import pytest

from tests.conftest import SHARED
from tvm_patch.errors import InputError
from tvm_patch.nas.data import speech
from tvm_patch.nas.data.logmel import LENGTH, RATE, log_mel
from tvm_patch.nas.data.speech import at_rate, speaker_of, speech_commands

soundfile = pytest.importorskip("soundfile", reason="sound is read by soundfile (extra nas)")


def tone(hertz, rate=RATE, seconds=1.0, loud=0.5):
    return (loud * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def word(path, hertz=440, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(hertz, **options), options.get("rate", RATE))
    return path


def tree(folder, speakers=10, words=("go", "stop"), ending="wav"):
    for number, name in enumerate(words):
        for speaker in range(speakers):
            for turn in range(2):
                word(
                    folder / name / f"{speaker:08x}_nohash_{turn}.{ending}", 300 + 900 * number + 10 * speaker
                )
    return folder


def parts(task):
    return (task.train, task.validation, task.test)


@pytest.mark.parametrize("resolution", [16, 32, 49, 64, 96, 128, 224])
@pytest.mark.parametrize("hertz", [300, 1000, 4000])
def test_a_tone_is_a_line_at_its_pitch_as_bright_at_every_resolution(resolution, hertz):
    picture = log_mel(tone(hertz), resolution)
    assert picture.shape == (resolution, resolution, 1)
    assert picture.dtype == np.uint8
    inner = picture[2:-2, :, 0]
    peak = inner.mean(0).argmax()
    mel = [2595 * np.log10(1 + f / 700) for f in (60, 7600, hertz)]
    expected = (mel[2] - mel[0]) / (mel[1] - mel[0]) * (resolution + 1) - 1
    assert abs(peak - expected) <= 1
    assert 150 < inner[:, peak].mean() < 250
    assert np.median(inner) < 100


def test_silence_is_black_and_nothing_is_ever_white_but_noise_at_full_scale():
    assert not log_mel(np.zeros(LENGTH, np.float32), 48).any()
    noise = np.random.default_rng(0).uniform(-1, 1, LENGTH).astype(np.float32)
    assert 150 < log_mel(noise, 48).mean() < 255


def test_time_goes_down():
    late = np.concatenate([np.zeros(LENGTH // 2, np.float32), tone(1000, seconds=0.5)])
    picture = log_mel(late, 40)[:, :, 0].max(1)
    assert picture[:18].max() < 60
    assert picture[22:].min() > 150


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_other_rates_become_that_of_the_front_end(rate):
    found = at_rate(tone(1000, rate), rate)
    np.testing.assert_allclose(found, tone(1000), atol=1e-3)
    above = at_rate(tone(9000, 44100), 44100)
    assert abs(above).max() < 1e-2


def test_lists_say_who_is_where(tmp_path):
    tree(tmp_path)
    (tmp_path / "validation_list.txt").write_text("go/00000001_nohash_0.wav\nstop/00000001_nohash_1.wav\n")
    (tmp_path / "testing_list.txt").write_text("go/00000002_nohash_0.wav\n")
    word(tmp_path / "_background_noise_" / "hum.wav", seconds=3)
    task = speech_commands(tmp_path)
    assert task.classes == ("go", "stop")
    assert [len(p) for p in parts(task)] == [37, 2, 1]
    assert task.colors == 1
    np.testing.assert_array_equal(task.test.at(32)[0], log_mel(_stored(tone(320)), 32))


def _stored(sound):
    """As a WAV of 16 bits gives it back."""
    return np.rint(np.rint(sound * 32767) / 32768 * 32767).astype(np.float32) / np.float32(32767)


def test_folders_of_parts_share_no_speakers(tmp_path):
    tree(tmp_path / "train", ending="ogg")
    tree(tmp_path / "test", 2, ending="flac")
    task = speech_commands(tmp_path, seed=1)
    assert [len(p) for p in parts(task)] == [36, 4, 8]
    assert np.bincount(task.validation.labels).tolist() == [2, 2]


def test_names_say_who_speaks():
    assert speaker_of("a/0a7c2a8d_nohash_0.wav") == "0a7c2a8d"
    assert speaker_of("a/bed_28497c5b_nohash_0.ogg") == "28497c5b"
    assert speaker_of("a/3867.ogg") == "3867.ogg"


def test_clips_are_one_second(tmp_path):
    tree(tmp_path)
    word(tmp_path / "go" / "short.wav", seconds=0.25)
    word(tmp_path / "go" / "long.wav", seconds=2.5)
    soundfile.write(tmp_path / "go" / "two.wav", np.stack([tone(500), tone(500)], 1), RATE)
    task = speech_commands(tmp_path)
    assert sum(len(p) for p in parts(task)) == 43
    for part in parts(task):
        assert part.at(16).shape[1:] == (16, 16, 1)


def test_changes_at_random_are_small_and_the_same_for_a_seed(tmp_path):
    word(tree(tmp_path) / "_background_noise_" / "hum.wav", seconds=3, hertz=3000)
    task = speech_commands(tmp_path)
    first, again, other = (next(task.train.batches(32, 8, seed=s, augment=True))[0] for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    plain = next(task.train.batches(32, 8, seed=0))[0]
    assert not np.array_equal(first, plain)
    assert abs(first[:, 8:24].astype(int) - plain[:, 8:24]).mean() < 60


@pytest.mark.parametrize("content", [b"", b"RIFF....WAVE", b"no sound at all"])
def test_bad_sounds_are_named_and_counted(tmp_path, content):
    tree(tmp_path)
    for name in ("go/00000003_nohash_0.wav", "stop/00000001_nohash_1.wav"):
        (tmp_path / name).write_bytes(content)
    with pytest.raises(
        InputError, match=r"go/00000003_nohash_0\.wav is no sound.*; so is 1 more of 40 files"
    ):
        speech_commands(tmp_path)


def test_an_empty_sound_and_one_of_few_samples_a_second_are_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(0, np.float32), RATE)
    soundfile.write(tmp_path / "b.wav", np.zeros(100, np.float32), 1000)
    for name in ("a.wav", "b.wav"):
        with pytest.raises(InputError, match=rf"{name} is no sound"):
            speech.read_sound(str(tmp_path / name))


def test_a_list_with_a_file_that_is_not_there(tmp_path):
    (tree(tmp_path) / "testing_list.txt").write_text("go/00000002_nohash_0.wav\ngo/99.wav\n")
    with pytest.raises(InputError, match=r"testing_list\.txt lists go/99\.wav"):
        speech_commands(tmp_path)


def test_real_words(tmp_path):
    archive = SHARED / "datasets" / "speech_commands_12.zip"
    if not archive.is_file():
        pytest.skip(f"no data sets at {archive.parent}; set TVM_PATCH_SHARED")
    with zipfile.ZipFile(archive) as packed:
        names = [name for name in packed.namelist() if name.endswith(".ogg")][::20]
        for name in names:
            packed.extract(name, tmp_path)
    task = speech_commands(tmp_path)
    assert len(task.classes) == 12
    assert sum(len(p) for p in parts(task)) == len(names) > 200
    pictures = task.train.at(40)
    silent = task.train.labels == task.classes.index("_silence_")
    assert pictures[silent].max(axis=(1, 2)).mean() < pictures[~silent].max(axis=(1, 2)).mean()
