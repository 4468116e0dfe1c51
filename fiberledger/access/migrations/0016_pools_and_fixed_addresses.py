import django.db.models.deletion
from django.db import migrations, models

import fiberledger.tenancy.models
import fiberledger.tenancy.scope
from fiberledger.tenancy.operations import IsolateByTenant

# The fixed addresses that lines have already, tenant by tenant, as row-level security wants it. What contradicts itself (two
# accounts with prefixes inside each other) is left out: the next change of that account says so.
ADOPT = """
DO $$
DECLARE t bigint; main bigint; one record;
BEGIN
  FOR t IN SELECT id FROM tenancy_tenant LOOP
    PERFORM set_config('app.tenant_id', t::text, true);
    main := NULL;
    FOR one IN
      SELECT a.subscription_id AS line, f.network FROM access_accessaccount a
        JOIN subscriptions_subscription s ON s.tenant_id = a.tenant_id AND s.id = a.subscription_id
       CROSS JOIN LATERAL (VALUES (a.static_ip::cidr), (nullif(a.delegated6, '')::cidr), (nullif(a.prefix6, '')::cidr)) f (network)
       WHERE a.tenant_id = t AND f.network IS NOT NULL AND s.status NOT IN ('terminated', 'blacklisted')
    LOOP
      IF main IS NULL THEN
        INSERT INTO ipam_vrf (tenant_id, name, rd, description, is_main) VALUES (t, 'Main', '', '', true) RETURNING id INTO main;
      END IF;
      BEGIN
        INSERT INTO ipam_holding (tenant_id, vrf_id, network, state, subscription_id, purpose, origin, began_at, began_by, ended_by, why_ended)
          VALUES (t, main, one.network, 'assigned', one.line, '', 'account', now(), '', '', '');
      EXCEPTION WHEN exclusion_violation OR unique_violation THEN NULL;
      END;
    END LOOP;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$"""


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0015_attributes"),
        ("ipam", "0003_held_prefixes"),
        ("tenancy", "0002_guard"),
    ]
    operations = [
        migrations.CreateModel(
            name="PoolAtNas",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "nas",
                    fiberledger.tenancy.models.TenantForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="pools",
                        to="access.nas",
                        verbose_name="router",
                    ),
                ),
                (
                    "pool",
                    fiberledger.tenancy.models.TenantForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="routers",
                        to="ipam.pool",
                        verbose_name="address pool",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        default=fiberledger.tenancy.scope.current_tenant_id,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenancy.tenant",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "nas", "pool"), name="pool_at_nas_once"),
                ],
            },
        ),
        IsolateByTenant("PoolAtNas"),
        migrations.RunSQL([ADOPT], migrations.RunSQL.noop),
    ]
