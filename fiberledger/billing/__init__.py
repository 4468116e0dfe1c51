"""Billing: what is owed, and why.

Owns: Invoice and its lines, Allocation (the part of a credit that settles an invoice), Issuer (the seller as printed),
BillingPolicy, BillingRun and what it skipped, and which changes of plan and days of add-ons were charged (BilledChange, BilledAddOn).
Rules (rules.py): periods, shares, tax, as pure arithmetic; every line keeps the steps that made it.
Verbs: preview_run, start_run, issue_invoices, issue_opening, issue_manual, charge_add_on, void_invoice, settle_open_invoices,
unsettle. All are written for a set; one is a set of one.
Questions: Invoice.objects.open().oldest_first(), aging(), statement(subscriber), paper_data(invoice).
Events: InvoicesIssued, InvoicesSettled, InvoiceVoided. PostgreSQL refuses what must not happen (migration 0002).
"""
