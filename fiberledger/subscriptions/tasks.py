from django.utils.translation import gettext_noop

from fiberledger import calendar, jobs
from fiberledger.identity import Actor
from fiberledger.subscribers.states import Status
from fiberledger.tenancy import tenant_scope

from . import services
from .models import Subscription


@jobs.task("subscriptions.resume_held")
def resume_held(tenant_id: int) -> None:
    """Bring back the lines whose pause is over today, in the tenant's own zone."""
    with tenant_scope(tenant_id):
        due = Subscription.objects.filter(status=Status.HOLD, resume_on__lte=calendar.today())
        services.resume(
            due,
            by=Actor.system(gettext_noop("pause over")),
            reason=services.Reason.RETURNED,
            sources=[Status.HOLD],
            why=[{"rule": "pause_over"}],
        )


@jobs.periodic("5 * * * *", "subscriptions.resume_held_all")
def resume_held_all() -> None:
    jobs.for_each_tenant("subscriptions.resume_held")
