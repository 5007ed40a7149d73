"""Spoken words in a folder for each, as Google's Speech Commands; seen as pictures of their log-mel energies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tvm_patch.errors import InputError, ToolMissingError
from tvm_patch.nas.data.by_class import read_by_class
from tvm_patch.nas.data.files import files_under, folders_in, opened
from tvm_patch.nas.data.logmel import LENGTH, RATE, log_mel
from tvm_patch.nas.data.pictures import Task
from tvm_patch.nas.data.sets import Chosen, LabelledSamples
from tvm_patch.nas.data.store import Store

ENDINGS = (".wav", ".flac", ".ogg")
NOISE = "_background_noise_"
_SPEAKER = re.compile(r"(?:^|_)([^_]+)_nohash_")
_MOST_SECONDS = 60
_LEAST_RATE = 4000
_FULL = 32767
_SHIFT = RATE // 10
_LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}


def read_sound(path: str) -> np.ndarray:
    """Return a sound, one channel at 16 kHz, float32 from -1 to 1; a minute of it at most.

    Parameters
    ----------
    path : str

    Raises
    ------
    InputError
        It cannot be read; names the file.
    ToolMissingError
        soundfile is not installed.
    """
    rate, sound = _opened(path, read=True)
    return at_rate(sound.mean(1).clip(-1, 1), rate)


def _opened(path: str, read: bool) -> tuple[int, np.ndarray]:
    """Return the rate and, if that is wanted, the samples of a sound, of shape (samples, channels)."""
    try:
        import soundfile
    except ImportError as error:
        raise ToolMissingError(
            "reading sound needs soundfile; install it with: pip install 'tvm-patch[nas]'"
        ) from error
    try:
        with soundfile.SoundFile(path) as file:
            rate = int(file.samplerate)
            frames = min(file.frames, _MOST_SECONDS * rate)
            if rate < _LEAST_RATE or frames < 1:
                raise ValueError(f"{frames} samples at {rate} a second; speech needs {_LEAST_RATE} a second")
            sound = file.read(frames if read else 1, dtype="float32", always_2d=True)
        if read and len(sound) < frames:
            raise ValueError(f"{len(sound)} of {frames} samples are there")
        if not np.isfinite(sound).all():
            raise ValueError("a sample is not finite")
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        raise InputError(f"{path} is no sound that can be read ({error})") from error
    return rate, sound


def at_rate(sound: np.ndarray, rate: int) -> np.ndarray:
    """Return a sound at 16 kHz, made from its spectrum, so that high tones do not fold into lower ones.

    Parameters
    ----------
    sound : array of float32
    rate : int
        Samples a second that it has.
    """
    if rate == RATE:
        return sound
    count = max(1, round(len(sound) * RATE / rate))
    spectrum = np.fft.rfft(sound)[: count // 2 + 1]
    made: np.ndarray = np.fft.irfft(spectrum, count) * (count / len(sound))
    return made.astype(np.float32)


def clip_of(sound: np.ndarray) -> np.ndarray:
    """Return a second of a sound: its first, with silence behind it where it is shorter."""
    cut: np.ndarray = sound[:LENGTH]
    return np.pad(cut, (0, LENGTH - len(cut)))


class SpokenWords(LabelledSamples):
    """Clips of a second, as pictures of one channel.

    Parameters
    ----------
    classes : tuple of str
    files : sequence of str
    labels : array of int
    noises : sequence of array
        Sounds at 16 kHz of which some is mixed into every second clip where pictures are changed at random.
    """

    def __init__(
        self,
        classes: tuple[str, ...],
        files: Sequence[str],
        labels: Sequence[int] | np.ndarray,
        noises: Sequence[np.ndarray] = (),
    ) -> None:
        super().__init__(classes, 1, labels)
        self._noises = [noise for noise in noises if len(noise) >= LENGTH]
        self._store = Store(files, lambda path: _packed(clip_of(read_sound(path))), _size)
        self._store.check()

    def clip(self, index: int) -> np.ndarray:
        """Return a clip, float32 from -1 to 1."""
        clip: np.ndarray = self._store.get(index) / np.float32(_FULL)
        return clip

    def sized(self, index: int, resolution: int) -> np.ndarray:
        """Return a clip as a picture."""
        return log_mel(self.clip(index), resolution)

    def augmented(self, index: int, resolution: int, chance: np.random.Generator) -> np.ndarray:
        """Return a clip as a picture: up to 100 ms earlier or later, up to 6 dB quieter or louder, with noise."""
        clip = self.clip(index)
        shift = int(chance.integers(-_SHIFT, _SHIFT, endpoint=True))
        clip = np.pad(clip, (max(shift, 0), max(-shift, 0)))[max(-shift, 0) :][:LENGTH]
        clip = clip * np.float32(2 ** chance.uniform(-1, 1))
        if self._noises and chance.random() < 0.5:
            noise = self._noises[chance.integers(len(self._noises))]
            start = int(chance.integers(len(noise) - LENGTH, endpoint=True))
            clip = clip + noise[start : start + LENGTH] * np.float32(chance.uniform(0, 0.1))
        return log_mel(clip.clip(-1, 1), resolution)


def is_speech(folder: Path) -> bool:
    """Return whether a folder holds sounds by class and no pictures."""
    if any((folder / name).is_file() for name in _LISTS.values()):
        return True
    return any(
        name.lower().endswith(ENDINGS)
        for below in folders_in(folder)
        for place in (below, *folders_in(below)[:3])
        for name in _first_names(place)
    )


def speech_commands(source: Path | str, *, seed: int = 0) -> Task:
    """Return the task of telling spoken words apart, of a folder such as Speech Commands'.

    ``DIR/WORD/*.wav`` with ``validation_list.txt`` and ``testing_list.txt``, or folders of parts as
    :func:`tvm_patch.nas.data.folders.class_folders` reads them.  No speaker is in two parts that are split here.

    Parameters
    ----------
    source : path
        A folder, or a zip file of one.
    seed : int
        Of parts that are taken.

    Raises
    ------
    InputError
        When sounds are missing or broken; names the first and counts the others.
    """
    folder = opened(Path(source))
    found = read_by_class(folder, ENDINGS, seed, "sounds", (NOISE,), speaker_of, _LISTS)
    noises = []
    if (folder / NOISE).is_dir():
        noises = [read_sound(path) for path in files_under(folder / NOISE, ENDINGS)[0]]
    whole = SpokenWords(found.classes, found.files, found.labels, noises)
    train, validation, test = (Chosen(whole, part) for part in (found.train, found.validation, found.test))
    return Task(Path(source).stem, found.classes, train, validation, test, found.notes)


def speaker_of(path: str) -> str:
    """Return who speaks, by the name of a file such as ``0a7c2a8d_nohash_0.wav``; of others, the name itself."""
    name = Path(path).name
    found = _SPEAKER.search(name)
    return found[1] if found else name


def _packed(clip: np.ndarray) -> np.ndarray:
    packed: np.ndarray = np.rint(clip * _FULL).astype(np.int16)
    return packed


def _size(path: str) -> int:
    """Return the bytes of a packed clip, if the head of its file can be read."""
    _opened(path, read=False)
    return 2 * LENGTH


def _first_names(folder: Path) -> list[str]:
    return [entry.name for entry, _ in zip(sorted(folder.iterdir()), range(20), strict=False)]
