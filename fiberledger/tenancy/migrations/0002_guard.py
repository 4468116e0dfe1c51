from django.db import migrations

from fiberledger.tenancy.operations import IsolateByTenant


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0001_initial")]
    operations = [
        IsolateByTenant("Counter", "Profile"),
        # The tree of tenants is the control role's; to the app it is there to be read.
        migrations.RunSQL(
            "REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON tenancy_tenant FROM fl_app",
            migrations.RunSQL.noop,
        ),
    ]
