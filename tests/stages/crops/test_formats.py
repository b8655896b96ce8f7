"""What a file is, its content says: formats that are opened whatever their names, and what is not opened at all."""

import os
import socket
import stat
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image, features

from stages.crops.decode import crop
from stages.crops.opening import FORMATS, Unusable

Image.init()  # lets Pillow list its formats
PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 20, 3), dtype=np.uint8))
SUFFIXES = [".jpg", ".jfif", ".JPE", ".png", ".heic", ".txt", ""]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", [*FORMATS, "MPO"])
def test_content_decides(tmp_path, kind, suffix):
    codec = {"AVIF": "avif", "WEBP": "webp", "JPEG2000": "jpg_2000"}.get(kind)
    if codec and not features.check(codec):
        pytest.skip(f"Pillow without {codec}")
    path = tmp_path / f"a{suffix}"
    lossless = {"lossless": True} if kind == "WEBP" else {}
    PICTURE.save(path, kind, **lossless)
    pixels, treatments = crop(path, (3, 2, 12, 12), 12, 3)
    assert treatments in ([], ["palette"])  # GIF
    exact = np.asarray(Image.open(path).convert("RGB").crop((3, 2, 15, 14)))
    assert np.abs(pixels.astype(int) - exact).mean() < 4


NOT_OPENED = {
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100),
    "HEIC of a camera": b"\0\0\0\x24ftypmif1\0\0\0\0mif1heic" + bytes(100),
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\nshowpage\n",
    "PostScript with a preview": b"\xc5\xd0\xd3\xc6\x1e\0\0\0" + bytes(100),
    "PDF": b"%PDF-1.4\n" + bytes(100),
    "Photoshop": b"8BPS\0\1" + bytes(100),
    "WMF": b"\xd7\xcd\xc6\x9a\0\0\0\0\0\0\x64\0\x64\0\x60\0" + bytes(100),
    "ICO": b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0" + bytes(100),
}


@pytest.mark.parametrize("suffix", [".jpg", ".eps", ".png"])
@pytest.mark.parametrize("kind", NOT_OPENED)
def test_what_is_not_opened_says_what_to_do(tmp_path, kind, suffix, monkeypatch):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(NOT_OPENED[kind])
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: pytest.fail("started Ghostscript"))
    with pytest.raises(Unusable, match=f"^{kind.split()[0]}, to be converted to JPEG or PNG first$"):
        crop(path, None, 8, 3)


@pytest.mark.parametrize(
    "kind", sorted(set(Image.SAVE) - {*FORMATS, "MPO", "DIB", "PDF", "EPS", "ICO", "HDF5", "GRIB", "BUFR", "WMF"})
)
def test_no_other_format_is_opened(tmp_path, kind):
    """Each with a decoder of its own, seldom looked at, for pictures that nobody has in a data set."""
    path = tmp_path / "a.spi"  # Pillow takes the suffix of what it saves as SPIDER for one of that format from then on
    try:
        PICTURE.convert({"MSP": "1", "XBM": "1", "PALM": "P", "BLP": "P"}.get(kind, "RGB")).save(path, kind)
    except (OSError, ValueError, KeyError):
        pytest.skip(f"Pillow writes no {kind} of this picture")
    path = path.rename(tmp_path / "a.png")
    with pytest.raises(Unusable, match="^unreadable$"):
        crop(path, None, 8, 3)


def test_a_program_of_another_format_is_never_started(tmp_path):
    """An EPS that is named as a picture, with a `gs` of our own in the path."""
    marker, program = tmp_path / "started", tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch {marker}\n")
    program.chmod(0o755)
    (tmp_path / "a.jpg").write_bytes(NOT_OPENED["PostScript"])
    code = f"from stages.crops.decode import crop\ncrop({str(tmp_path / 'a.jpg')!r}, None, 8, 3)"
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PATH": path}, capture_output=True, text=True)
    assert "Unusable: PostScript" in done.stderr and not marker.exists()


def fifo(path):
    os.mkfifo(path)


def folder(path):
    path.mkdir()


def device(path):
    path.symlink_to("/dev/zero")


def terminal(path):
    path.symlink_to("/dev/tty")


def link_to_a_pipe(path):
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to("pipe")


@pytest.mark.parametrize("make", [fifo, folder, device, terminal, link_to_a_pipe])
def test_only_files_are_read(tmp_path, make):
    path = tmp_path / "a.jpg"
    make(path)
    if make is terminal and not os.path.exists(path):
        pytest.skip("no terminal")
    failed = []

    def read():
        with pytest.raises(Unusable, match="^not a file$"):
            crop(path, None, 8, 3)
        failed.append(False)

    thread = threading.Thread(target=read, daemon=True)  # else a pipe is waited for without end
    thread.start()
    thread.join(20)
    assert failed == [False]


def test_a_socket_is_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # its path is short
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("a.jpg")
        with pytest.raises(Unusable, match="^not a file$"):
            crop("a.jpg", None, 8, 3)


@pytest.mark.parametrize(
    "target, reason",
    [("nowhere.jpg", "missing"), ("a.jpg", "a link that leads to itself"), ("file/b.jpg", "missing")],
)
def test_links_that_lead_nowhere(tmp_path, target, reason):
    (tmp_path / "file").write_text("")
    (tmp_path / "a.jpg").symlink_to(target)
    with pytest.raises(Unusable, match=f"^{reason}$"):
        crop(tmp_path / "a.jpg", None, 8, 3)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the administrator may read anything")
def test_a_file_that_may_not_be_read_says_so(tmp_path):
    path = tmp_path / "a.png"
    PICTURE.save(path)
    path.chmod(stat.S_IWUSR)
    with pytest.raises(Unusable, match="^unreadable: Permission denied$"):
        crop(path, None, 8, 3)


@pytest.mark.parametrize("path", ["a\0b.jpg", "x" * 5000 + ".jpg", "\ud800.jpg"])
def test_names_that_no_file_can_have(path):
    with pytest.raises(Unusable):
        crop(path, None, 8, 3)


def pixels_of(row):
    return np.full((4, 4), row, np.uint8)


def failing():
    raise ValueError("the row is gone")


def test_pixels_may_be_made_when_they_are_needed():
    from functools import partial

    assert (crop(partial(pixels_of, 7), None, 4, 1)[0] == 7).all()
    for what in (failing, partial(pixels_of, None), lambda: None, lambda: np.zeros((4, 4, 9, 9), np.uint8)):
        with pytest.raises(Unusable, match="^unreadable$"):
            crop(what, None, 4, 1)
