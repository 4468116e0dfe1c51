from django.db import migrations

from fiberledger.tenancy.operations import AppendOnly, IsolateByTenant


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0001_initial"), ("catalog", "0002_guard"), ("subscribers", "0002_guard")]
    operations = [
        IsolateByTenant("Subscription", "PlanChange", "StatusChange"),
        AppendOnly("PlanChange", "StatusChange"),
    ]
