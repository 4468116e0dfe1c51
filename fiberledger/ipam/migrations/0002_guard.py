from pathlib import Path

from django.db import migrations

from fiberledger.tenancy.operations import IsolateByTenant

SQL = Path(__file__).parent.parent / "sql"
# Core has no gist for a bigint: a range of one number takes its place.
ONCE = """
    CREATE TYPE ipam_range AS RANGE (subtype = inet);
    ALTER TABLE ipam_pool ADD CONSTRAINT pool_overlaps_none EXCLUDE USING gist (
      int8range(tenant_id, tenant_id, '[]') WITH &&, int8range(vrf_id, vrf_id, '[]') WITH &&,
      ipam_range(first, last, '[]') WITH &&);
    ALTER TABLE ipam_holding ADD CONSTRAINT holding_overlaps_none EXCLUDE USING gist (
      int8range(tenant_id, tenant_id, '[]') WITH &&, int8range(vrf_id, vrf_id, '[]') WITH &&, network inet_ops WITH &&)
      WHERE (ended_at IS NULL);
    CREATE TRIGGER open_blocks_on_release AFTER UPDATE ON ipam_holding
      REFERENCING NEW TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION ipam_open_blocks();
    CREATE TRIGGER open_blocks_on_delete AFTER DELETE ON ipam_holding
      REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION ipam_open_blocks();"""


class Migration(migrations.Migration):
    dependencies = [("ipam", "0001_initial"), ("subscriptions", "0002_guard"), ("places", "0001_initial")]
    operations = [
        IsolateByTenant("Vrf", "Vlan", "Prefix", "Pool", "Holding", "FullBlock"),
        migrations.RunSQL([(SQL / "ipam.sql").read_text()], migrations.RunSQL.noop),
        migrations.RunSQL([ONCE], migrations.RunSQL.noop),
    ]
