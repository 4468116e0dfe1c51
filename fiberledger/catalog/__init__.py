"""Catalog: what is sold.

Owns: Plan (speed, burst, quota, validity, price, fees, network names, where it is sold), AddOn (data, a boost, a fixed
address, a service: what a line takes besides its plan) and TaxRate.
Questions: Plan.objects.on_sale(), .available_in(area, branch), plan.gross(), plan.speed.
Verbs (services): set_availability, set_plan_status, set_add_on_status. No events: a subscription reads its plan when it is billed or authorised.
"""
