import io
import os
import struct
import zlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from fiberledger import files
from fiberledger.files import services
from fiberledger.files.models import File
from fiberledger.tenancy import Refusal


@pytest.fixture
def by(isp):
    with isp.scope():
        yield isp.system()


def upload(data, name="photo.jpg", kind="image/jpeg"):
    return SimpleUploadedFile(name, data, kind)


def picture(kind="JPEG", size=(640, 480), **how):
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind, **how)
    return out.getvalue()


def png_header(width, height):
    """A PNG that claims to be huge and is a few bytes: what a decompression bomb looks like from outside."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"\0" * 1_000_000, 9)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_kept_and_read_back(by, kind):
    file = files.store(upload(picture(kind)), by=by)
    assert file.content_type == f"image/{kind.lower()}" and (file.width, file.height) == (640, 480)
    with files.open_file(file) as stored:
        data = stored.read()
    assert len(data) == file.size and Image.open(io.BytesIO(data)).format == kind
    assert os.stat(files.path_of(file)).st_mode & 0o077 == 0


def test_nothing_but_the_picture_is_kept(by):
    exif = Image.Exif()
    exif[0x010E] = "31.5 N 74.3 E, the safe is behind the door"
    data = picture(exif=exif) + b"<script>alert(1)</script><?php system($_GET[0]); ?>"
    with files.open_file(files.store(upload(data), by=by)) as stored:
        kept = stored.read()
    assert b"safe" not in kept and b"script" not in kept and b"php" not in kept


def test_a_photo_that_lies_on_its_side_is_stood_up_and_a_huge_one_made_smaller(by):
    exif = Image.Exif()
    exif[0x0112] = 6
    file = files.store(upload(picture(size=(4800, 2400), exif=exif)), by=by)
    assert (file.width, file.height) == (1200, 2400)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", "photo.jpg"),
        (b"MZ\x90\x00" + b"\0" * 500, "photo.jpg"),
        (b"\x7fELF" + b"\0" * 500, "photo.png"),
        (b"<html><script>alert(1)</script>", "photo.jpg"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "photo.svg"),
        (b"GIF89a" + b"\0" * 50, "photo.gif"),
        (b"PK\x03\x04" + b"\0" * 500, "photo.jpg"),
        (picture()[:400], "photo.jpg"),
        (b"\xff\xd8\xff" + b"\0" * 500, "photo.jpg"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 500, "photo.png"),
        (png_header(50_000, 50_000), "bomb.png"),
        (png_header(2**31 - 1, 2**31 - 1), "bomb.png"),
        (png_header(6_000, 6_000), "short.png"),
        (b"%PDF-1.7 and then nothing", "agreement.pdf"),
    ],
)
def test_what_is_not_what_it_says_or_too_much_is_refused_and_leaves_nothing(by, data, name):
    with pytest.raises(Refusal):
        files.store(upload(data, name), by=by)
    assert not File.objects.exists()


def test_a_bomb_costs_no_memory(by):
    import tracemalloc

    tracemalloc.start()
    with pytest.raises(Refusal):
        files.store(upload(png_header(50_000, 50_000), "bomb.png"), by=by)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_size_is_capped_whatever_the_upload_claims(by):
    class Liar(io.BytesIO):
        size, name = 10, "photo.jpg"

    with pytest.raises(Refusal, match="larger than"):
        files.store(Liar(b"\xff\xd8\xff" + b"\0" * 11_000_000), by=by)
    with pytest.raises(Refusal, match="larger than"):
        files.store(upload(picture()), by=by, max_bytes=100)


def test_a_paper_is_no_picture(by):
    paper = b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
    with pytest.raises(Refusal):
        files.store(upload(paper, "id.pdf"), accept=files.PICTURES, by=by)
    assert files.store(upload(paper, "agreement"), by=by).name == "agreement.pdf"


@pytest.mark.parametrize(
    ("given", "kept"),
    [("../../etc/passwd", "passwd.jpg"), ("C:\\x\\me.exe", "me.jpg"), ("a\0b\r\nc.jpg", "a_b_c.jpg"), ("", "file.jpg"),
     ("شناختی کارڈ.jpg", "شناختی کارڈ.jpg"), ("x" * 300 + ".jpg", "x" * 100 + ".jpg")],
)  # fmt: skip
def test_names_are_only_names(given, kept):
    assert services._tidy_name(given, "image/jpeg") == kept


def test_an_address_is_this_tenants_and_short_lived(isp, zed, clock, monkeypatch):
    with isp.scope():
        file = files.store(upload(picture()), by=isp.system())
        token = files.url_for(file).rstrip("/").rpartition("/")[2]
        assert files.read_token(token) == file
        assert files.read_token(token[:-1] + ("A" if token[-1] != "A" else "B")) is None
        assert files.read_token("nonsense") is None
    with zed.scope():
        assert files.read_token(token) is None
        with pytest.raises(PermissionError):
            files.path_of(file)
    import time

    real = time.time
    monkeypatch.setattr("django.core.signing.time.time", lambda: real() + 301)
    with isp.scope():
        assert files.read_token(token) is None


def test_bytes_without_a_row_are_swept_and_those_with_one_stay(isp):
    with isp.scope():
        kept = files.store(upload(picture()), by=isp.system())
    try:
        with isp.scope():
            lost = files.path_of(files.store(upload(picture()), by=isp.system()))
            raise RuntimeError
    except RuntimeError:
        pass
    assert lost.exists()
    with isp.scope():
        assert services.sweep() == 0
        assert services.sweep(older_than_seconds=-1) == 1
        assert not lost.exists() and files.path_of(kept).exists()
