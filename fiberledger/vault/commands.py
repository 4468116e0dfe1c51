"""`fiberledger vault …`: the keys that lock secrets, and their rotation."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any


def add_commands(subparsers: Any) -> None:
    vault = subparsers.add_parser("vault", help="the keys that lock passwords and secrets")
    verbs = vault.add_subparsers(dest="verb", required=True, metavar="VERB")
    rotate = verbs.add_parser(
        "rotate",
        help="a new master key; everything goes on serving",
        description="Makes a new master key (where keys lie in a file; with VAULT_KEYS or KMS_COMMAND the present one is taken) "
        "and wraps every tenant's data key with it. With --data every secret is locked anew with a new data key, in small "
        "batches; broken off, it goes on where it was when it is run again. Keep old master keys as long as old backups.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    rotate.add_argument("--data", action="store_true", help="lock the secrets themselves anew, too")
    rotate.add_argument("--same-master", action="store_true", help="make no new master key")
    rotate.add_argument(
        "--settle", type=float, default=60.0, metavar="S",
        help="seconds until no process locks with the old data key any more (default %(default)g)",
    )  # fmt: skip
    rotate.set_defaults(run=_rotate)
    status = verbs.add_parser(
        "status", help="where keys come from, and what is locked with which",
        description="Exit code 1 when something is locked with a key that was replaced.",
    )  # fmt: skip
    status.add_argument("--json", action="store_true", help="print one JSON object")
    status.set_defaults(run=_status)


def _rotate(options: Any) -> int:
    from . import keys, rotation

    name = keys.current()
    goes_on = options.data and rotation.unfinished()
    if keys.where() == str(keys.key_file()) and not (options.same_master or goes_on):
        name = keys.add_to_file()
    tenants = rotation.tenants()
    wrapped = sum(rotation.rewrap(tenant_id) for tenant_id, _slug in tenants)
    print(f"master key {name} from {keys.where()}: {wrapped} data keys wrapped", flush=True)
    if not options.data:
        return 0
    began = time.monotonic()
    numbers = {tenant_id: rotation.begin(tenant_id) for tenant_id, _slug in tenants}
    for tenant_id, slug in tenants:
        print(f"{slug}: {sum(rotation.relock(tenant_id, numbers[tenant_id]))} secrets locked anew", flush=True)
    # Until every process has seen the new key some may lock with the one of before.
    time.sleep(max(0.0, began + options.settle - time.monotonic()))
    for tenant_id, slug in tenants:
        if late := sum(rotation.relock(tenant_id, numbers[tenant_id])):
            print(f"{slug}: {late} more that were set meanwhile", flush=True)
        rotation.finish(tenant_id, numbers[tenant_id])
    return 0


def _status(options: Any) -> int:
    from fiberledger.tenancy import tenant_scope

    from . import keys, rotation, services
    from .models import DataKey

    present = keys.current()
    found, behind = [], 0
    for tenant_id, slug in rotation.tenants():
        with tenant_scope(tenant_id):
            data_keys = list(DataKey.objects.order_by("number"))
            newest = data_keys[-1].number if data_keys else 0
            old = sum(n for _kind, counts in services.how_locked() for number, n in counts.items() if number != newest)
            secrets = sum(n for _kind, counts in services.how_locked() for n in counts.values())
        others = sum(one.master != present for one in data_keys)
        behind += old + others
        found.append(
            {
                "tenant": slug,
                "data_key": newest,
                "secrets": secrets,
                "under_older_keys": old,
                "under_older_masters": others,
            }
        )
    said = {
        "master": present, "from": keys.where(), "masters": keys.names(), "beside_the_data": keys.lies_beside_the_data(),
        "tenants": found,
    }  # fmt: skip
    if options.json:
        print(json.dumps(said))
        return 1 if behind else 0
    print(f"master key {present} from {keys.where()}")
    for one in found:
        print(
            "{tenant}: {secrets} secrets, data key {data_key}; {under_older_keys} under older data keys, {under_older_masters} data keys under older masters".format(
                **one
            )
        )
    if said["beside_the_data"]:
        print(
            "fiberledger: the master key lies in DATA_DIR, beside the data; see VAULT_KEY_FILE and KMS_COMMAND in docs/vault.md",
            file=sys.stderr,
        )
    return 1 if behind else 0
