"""What billing keeps or derives, held against what it stands for (see ledger.proof)."""

from django.utils.translation import gettext_lazy as _

_SETTLED = """(SELECT i.id, i.number, i.subscriber_id, i.status, i.total, coalesce(sum(a.amount), 0) AS settled
                 FROM billing_invoice i LEFT JOIN billing_allocation a ON a.invoice_id = i.id GROUP BY i.id) i"""

CHECKS = {
    "kept day differs from its invoices": (
        _("What was invoiced on a day is not the sum of its invoices"),
        """
        SELECT coalesce(d."on", i.issued_on) || ' ' || coalesce(d.currency, i.currency),
               coalesce(d.total, 0) - coalesce(i.total, 0)
          FROM billing_daytotal d FULL JOIN (
            SELECT issued_on, currency, count(*) AS invoices, sum(total) AS total, sum(tax) AS tax FROM billing_invoice
             WHERE kind <> 'opening' AND status <> 'void' GROUP BY 1, 2) i
            ON i.issued_on = d."on" AND i.currency = d.currency
         WHERE (coalesce(d.total, 0), coalesce(d.tax, 0), coalesce(d.invoices, 0))
            <> (coalesce(i.total, 0), coalesce(i.tax, 0), coalesce(i.invoices, 0))""",
    ),
    "invoice stands otherwise than settled": (
        _("An invoice is not as open or paid as what settles it says"),
        f"""
        SELECT i.number, i.settled FROM {_SETTLED}
         WHERE i.status <> CASE WHEN i.status = 'void' AND i.settled = 0 THEN 'void' WHEN i.settled = i.total THEN 'paid'
                                WHEN i.settled > 0 THEN 'part_paid' ELSE 'issued' END""",
    ),
    "invoice differs from its entry": (
        _("An invoice is not what was posted for it"),
        """
        SELECT i.number, i.total - coalesce(p.amount, 0) FROM billing_invoice i
          JOIN subscribers_subscriber s ON s.id = i.subscriber_id
          LEFT JOIN LATERAL (SELECT sum(p.amount) AS amount FROM ledger_posting p
                              WHERE p.entry_id = i.entry_id AND p.account_id = s.receivable_id) p ON true
         WHERE i.total <> coalesce(p.amount, 0)""",
    ),
    "open invoices do not make the balance": (
        _("A subscriber owes more than their open invoices ask"),
        f"""
        SELECT s.number, r.balance - coalesce(i.open, 0) FROM subscribers_subscriber s
          JOIN ledger_ledgeraccount r ON r.id = s.receivable_id
          LEFT JOIN (SELECT i.subscriber_id, sum(i.total - i.settled) FILTER (WHERE i.status <> 'void') AS open
                       FROM {_SETTLED} GROUP BY i.subscriber_id) i ON i.subscriber_id = s.id
         WHERE r.balance > coalesce(i.open, 0)""",
    ),
}
