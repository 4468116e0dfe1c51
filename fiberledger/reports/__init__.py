"""Reports: what the books and the records say, over days, places and plans.

Owns: the reports themselves (a question in, a table and a chart out). No tables of its own: every figure is a sum of
invoices, payments, postings and status changes, made when it is asked for. No events.
"""
