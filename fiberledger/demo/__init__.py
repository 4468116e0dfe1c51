"""Demo: two providers and half a year of their life, lived through the same services a clerk uses.

Owns nothing: it sells, bills, collects and cuts under a moving clock, so every list and chart has a past.
Verbs: `fiberledger demo load`.
"""

PASSWORD = "fiberledger-demo"

# Who may look around: role, where, e-mail, password.
LOGINS = [
    (role, company, f"{role}@{slug}.example", PASSWORD)
    for slug, company in (("bright", "Bright ISP, Lahore"), ("savanna", "Savanna Net, Nakuru"))
    for role in ("owner", "manager", "cashier", "collector", "engineer", "support")
] + [("owner", "FiberLedger platform", "owner@platform.example", PASSWORD)]
