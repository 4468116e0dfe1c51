from django.db import migrations

from fiberledger.tenancy.operations import IsolateByTenant


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial"), ("places", "0002_guard"), ("ledger", "0001_initial")]
    operations = [
        IsolateByTenant("TaxRate", "Plan", "PlanArea", "PlanBranch"),
        migrations.RunSQL(
            "CREATE UNIQUE INDEX plan_name_once ON catalog_plan (tenant_id, lower(name)) WHERE status <> 'archived'",
            "DROP INDEX plan_name_once",
        ),
    ]
