"""The data sets for the experiments of the Sven paper, arXiv 2604.01279.

Each function gives three sets: one to train on, one to choose settings with, and one
to look at only at the end. (The paper chose settings on its test set.)
MNIST is the one of Y. LeCun, C. Cortes and C. J. C. Burges.
"""

import gzip
import hashlib
import itertools
import math
import os
import shlex
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, eq=False)
class Split:
    """Inputs x of shape (n, d), and targets y of shape (n,), for the three sets."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    name: str


def _standardised(name, xs, target) -> Split:
    """The targets in units of the spread of the training targets, about their mean."""
    if len(xs[0]) < 2:
        raise ValueError(f"n is {len(xs[0])}: one point has no spread to divide by")
    ys = [target(x) for x in xs]
    mean, spread = ys[0].mean(), ys[0].std()
    ys = [(y - mean) / spread for y in ys]
    return Split(*itertools.chain(*zip(xs, ys, strict=True)), name=name)


def _generators(seed, count):
    return map(np.random.default_rng, np.random.SeedSequence(seed).spawn(count))


def regression(seed=0, n=10_000) -> Split:
    """exp(-10 x^2) sin 2x with x uniform on (-1, 1): three independent sets of n."""
    xs = [rng.uniform(-1, 1, (n, 1)) for rng in _generators(seed, 3)]
    return _standardised(
        "regression", xs, lambda x: np.exp(-10 * x[:, 0] ** 2) * np.sin(2 * x[:, 0])
    )


VARIABLES, DEGREE = 6, 4


def exponents() -> np.ndarray:
    """The 210 multi-indices of total degree at most 4 in 6 variables, one a row."""
    every = itertools.product(range(DEGREE + 1), repeat=VARIABLES)
    return np.array([d for d in every if sum(d) <= DEGREE])


def polynomial(seed=0, n=10_000, additive=False) -> Split:
    """A random polynomial in 6 normal variables: three independent sets of n.

    All 210 monomials of total degree at most 4. Their coefficients are normal, over
    the root of the product of (2 d_j - 1)!!, the root mean square of the monomial: so
    each term has the same expected size.

    `additive=True` is the target that the paper published. By a bug of its code, no
    exponent there exceeds degree - 1 = 3, and the factors of a monomial are added and
    not multiplied. We read this so: the six multi-indices with a 4 drop out, and each
    other adds (x_1^d_1 + ... + x_6^d_6) times its coefficient. What is left is a
    sum of six cubics of one variable each, in the span of 19 features (1, x_j, x_j^2,
    x_j^3): much easier to learn. Losses on the two targets cannot be compared. The
    paper's own coefficients are not known to us, so only the kind of target is the
    same.
    """
    first, *rest = _generators(seed, 4)
    xs = [rng.standard_normal((n, VARIABLES)) for rng in rest]
    degrees = exponents()
    size = [math.prod(math.prod(range(1, 2 * e, 2)) for e in d) for d in degrees]
    weights = first.standard_normal(len(degrees)) / np.sqrt(size)
    join = np.sum if additive else np.prod
    if additive:
        kept = degrees.max(axis=1) < DEGREE
        degrees, weights = degrees[kept], weights[kept]

    def target(x):
        powers = x[:, :, None] ** np.arange(DEGREE + 1)
        terms = (join(powers[:, range(VARIABLES), d], axis=1) for d in degrees)
        return sum(w * term for w, term in zip(weights, terms, strict=True))

    name = "polynomial-additive" if additive else "polynomial"
    return _standardised(name, xs, target)


def digits(seed=0) -> Split:
    """The 1797 digits of 8 x 8 pixels that come with scikit-learn: not MNIST.

    They are mixed and cut into 1000, 400 and 397. The pixels are standardised by the
    mean and the spread of all training pixels.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            f"the digits come with scikit-learn, which is not there ({error}): "
            "pip install scikit-learn"
        ) from error
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(x))
    x, y = x[order].astype(np.float64), y[order].astype(np.int32)
    x = (x - x[:1000].mean()) / x[:1000].std()
    parts = slice(1000), slice(1000, 1400), slice(1400, None)
    return Split(*(a[part] for part in parts for a in (x, y)), name="digits")


# Shape and sha256 of the four files of MNIST, unpacked.
FILES = {
    "train-images": (
        (60_000, 28, 28),
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "train-labels": (
        (60_000,),
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "t10k-images": (
        (10_000, 28, 28),
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "t10k-labels": (
        (10_000,),
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}
# How often each digit is there.
COUNTS = {
    "train-labels": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "t10k-labels": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
}
VALIDATION = 10_000


def default_folder() -> Path:
    """$MNIST where it is set, else ~/.cache/pinnsven/mnist."""
    return Path(os.environ.get("MNIST") or "~/.cache/pinnsven/mnist").expanduser()


def file_names(stem) -> list[str]:
    """The names under which one of the four files goes, the original one first."""
    kind = f"idx{len(FILES[stem][0])}-ubyte"
    plain = [f"{stem}-{kind}", f"{stem}.{kind}"]
    return plain + [name + ".gz" for name in plain]


def _advice(folder) -> str:
    return (
        "\nThis fetches the four files of MNIST:\n"
        f"    python examples/paper/fetch_mnist.py {shlex.quote(str(folder))}\n"
        "Or give a folder that has them with --mnist FOLDER, or in $MNIST."
    )


def find(folder) -> dict[str, Path]:
    """Those of the four files that are in the folder, under any of their names."""
    paths = {stem: [folder / name for name in file_names(stem)] for stem in FILES}
    there = {stem: [p for p in paths[stem] if p.is_file()] for stem in FILES}
    return {stem: files[0] for stem, files in there.items() if files}


def read_idx(path, shape, sha256) -> np.ndarray:
    """The bytes of an IDX file of known shape and checksum, plain or with .gz."""
    path = Path(path)

    def wrong(what):
        return ValueError(f"{path} is not the file of MNIST: {what}.")

    raw = path.read_bytes()
    if path.suffix == ".gz":
        try:
            raw = gzip.decompress(raw)
        except (EOFError, OSError, zlib.error) as error:
            raise wrong(f"it cannot be unpacked ({error})") from error
    header = struct.pack(f">{1 + len(shape)}I", 0x0800 + len(shape), *shape)
    size = len(header) + math.prod(shape)
    if len(raw) != size:
        raise wrong(f"it has {len(raw):,} bytes unpacked, and should have {size:,}")
    if raw[:4] != header[:4]:
        raise wrong(f"its magic number is {raw[:4].hex()}, not {header[:4].hex()}")
    if raw[: len(header)] != header:
        there = struct.unpack_from(f">{len(shape)}I", raw, 4)
        raise wrong(f"its header gives the shape {there}, not {shape}")
    checksum = hashlib.sha256(raw).hexdigest()
    if checksum != sha256:
        raise wrong(f"its sha256 is {checksum}, not {sha256}")
    return np.frombuffer(raw, np.uint8, offset=len(header)).reshape(shape)


def _read_mnist(folder) -> dict[str, np.ndarray]:
    paths = find(folder)
    missing = [" or ".join(file_names(s)) for s in FILES if s not in paths]
    if missing:
        what = (
            "which lacks" if folder.is_dir() else "which is no folder. It should have"
        )
        listed = "".join(f"\n    {names}" for names in missing)
        raise FileNotFoundError(f"MNIST was looked for in {folder}, {what}{listed}")
    arrays = {stem: read_idx(paths[stem], *FILES[stem]) for stem in FILES}
    for stem, counts in COUNTS.items():
        there = np.bincount(arrays[stem], minlength=10).tolist()
        if there != counts:
            raise ValueError(
                f"{paths[stem]} is not the file of MNIST: it has the digits "
                f"{there} times, not {counts}."
            )
    return arrays


def mnist(folder=None) -> Split:
    """The original MNIST from its four IDX files: 50,000, 10,000 and 10,000 images.

    The validation images are the last 10,000 of the 60,000 training images, in the
    order of the file, whatever the seed. An image is a row of 784 numbers in float32:
    pixel / 255, less the mean 0.1307, over the spread 0.3081. Labels are 0 to 9.
    """
    folder = default_folder() if folder is None else Path(folder).expanduser()
    try:
        arrays = _read_mnist(folder)
    except (FileNotFoundError, ValueError) as error:
        raise type(error)(f"{error}{_advice(folder)}") from error

    def pair(part):
        images, labels = arrays[f"{part}-images"], arrays[f"{part}-labels"]
        x = images.reshape(len(images), -1).astype(np.float32)
        x /= 255
        x -= 0.1307
        x /= 0.3081
        return x, labels.astype(np.int32)

    (x, y), test = pair("train"), pair("t10k")
    cut = len(x) - VALIDATION
    return Split(x[:cut], y[:cut], x[cut:], y[cut:], *test, name="mnist")
