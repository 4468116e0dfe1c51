from django.db import migrations

from fiberledger.tenancy.operations import AppendOnly, IsolateByTenant

# Written out once more, on purpose: what sealed yesterday's entries must not follow tomorrow's code.
CANONICAL = """jsonb_build_array(e.id, e.tenant_id, (extract(epoch FROM e.at) * 1000000)::bigint, e.actor_kind,
    e.actor_id, e.actor_name, e.on_behalf_of, host(e.ip), e.action, e.target_type, e.target_id, e.target_label,
    e.before, e.after, e.extra)::text"""

SEAL = f"""
CREATE FUNCTION audit_seal(p_limit integer, p_now timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  t bigint := nullif(current_setting('app.tenant_id', true), '')::bigint;
  h audit_head;
  covered int8multirange;
  v_settled boolean;
  v_count integer; v_first bigint; v_last bigint; v_covers int8multirange; v_leaves bytea; v_digest bytea;
BEGIN
  INSERT INTO audit_head (tenant_id, seq, digest, last_id, settled_id, signature)
    VALUES (t, 0, decode(repeat('00', 32), 'hex'), 0, 0, '') ON CONFLICT (tenant_id) DO NOTHING;
  SELECT * INTO h FROM audit_head WHERE tenant_id = t FOR UPDATE;   -- one sealer at a time

  -- A mark is settled when every transaction that might still write below it has ended. The half minute is for one
  -- that has its number but not yet its transaction id; a mark from before a restore into another cluster is void.
  IF h.mark_xid > pg_snapshot_xmax(pg_current_snapshot())::text::bigint THEN h.mark_xid := NULL; END IF;
  v_settled := coalesce(h.mark_xid <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                        AND h.mark_at < clock_timestamp() - interval '30 seconds', false);

  SELECT range_agg(covers) INTO covered FROM audit_seal WHERE tenant_id = t AND last_id > h.settled_id;
  SELECT count(*), min(p.id), max(p.id), range_agg(int8range(p.id, p.id, '[]')),
         string_agg(sha256(convert_to(p.canonical, 'UTF8')), ''::bytea ORDER BY p.id)
    INTO v_count, v_first, v_last, v_covers, v_leaves
    FROM (SELECT e.id, {CANONICAL} AS canonical FROM audit_entry e
          WHERE e.tenant_id = t AND e.id > h.settled_id AND NOT (e.id <@ coalesce(covered, '{{}}'::int8multirange))
          ORDER BY e.id LIMIT p_limit) p;

  IF v_count > 0 THEN
    h.seq := h.seq + 1;
    v_digest := sha256(h.digest || convert_to(format('%s|%s|%s|%s|', t, h.seq, v_count, v_covers), 'UTF8') || v_leaves);
    INSERT INTO audit_seal (tenant_id, seq, sealed_at, count, first_id, last_id, covers, leaves, previous, digest)
      VALUES (t, h.seq, p_now, v_count, v_first, v_last, v_covers, v_leaves, h.digest, v_digest);
    h.digest := v_digest; h.last_id := greatest(h.last_id, v_last);
  END IF;
  -- Only now: what those transactions wrote last has just been taken in.
  IF v_settled AND v_count < p_limit THEN h.settled_id := h.mark_id; h.mark_xid := NULL; END IF;
  IF v_count < p_limit AND h.mark_xid IS NULL AND h.last_id > h.settled_id THEN
    h.mark_id := h.last_id; h.mark_at := clock_timestamp();
    h.mark_xid := pg_snapshot_xmax(pg_current_snapshot())::text::bigint;
  END IF;
  UPDATE audit_head SET seq = h.seq, digest = h.digest, last_id = h.last_id, settled_id = h.settled_id,
    mark_id = h.mark_id, mark_xid = h.mark_xid, mark_at = h.mark_at WHERE tenant_id = t;
  RETURN v_count;
END $$;

CREATE FUNCTION audit_sign(p_seq bigint, p_digest bytea, p_settled bigint, p_signature bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE audit_head SET signature = p_signature
   WHERE tenant_id = nullif(current_setting('app.tenant_id', true), '')::bigint
     AND seq = p_seq AND digest = p_digest AND settled_id = p_settled;
  RETURN FOUND;
END $$;

CREATE FUNCTION audit_tenants_to_seal() RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT t.id FROM tenancy_tenant t LEFT JOIN audit_head h ON h.tenant_id = t.id
   CROSS JOIN LATERAL (SELECT max(e.id) AS last_id FROM audit_entry e WHERE e.tenant_id = t.id) e
   WHERE e.last_id > coalesce(h.settled_id, 0) ORDER BY t.id
$$;

ALTER FUNCTION audit_seal(integer, timestamptz) OWNER TO fl_control;
ALTER FUNCTION audit_sign(bigint, bytea, bigint, bytea) OWNER TO fl_control;
ALTER FUNCTION audit_tenants_to_seal() OWNER TO fl_control;
REVOKE EXECUTE ON FUNCTION audit_seal(integer, timestamptz), audit_sign(bigint, bytea, bigint, bytea),
  audit_tenants_to_seal() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_seal(integer, timestamptz), audit_sign(bigint, bytea, bigint, bytea),
  audit_tenants_to_seal() TO fl_app;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON audit_seal, audit_head FROM fl_app;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial"), ("tenancy", "0002_guard")]

    operations = [
        IsolateByTenant("Entry", "Seal", "Head"),
        AppendOnly("Entry", "Seal"),
        migrations.RunSQL(SEAL, migrations.RunSQL.noop),
    ]
