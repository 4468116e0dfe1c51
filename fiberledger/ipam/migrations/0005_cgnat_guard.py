from django.db import migrations

from fiberledger.tenancy.operations import IsolateByTenant

ONCE = """
    ALTER TABLE ipam_cgnatrule ADD CONSTRAINT cgnat_outside_once EXCLUDE USING gist (
      int8range(tenant_id, tenant_id, '[]') WITH &&, outside inet_ops WITH &&, tstzrange(began_at, ended_at) WITH &&)"""


class Migration(migrations.Migration):
    dependencies = [("ipam", "0004_cgnat")]
    operations = [IsolateByTenant("CgnatRule"), migrations.RunSQL([ONCE], migrations.RunSQL.noop)]
