"""Catalog: what is sold.

Owns: Plan (speed, burst, quota, validity, price, fees, network names, where it is sold) and TaxRate.
Questions: Plan.objects.on_sale(), .available_in(area, branch), plan.gross(), plan.speed.
Verbs (services): set_availability, retire. No events: a subscription reads its plan when it is billed or authorised.
"""
