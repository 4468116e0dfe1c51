from django.db import migrations

from fiberledger.tenancy.operations import IsolateByTenant

# What must be known before any tenant is: where somebody may go in. Answers for the person asked about, nobody else.
PLACES = """
CREATE FUNCTION identity_places_of(p_user bigint)
RETURNS TABLE (membership_id bigint, tenant_id bigint, slug varchar, name varchar, kind varchar, is_suspended boolean,
               networks varchar[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT m.id, t.id, t.slug, t.name, t.kind, t.status <> 'active', m.allowed_networks
    FROM identity_membership m JOIN tenancy_tenant t ON t.id = m.tenant_id
   WHERE m.user_id = p_user AND m.status = 'active' ORDER BY t.name
$$;
ALTER FUNCTION identity_places_of(bigint) OWNER TO fl_control;
REVOKE EXECUTE ON FUNCTION identity_places_of(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity_places_of(bigint) TO fl_app;
"""

# The owner's role is locked first: two owners who leave at the same moment are looked at one after the other.
LAST_OWNER = """
CREATE FUNCTION identity_keep_an_owner() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE t bigint;
BEGIN
  FOR t IN SELECT DISTINCT tenant_id FROM gone ORDER BY 1 LOOP
    PERFORM 1 FROM identity_role WHERE tenant_id = t AND template = 'owner' FOR UPDATE;
    IF NOT EXISTS (
      SELECT 1 FROM identity_membership m
        JOIN identity_membershiprole l ON l.membership_id = m.id
        JOIN identity_role r ON r.id = l.role_id
       WHERE m.tenant_id = t AND m.status = 'active' AND r.template = 'owner') THEN
      RAISE EXCEPTION 'tenant % would lose its last owner', t USING ERRCODE = 'integrity_constraint_violation';
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
ALTER FUNCTION identity_keep_an_owner() OWNER TO fl_control;

CREATE FUNCTION identity_keep_an_owner_of_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE t bigint;
BEGIN
  FOR t IN SELECT DISTINCT o.tenant_id FROM gone o JOIN come n ON n.id = o.id
            WHERE o.status = 'active' AND n.status <> 'active' AND EXISTS (
              SELECT 1 FROM identity_membershiprole l JOIN identity_role r ON r.id = l.role_id
               WHERE l.membership_id = o.id AND r.template = 'owner') ORDER BY 1 LOOP
    PERFORM 1 FROM identity_role WHERE tenant_id = t AND template = 'owner' FOR UPDATE;
    IF NOT EXISTS (
      SELECT 1 FROM identity_membership m
        JOIN identity_membershiprole l ON l.membership_id = m.id
        JOIN identity_role r ON r.id = l.role_id
       WHERE m.tenant_id = t AND m.status = 'active' AND r.template = 'owner') THEN
      RAISE EXCEPTION 'tenant % would lose its last owner', t USING ERRCODE = 'integrity_constraint_violation';
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
ALTER FUNCTION identity_keep_an_owner_of_changed() OWNER TO fl_control;

CREATE TRIGGER keep_an_owner_on_disabling AFTER UPDATE ON identity_membership
  REFERENCING OLD TABLE AS gone NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION identity_keep_an_owner_of_changed();
CREATE TRIGGER keep_an_owner_on_leaving AFTER DELETE ON identity_membership
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION identity_keep_an_owner();
"""

# Taking away some other role is of no concern.
OWNER_ROLE = """
CREATE FUNCTION identity_keep_an_owner_of_roles() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE t bigint;
BEGIN
  FOR t IN SELECT DISTINCT g.tenant_id FROM gone g JOIN identity_role r ON r.id = g.role_id
            WHERE r.template = 'owner' ORDER BY 1 LOOP
    PERFORM 1 FROM identity_role WHERE tenant_id = t AND template = 'owner' FOR UPDATE;
    IF NOT EXISTS (
      SELECT 1 FROM identity_membership m
        JOIN identity_membershiprole l ON l.membership_id = m.id
        JOIN identity_role r ON r.id = l.role_id
       WHERE m.tenant_id = t AND m.status = 'active' AND r.template = 'owner') THEN
      RAISE EXCEPTION 'tenant % would lose its last owner', t USING ERRCODE = 'integrity_constraint_violation';
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
ALTER FUNCTION identity_keep_an_owner_of_roles() OWNER TO fl_control;
CREATE TRIGGER keep_an_owner_on_taking AFTER DELETE ON identity_membershiprole
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION identity_keep_an_owner_of_roles();
"""


class Migration(migrations.Migration):
    dependencies = [("identity", "0001_initial"), ("tenancy", "0002_guard"), ("places", "0002_guard")]

    operations = [
        IsolateByTenant(
            "Role",
            "Membership",
            "MembershipRole",
            "MembershipBranch",
            "MembershipArea",
            "MembershipReseller",
            "Invitation",
        ),
        migrations.RunSQL(PLACES, migrations.RunSQL.noop),
        migrations.RunSQL(LAST_OWNER, migrations.RunSQL.noop),
        migrations.RunSQL(OWNER_ROLE, migrations.RunSQL.noop),
    ]
