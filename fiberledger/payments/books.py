"""What payments keep, held against the ledger (see ledger.proof)."""

from django.utils.translation import gettext_lazy as _

CHECKS = {
    "payment differs from its entry": (
        _("A payment is not what was posted for it"),
        """
        SELECT p.number, p.amount - coalesce(q.amount, 0) FROM payments_payment p
          LEFT JOIN LATERAL (SELECT sum(q.amount) AS amount FROM ledger_posting q
                              WHERE q.entry_id = p.entry_id AND q.account_id = p.account_id) q ON true
         WHERE p.amount <> coalesce(q.amount, 0)""",
    ),
    "closing differs from its payments": (
        _("A cash closing does not expect what its payments make"),
        """
        SELECT c.collector_name || ' ' || c."on", c.expected - coalesce(taken.amount, 0) + coalesce(back.amount, 0)
          FROM payments_cashclosing c
          LEFT JOIN (SELECT closing_id, sum(amount) AS amount FROM payments_payment GROUP BY 1) taken
            ON taken.closing_id = c.id
          LEFT JOIN (SELECT reversal_closing_id, sum(amount) AS amount FROM payments_payment GROUP BY 1) back
            ON back.reversal_closing_id = c.id
         WHERE c.expected <> coalesce(taken.amount, 0) - coalesce(back.amount, 0)""",
    ),
}
