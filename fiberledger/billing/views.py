from __future__ import annotations

from django.http import HttpResponse

from fiberledger.identity.guards import staff


@staff("billing.view")
def run(request, pk):
    return HttpResponse(status=404)
