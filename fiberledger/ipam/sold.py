"""Fixed addresses that lines bought as an add-on: taken in the transaction of the sale, let go when it is over."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from fiberledger import calendar
from fiberledger.subscriptions.models import SoldAddOn
from fiberledger.tenancy import Refusal

from . import services
from .models import Holding, Prefix


def give(sold: SoldAddOn, by: Any) -> str:
    """The address that was asked for, or the next free one of the public (or static) prefixes of the line's branch, the
    narrowest first: a block that others lie in is there to be shared out.

    Refuses one that somebody holds, and says who does; and where none is free.
    """
    line = sold.subscription
    if sold.detail:
        return services.assign(subscription=line, address=sold.detail, by=by).address
    role = Prefix.Role.PUBLIC if sold.is_public else Prefix.Role.STATIC
    theirs = Q(branch__isnull=True) | Q(branch=line.subscriber.branch_id)
    prefixes = Prefix.objects.filter(theirs, role=role, vrf=services.main_vrf()).order_by("network")
    for prefix in sorted(prefixes, key=lambda prefix: -prefix.network.prefixlen):
        if prefix.network.version == 4:
            try:
                with transaction.atomic():
                    return services.assign(subscription=line, prefix=prefix, by=by).address
            except Refusal:  # full; perhaps the next one is not
                continue
    raise Refusal(
        _("No address is free among the prefixes of the role “%(role)s”. Add one under Addresses, or name an address.")
        % {"role": role.label}
    )


@transaction.atomic
def take_back(subscription_ids: Sequence[int], *, by: Any) -> None:
    """Let go of the addresses whose add-on is over, and of nothing else that these lines hold."""
    now = calendar.now()
    bought = SoldAddOn.objects.filter(subscription__in=subscription_ids, kind=SoldAddOn.Kind.ADDRESS).exclude(detail="")
    kept = set(bought.not_over(now).values_list("subscription_id", "detail"))
    for line, address in bought.filter(ends_at__lte=now).values_list("subscription_id", "detail").distinct():
        if (line, address) not in kept:
            network = str(ipaddress.ip_network(address))
            for holding in Holding.objects.current().filter(subscription=line, network=network):
                services.release(holding, why=_("The add-on ended"), by=by)
