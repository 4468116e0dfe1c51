"""fiberledger member …: let people in from the machine itself."""

from __future__ import annotations

import json
import sys
from typing import Any


def add_commands(subparsers: Any) -> None:
    member = subparsers.add_parser("member", help="add, list and unlock the people of a tenant")
    actions = member.add_subparsers(dest="action", metavar="ACTION", required=True)

    add = actions.add_parser("add", help="make somebody a member; a new person's password is read from standard input")
    add.add_argument("email")
    add.add_argument("--tenant", metavar="SLUG", required=True)
    add.add_argument("--name", required=True)
    add.add_argument("--role", default="owner", help="a role template, e.g. owner, manager, collector (default: owner)")
    add.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    add.set_defaults(run=_add)

    invite = actions.add_parser("invite", help="send somebody a letter with which they join")
    invite.add_argument("email")
    invite.add_argument("--tenant", metavar="SLUG", required=True)
    invite.add_argument("--name", required=True)
    invite.add_argument("--role", default="owner")
    invite.set_defaults(run=_invite)

    listing = actions.add_parser("list", help="who is a member, with which roles")
    listing.add_argument("--tenant", metavar="SLUG", required=True)
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=_list)

    unlock = actions.add_parser("unlock", help="let somebody who mistyped too often try again")
    unlock.add_argument("email")
    unlock.set_defaults(run=_unlock)

    role_list = actions.add_parser("roles", help="the role templates there are")
    role_list.set_defaults(run=_roles)


def _tenant(slug: str) -> Any:
    from fiberledger.tenancy import Refusal

    from .tenants import by_slug

    tenant = by_slug(slug)
    if tenant is None:
        raise Refusal(f"there is no tenant “{slug}”")
    return tenant


def _add(options: Any) -> int:
    from fiberledger.tenancy import tenant_scope

    from . import services
    from .actor import Actor
    from .models import User

    password = sys.stdin.readline().rstrip("\n") if options.password_stdin else None
    with tenant_scope(_tenant(options.tenant).pk):
        if password is not None and User.objects.by_email(options.email) is None:
            services.check_password_policy(password, User(email=options.email, name=options.name))
        membership = services.add_member(
            options.email, options.name, options.role, password=password, by=Actor.system("command line")
        )
        print(f"{membership.user.email} is {', '.join(map(str, membership.roles))} of {options.tenant}")
    return 0


def _invite(options: Any) -> int:
    from fiberledger.tenancy import Refusal, tenant_scope

    from . import services
    from .actor import Actor
    from .models import Role

    with tenant_scope(_tenant(options.tenant).pk):
        role = Role.objects.filter(template=options.role).first()
        if role is None:
            raise Refusal(f"there is no role “{options.role}” here; see `fiberledger member roles`")
        services.invite(options.email, options.name, services.Grant((role.pk,)), by=Actor.system("command line"))
        print(f"a letter to {options.email} is on its way")
    return 0


def _list(options: Any) -> int:
    from fiberledger.tenancy import tenant_scope

    from .models import Membership

    with tenant_scope(_tenant(options.tenant).pk):
        members = [
            {"email": m.user.email, "name": m.name, "roles": [str(r) for r in m.roles], "status": m.status}
            for m in Membership.objects.with_roles().order_by("id")
        ]
    if options.json:
        print(json.dumps({"members": members}))
    else:
        for member in members:
            print(f"{member['email']}\t{member['name']}\t{', '.join(member['roles'])}\t{member['status']}")
    return 0


def _unlock(options: Any) -> int:
    from . import throttle
    from .models import tidy_email

    was_locked = throttle.forget(throttle.LOGIN_ACCOUNT, tidy_email(options.email))
    print("unlocked" if was_locked else "was not locked")
    return 0


def _roles(options: Any) -> int:
    from .roles import TEMPLATES

    for template in TEMPLATES.values():
        print(f"{template.code}\t{template.name}\t{', '.join(template.kinds)}")
    return 0
