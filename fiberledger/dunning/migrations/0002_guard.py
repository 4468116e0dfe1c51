from django.db import migrations

from fiberledger.tenancy.operations import IsolateByTenant


class Migration(migrations.Migration):
    dependencies = [
        ("dunning", "0001_initial"),
        ("jobs", "0002_guard"),
        ("places", "0002_guard"),
        ("subscribers", "0002_guard"),
    ]
    operations = [IsolateByTenant("SuspensionPolicy", "AreaGrace", "Exemption", "SuspensionRun")]
