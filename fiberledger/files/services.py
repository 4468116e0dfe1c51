from __future__ import annotations

import hashlib
import os
import re
import warnings
from io import BytesIO
from pathlib import Path
from typing import IO, Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils.translation import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError

from fiberledger.tenancy import Refusal, current_tenant_id

from .models import File

PICTURES = frozenset({"image/jpeg", "image/png", "image/webp"})
PAPERS = frozenset({"application/pdf"})

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 40_000_000  # a 40-megapixel photo; a bomb of 50,000 × 50,000 is refused by its header alone
LONGEST_SIDE = 2400  # a readable ID card, at a tenth of what a telephone sends
MINUTES = 5

_EXTENSION = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "application/pdf": ".pdf"}
_FORMAT = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
_salt = "fiberledger.files"


def sniff(head: bytes) -> str:
    """The type that the first bytes betray, or "" for anything else, whatever the name says."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith(b"%PDF-"):
        return "application/pdf"
    return ""


def store(upload: Any, *, accept: frozenset[str] = PICTURES | PAPERS, by: Any, max_bytes: int = MAX_BYTES) -> File:
    """Keep an uploaded file. Raises Refusal for what is too large, not of an accepted type, or broken.

    Pictures are decoded and written anew: position data, comments and whatever hid behind the picture are gone.
    """
    if upload.size is not None and upload.size > max_bytes:
        raise Refusal(_too_large(max_bytes))
    data = upload.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise Refusal(_too_large(max_bytes))
    if not data:
        raise Refusal(_("The file is empty."))
    kind = sniff(data[:16])
    if kind not in accept:
        if accept <= PICTURES:
            raise Refusal(_("This is no picture. Choose a JPEG, PNG or WebP."))
        raise Refusal(_("This kind of file is not kept here. Choose a JPEG, PNG, WebP or PDF."))
    width = height = None
    if kind in PICTURES:
        data, width, height = _redraw(data, kind)
    elif kind == "application/pdf" and b"%%EOF" not in data[-2048:]:
        raise Refusal(_("This PDF is not complete. Save it again and retry."))
    return store_bytes(data, _tidy_name(getattr(upload, "name", ""), kind), kind, by=by, width=width, height=height)


def store_bytes(
    data: bytes, name: str, content_type: str, *, by: Any, width: int | None = None, height: int | None = None
) -> File:
    """Keep bytes that we made ourselves: an export, a PDF."""
    key = uuid4()
    place = f"{key.hex[:2]}/{key.hex}"
    target = _folder() / place
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    return File.objects.create(
        key=key,
        name=name[:150],
        content_type=content_type,
        size=len(data),
        place=place,
        width=width,
        height=height,
        sha256=hashlib.sha256(data).hexdigest(),
        added_by=getattr(by, "name", "")[:120],
    )


def store_path(path: Path | str, name: str, content_type: str, *, by: Any) -> File:
    """Keep a file that a job wrote to disk; it is moved, not read into memory."""
    key = uuid4()
    place = f"{key.hex[:2]}/{key.hex}"
    target = _folder() / place
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    size = 0
    with open(path, "rb") as given, open(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
        while block := given.read(1 << 20):
            digest.update(block)
            size += len(block)
            out.write(block)
        out.flush()
        os.fsync(out.fileno())
    Path(path).unlink(missing_ok=True)
    return File.objects.create(
        key=key,
        name=name[:150],
        content_type=content_type,
        size=size,
        place=place,
        sha256=digest.hexdigest(),
        added_by=getattr(by, "name", "")[:120],
    )


def open_file(file: File) -> IO[bytes]:
    """The bytes, for reading. Raises FileNotFoundError where a backup brought back the row without them."""
    return path_of(file).open("rb")


def path_of(file: File) -> Path:
    """Where the bytes lie. Paths hold the tenant, and nothing a person typed."""
    if file.tenant_id != current_tenant_id() or not re.fullmatch(r"[0-9a-f]{2}/[0-9a-f]{32}", file.place):
        raise PermissionError(file.place)
    return _folder() / file.place


def url_for(file: File, *, minutes: int = MINUTES) -> str:
    """An address that opens the file for a few minutes, for the staff of this tenant and nobody else."""
    token = signing.dumps([current_tenant_id(), file.key.hex, minutes], salt=_salt, compress=False)
    return reverse("files:open", args=[token])


def read_token(token: str) -> File | None:
    """The file that a signed address names, while it is fresh and ours."""
    try:
        tenant_id, key, minutes = signing.loads(token, salt=_salt)
        signing.loads(token, salt=_salt, max_age=minutes * 60)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    if tenant_id != current_tenant_id():
        return None
    return File.objects.filter(key=UUID(key)).first()


def discard(file: File) -> None:
    """Forget a file. Its bytes go with the next sweep, so a transaction that fails has lost nothing."""
    file.delete()


def sweep(older_than_seconds: float = 86_400) -> int:
    """Remove bytes that no row names: uploads whose transaction failed, and what was discarded. Returns how many."""
    import time

    kept = set(File.objects.values_list("place", flat=True))
    removed = 0
    for path in _folder().glob("??/*"):
        if f"{path.parent.name}/{path.name}" not in kept and time.time() - path.stat().st_mtime > older_than_seconds:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _folder() -> Path:
    return Path(settings.DATA_DIR) / "files" / str(current_tenant_id())


def _redraw(data: bytes, kind: str) -> tuple[bytes, int, int]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data), formats=[_FORMAT[kind]]) as picture:
                if picture.width * picture.height > MAX_PIXELS or getattr(picture, "n_frames", 1) > 1:
                    raise Refusal(_("This picture is too large. Send one of at most 40 megapixels."))
                picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
                drawn = ImageOps.exif_transpose(picture)
                drawn.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
                wanted = "RGBA" if kind != "image/jpeg" and "A" in drawn.getbands() else "RGB"
                drawn = drawn.convert(wanted)
                clean = Image.new(wanted, drawn.size)
                clean.paste(drawn)
                out = BytesIO()
                clean.save(out, _FORMAT[kind], **({"quality": 85} if kind != "image/png" else {"optimize": False}))
    except Refusal:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refusal(_("This picture is too large. Send one of at most 40 megapixels.")) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, MemoryError) as error:
        raise Refusal(_("This picture cannot be read. Take or save it again.")) from error
    return out.getvalue(), clean.width, clean.height


def _tidy_name(name: str, kind: str) -> str:
    stem = re.sub(r"[^\w .()-]+", "_", Path(name.replace("\\", "/")).name.rpartition(".")[0] or Path(name).name)
    stem = stem.strip(" ._")[:100] or "file"
    return stem + _EXTENSION[kind]


def _too_large(max_bytes: int) -> str:
    return _("The file is larger than %d MB.") % (max_bytes // (1024 * 1024))
