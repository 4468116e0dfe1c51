from django.db import migrations

from fiberledger.tenancy.operations import IsolateByTenant

# An account that an import's undoing takes away leaves what was done for it, and nothing that stands for it.
_LEAVING = """
    ALTER TABLE provisioning_{table} DROP CONSTRAINT provisioning_{table}_account_id_of_tenant;
    ALTER TABLE provisioning_{table} ADD CONSTRAINT provisioning_{table}_account_id_of_tenant
        FOREIGN KEY (tenant_id, account_id) REFERENCES access_accessaccount (tenant_id, id) ON DELETE {then}"""


class Migration(migrations.Migration):
    dependencies = [("provisioning", "0001_initial")]

    operations = [
        IsolateByTenant("OnRouter", "Difference", "RouterStep", "LineOnRouter"),
        *(
            migrations.RunSQL(_LEAVING.format(table=table, then=then), migrations.RunSQL.noop)
            for table, then in (
                ("difference", "SET NULL (account_id)"),
                ("routerstep", "SET NULL (account_id)"),
                ("lineonrouter", "CASCADE"),
            )
        ),
    ]
