from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import override

from fiberledger import jobs, notices
from fiberledger.tenancy import current_tenant, tenant_scope

from .models import Payment
from .receipts import told


@jobs.task("payments.send_receipt")
def send_receipt(tenant_id: int, payment_id: int, subscriber_id: int) -> None:
    """Prepare the receipt's message, and take back reminders that are no longer true."""
    with tenant_scope(tenant_id), override(current_tenant().language):
        payment = Payment.objects.select_related("subscriber__receivable").get(pk=payment_id)
        if payment.is_reversed:
            return
        if payment.subscriber.receivable.balance <= 0:
            notices.drop([subscriber_id], ["invoice.due_soon", "invoice.overdue", "invoice.issued"], _("Paid"))
        notices.queue(
            "payment.received", subscriber_id=subscriber_id, cause=f"payment:{payment_id}", values=told(payment)
        )


@jobs.task("payments.tell_reversed")
def tell_reversed(tenant_id: int, payment_id: int, subscriber_id: int) -> None:
    """Take back a receipt's message that nobody has sent, else prepare one that takes back the receipt."""
    from fiberledger.notices.models import Notice

    with tenant_scope(tenant_id), override(current_tenant().language):
        payment = Payment.objects.select_related("subscriber__receivable").get(pk=payment_id)
        cause = f"payment:{payment_id}"
        Notice.objects.waiting().filter(event="payment.received", cause=cause).update(
            state=Notice.State.SKIPPED, why=_("The payment was reversed")
        )
        if Notice.objects.filter(event="payment.received", cause=cause, state=Notice.State.SENT).exists():
            notices.queue("payment.reversed", subscriber_id=subscriber_id, cause=cause, values=told(payment))
