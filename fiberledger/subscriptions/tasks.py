from django.utils.translation import gettext_noop

from fiberledger import calendar, jobs
from fiberledger.identity import Actor
from fiberledger.subscribers.states import Status
from fiberledger.tenancy import tenant_scope

from . import planned, services
from .events import AddOnsChanged
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


@jobs.task("subscriptions.carry_out_planned")
def carry_out_planned(tenant_id: int) -> None:
    """Changes of plan whose day has come. A billing run makes those of its lines itself, should it be earlier."""
    with tenant_scope(tenant_id):
        planned.carry_out()


@jobs.periodic("1 * * * *", "subscriptions.carry_out_planned_all")
def carry_out_planned_all() -> None:
    jobs.for_each_tenant("subscriptions.carry_out_planned")


@jobs.task("subscriptions.add_ons_turn")
def add_ons_turn(tenant_id: int, subscription_ids: list[int]) -> None:
    """An add-on of theirs begins or ends this minute; whoever listens looks again at what the lines have."""
    with tenant_scope(tenant_id):
        jobs.publish(AddOnsChanged(subscription_ids))
