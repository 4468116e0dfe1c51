from __future__ import annotations

import tempfile
from pathlib import Path

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import override

from fiberledger import jobs, screens
from fiberledger.identity.models import User
from fiberledger.identity.tenants import actor_for
from fiberledger.screens.scope import Scope
from fiberledger.tenancy import Refusal, current_tenant, tenant_scope

from . import services


@jobs.task("exports.write")
def write(tenant_id: int, run_id: int) -> None:
    """Write a long list into a private file, as the one who asked may see it now."""
    with jobs.running(tenant_id, run_id) as run, override(run.options.get("language") or "en"):
        options = run.options
        with tempfile.TemporaryDirectory(prefix="fiberledger-export-") as place:
            target = Path(place) / "export"
            with tenant_scope(tenant_id):
                user = User.objects.filter(pk=run.started_by_id).first()
                actor = actor_for(user, current_tenant(), options.get("ip")) if user else None
                screen = screens.find_screen(options["screen"])
                if actor is None or screen is None or not screen.may(actor, "view"):
                    raise Refusal(_("Whoever asked for this export may not see the list any more."))
                services.refuse_unless_allowed(screen, actor)
                params = QueryDict(options["query"])
                queryset = screens.rows_for(screen, actor, params, within=Scope(*options["within"]))
                total = run.total or queryset.order_by().select_related(None).count()
                jobs.progress(tenant_id, run_id, 0, total)
                rows = services.write(
                    target, options["format"], screen, services._columns(screen, params, actor), queryset.iterator(services.CHUNK),
                    report=lambda done: jobs.progress(tenant_id, run_id, done, total),
                )  # fmt: skip
                file = services.keep(target, screen, options["format"], rows, by=actor)
                run.result = {"rows": rows, "size": file.size, "file_id": file.pk}
        jobs.progress(tenant_id, run_id, rows, rows)


@jobs.task("exports.forget_old")
def forget_old(tenant_id: int) -> None:
    """Drop exports a week after they were made."""
    with tenant_scope(tenant_id):
        services.forget_old()


@jobs.periodic("41 3 * * *", "exports.tick")
def tick() -> None:
    jobs.for_each_tenant("exports.forget_old")
