from __future__ import annotations

from typing import Any

from fiberledger import files

from .models import Document, Subscriber


def context(request: Any, subscriber: Subscriber) -> dict[str, Any]:
    """The documents tab: each with a fresh address that opens it for a few minutes."""
    documents = Document.objects.kept().filter(subscriber=subscriber).select_related("file").order_by("-added_at")[:40]
    return {
        "documents": [(document, files.url_for(document.file)) for document in documents],
        "may_add": request.actor.may("files.add"),
    }
